"""Owners from logs are the contract's own, whatever the node allows, and lies are refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nftgan.chain.accounts import embedded_account
from nftgan.chain.contract import Collection
from nftgan.chain.errors import NodeRefused
from nftgan.chain.owners import owners_of
from nftgan.chain.rpc import Connection
from nftgan.errors import CheckFailed, PartlyDone, ServiceError
from tests.chain.actors import account, deploy, mint, sender

FRIEND, OTHER = account("friend").address, account("other").address
Lie = Callable[[list[dict[str, Any]]], list[dict[str, Any]]]


@pytest.fixture
def moved(embedded: Connection, tmp_path: Path) -> Collection:
    """Seven tokens in two mints; 2 and 4 moved, 4 came back, 3 is burnt."""
    me = embedded_account()
    collection = deploy(embedded, me, tmp_path, 7)
    minter = sender(embedded, me, tmp_path / "mint.jsonl")
    mint(minter, collection, 5)
    own = sender(embedded, me, tmp_path / "own.jsonl")

    def move(giver: str, taker: str, token: int) -> bytes:
        data = collection._contract.encode_abi("transferFrom", [giver, taker, token])
        return bytes.fromhex(data[2:])

    own.execute("a", to=collection.address, data=move(me.address, FRIEND, 2))
    own.execute("b", to=collection.address, data=collection.burn_data(3))
    own.execute("c", to=collection.address, data=move(me.address, me.address, 4))
    own.execute("d", to=collection.address, data=move(me.address, OTHER, 4))
    mint(minter, collection, 7, to=FRIEND)
    return collection


def test_owners_from_logs_are_the_contracts_own(moved: Collection) -> None:
    found = owners_of(moved)
    assert found.owners == {t: owner for t in range(7) if (owner := moved.owner_of(t))}
    assert (found.minted, found.burnt) == (7, (3,))
    assert found.block == moved.connection.w3.eth.block_number
    assert found.block_hash == "0x" + moved.connection.w3.eth.get_block(found.block)["hash"].hex()
    assert list(found.tokens().items()) == [
        (FRIEND, [2, 5, 6]),
        (embedded_account().address, [0, 1]),
        (OTHER, [4]),
    ]


def test_older_blocks_show_older_owners(moved: Collection) -> None:
    me = embedded_account().address
    assert owners_of(moved, depth=1).minted == 5
    found = owners_of(moved, depth=5)
    assert found.owners == dict.fromkeys(range(5), me) and found.burnt == ()
    assert owners_of(moved, depth=6).owners == {}
    assert owners_of(moved, depth=10**6).block == 0


def test_a_node_of_narrow_queries_is_asked_no_further_back_than_needed(
    moved: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest, asked = Connection.ask, []

    def ask(self: Connection, method: str, *params: Any) -> Any:
        if method == "eth_getLogs":
            first, last = (int(params[0][key], 16) for key in ("fromBlock", "toBlock"))
            if last - first >= 2:
                raise NodeRefused("node", "ranges over 2 blocks are not allowed", -32600)
            asked.append(first)
        return honest(self, method, *params)

    whole = owners_of(moved)
    monkeypatch.setattr(Connection, "ask", ask)
    assert owners_of(moved) == whole
    assert 1 < min(asked) < 5 and len(asked) == 3  # the factory's blocks are not looked at


def last_of(logs: list[dict[str, Any]], **changes: Any) -> list[dict[str, Any]]:
    return [*logs[:-1], {**logs[-1], **changes}]


def topics(logs: list[dict[str, Any]], place: int, word: str) -> list[dict[str, Any]]:
    found = list(logs[-1]["topics"])
    found[place] = word
    return last_of(logs, topics=found)


def word(address: str) -> str:
    return "0x" + 24 * "0" + address[2:].lower()


LIES: dict[str, Lie] = {
    "a log is left out": lambda logs: logs[:-1],
    "the mints are left out": lambda logs: logs[7:],
    "a log of another contract": lambda logs: last_of(logs, address=FRIEND),
    "a log of another event": lambda logs: topics(logs, 0, "0x" + 64 * "1"),
    "a log of an older standard": lambda logs: last_of(logs, topics=logs[-1]["topics"][:3]),
    "a token that was never minted": lambda logs: topics(logs, 3, hex(7)),
    "a huge token": lambda logs: topics(logs, 3, "0x" + 64 * "f"),
    "a log of a later block": lambda logs: last_of(logs, blockNumber="0xffffff"),
    "a log that was taken back": lambda logs: last_of(logs, removed=True),
    "two logs in one place": lambda logs: [*logs, {**logs[-1], "data": "0x01"}],
    "from who did not have it": lambda logs: topics(
        [*logs, {**logs[5], "blockNumber": logs[-1]["blockNumber"], "logIndex": "0x9"}],
        1,
        word(OTHER),
    ),
    "from nobody to nobody": lambda logs: topics(logs, 2, "0x" + 64 * "0"),
    "a burnt token that lives": lambda logs: [
        log for log in logs if log["topics"][2] != "0x" + 64 * "0"
    ],
    "no list": lambda logs: None,  # type: ignore[arg-type,return-value]
    "no logs": lambda logs: [1, None],  # type: ignore[list-item]
}


@pytest.mark.parametrize("lie", LIES)
def test_logs_that_cannot_be_are_refused(
    moved: Collection, monkeypatch: pytest.MonkeyPatch, lie: str
) -> None:
    honest = Connection.ask

    def ask(self: Connection, method: str, *params: Any) -> Any:
        answer = honest(self, method, *params)
        return LIES[lie](answer) if method == "eth_getLogs" else answer

    monkeypatch.setattr(Connection, "ask", ask)
    with pytest.raises(ServiceError):
        owners_of(moved)


def test_logs_in_any_order_and_twice_are_put_right(
    moved: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, honest = owners_of(moved), Connection.ask

    def ask(self: Connection, method: str, *params: Any) -> Any:
        answer = honest(self, method, *params)
        return [*reversed(answer), answer[0]] if method == "eth_getLogs" else answer

    monkeypatch.setattr(Connection, "ask", ask)
    assert owners_of(moved) == whole


@pytest.mark.parametrize("times", [1, 99])
def test_a_block_that_is_taken_back_meanwhile_is_read_again(
    moved: Collection, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    whole, honest, asked = owners_of(moved), Connection.ask, []

    def ask(self: Connection, method: str, *params: Any) -> Any:
        answer = honest(self, method, *params)
        if method == "eth_getBlockByNumber":
            asked.append(1)
            if len(asked) % 2 == 0 and len(asked) // 2 <= times:
                return {**answer, "hash": "0x" + 64 * "9"}
        return answer

    monkeypatch.setattr(Connection, "ask", ask)
    if times == 1:
        assert owners_of(moved) == whole and len(asked) == 4
    else:
        with pytest.raises(PartlyDone, match="was reorganised 3 times"):
            owners_of(moved)


def test_a_contract_of_others_is_not_read(embedded: Connection) -> None:
    with pytest.raises(CheckFailed, match="cannot be trusted"):
        owners_of(Collection(embedded, FRIEND))
