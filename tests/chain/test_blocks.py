"""What a node says of its blocks, and waiting for one without a clock."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from nftgan.chain import blocks
from nftgan.errors import PartlyDone, ServiceError


class Node:
    """A connection whose chain is one block further each time that somebody looks."""

    where = "https://node"

    def __init__(self, block: Any = None, *, name: str = "sepolia", grows: bool = True) -> None:
        self.block, self.number, self.grows = block, 100, grows
        self.chain = SimpleNamespace(name=name, block_seconds=12.0)
        self.w3 = SimpleNamespace(eth=self)
        self.asked: list[tuple[Any, ...]] = []

    @property
    def block_number(self) -> int:
        self.number += self.grows
        return self.number

    def ask(self, method: str, *params: Any) -> Any:
        self.asked.append((method, *params))
        return self.block


def test_time_and_gas_of_the_last_block_are_numbers() -> None:
    node: Any = Node({"timestamp": "0x65", "gasLimit": "0x1c9c380"})
    assert blocks.latest_time(node) == 101
    assert blocks.gas_limit(node) == 30_000_000
    assert {call[1] for call in node.asked} == {"latest"}


def test_a_node_that_shows_no_block_is_named() -> None:
    for answer in (None, [], "0x1"):
        node: Any = Node(answer)
        with pytest.raises(ServiceError, match="https://node does not show its block latest"):
            blocks.gas_limit(node)


def test_a_genesis_hash_is_32_bytes_of_hex_or_an_error() -> None:
    node: Any = Node({"hash": "0x" + "AB" * 32})
    assert blocks.genesis_hash(node) == "0x" + "ab" * 32
    assert node.asked == [("eth_getBlockByNumber", "0x0", False)]
    for text in (None, "0x12", "0x" + "g" * 64, "0x" + "a" * 64 + "\n"):
        node = Node({"hash": text})
        with pytest.raises(ServiceError, match="hash of its first block"):
            blocks.genesis_hash(node)


def test_a_block_is_waited_for_and_the_person_told_how_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slept: list[float] = []
    monkeypatch.setattr(blocks.time, "sleep", slept.append)
    node: Any = Node()
    notes: list[str] = []
    blocks.reach_block(node, 110, note=notes.append)
    assert node.number == 110 and slept == [6.0] * 8
    assert notes == [
        "waiting for block 110, about 2 minutes; Ctrl-C is safe, run the same command again later"
    ]
    blocks.reach_block(node, 90, note=notes.append)
    assert len(notes) == 1


def test_a_chain_that_stands_still_ends_the_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(blocks.time, "sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))
    monkeypatch.setattr(blocks.time, "monotonic", lambda: now[0])
    node: Any = Node(grows=False)
    with pytest.raises(PartlyDone, match="block 110 is not there yet"):
        blocks.reach_block(node, 110, note=lambda text: None)
    assert now[0] == pytest.approx(blocks.PATIENCE_BLOCKS * 12, abs=6.1)


def test_a_development_chain_is_asked_to_make_the_blocks() -> None:
    node: Any = Node(name="anvil", grows=False)
    blocks.reach_block(node, 110, note=lambda text: pytest.fail(text))
    assert node.asked == [("anvil_mine", hex(10))]
