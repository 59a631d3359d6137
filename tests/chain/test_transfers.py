"""Owners from logs alone are those that the contract names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nftgan.chain.accounts import embedded_account
from nftgan.chain.rpc import Connection
from nftgan.chain.transfers import TRANSFER_TOPIC, holders, transfers
from tests.chain.actors import account, deploy, mint, sender


def test_holders_from_logs_are_the_contracts_own(embedded: Connection, tmp_path: Path) -> None:
    me, friend = embedded_account(), account("friend").address
    collection = deploy(embedded, me, tmp_path, 7)
    mint(sender(embedded, me, tmp_path / "mint.jsonl"), collection, 7)
    own = sender(embedded, me, tmp_path / "own.jsonl")
    move = collection._contract.encode_abi("transferFrom", [me.address, friend, 2])
    own.execute("move", to=collection.address, data=bytes.fromhex(move[2:]))
    own.execute("burn", to=collection.address, data=collection.burn_data(3))
    query = {"fromBlock": "0x0", "toBlock": "latest", "address": collection.address}
    logs = embedded.ask("eth_getLogs", query)
    assert holders(logs, collection.address) == {
        token: holder for token in range(7) if (holder := collection.owner_of(token))
    }
    assert len(transfers(logs, collection.address)) == 9
    assert holders(logs, friend) == {}


@pytest.mark.parametrize("topic", ["0x12", "0x" + 64 * "g", "0x" + 24 * "1" + 40 * "0", 7])
def test_a_topic_that_is_no_account_is_of_the_wrong_form(topic: Any) -> None:
    """The node is to blame then, not who typed the command."""
    contract = account("contract").address
    someone = "0x" + 24 * "0" + account("a").address[2:].swapcase()  # no checksum is meant there
    log = {"address": contract, "topics": [TRANSFER_TOPIC, someone, someone, "0x1"]}
    assert transfers([log], contract) == [(1, account("a").address, account("a").address)]
    log["topics"] = [TRANSFER_TOPIC, someone, topic, "0x1"]
    with pytest.raises((ValueError, TypeError)):
        transfers([log], contract)
