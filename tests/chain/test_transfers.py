"""Owners from logs alone are those that the contract names."""

from __future__ import annotations

from pathlib import Path

from nftgan.chain.accounts import embedded_account
from nftgan.chain.rpc import Connection
from nftgan.chain.transfers import holders, transfers
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
