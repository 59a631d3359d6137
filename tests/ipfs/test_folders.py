"""A folder is believed when every implementation finds the same file in it, else refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from nftgan.errors import CheckFailed
from nftgan.ipfs.cid import DAG_PB, RAW, Cid
from nftgan.ipfs.dagpb import DIRECTORY, FANOUT, HASH_MURMUR3, SHARD, Link, Node, UnixFs
from nftgan.ipfs.folders import flat_names, shard_slots
from nftgan.ipfs.hamt import hash_path

ROOT = Cid.of(b"root", DAG_PB)


def shard(names: list[str]) -> tuple[Node, UnixFs]:
    """A shard by the book with one entry a slot, and its record."""
    slots = sorted((next(iter(hash_path(name))), name) for name in names)
    assert len({slot for slot, _ in slots}) == len(slots)
    links = tuple(
        Link(cid=Cid.of(name.encode(), RAW), name=f"{slot:02X}{name}", total_bytes=1)
        for slot, name in slots
    )
    bits = sum(1 << slot for slot, _ in slots)
    record = UnixFs(SHARD, data=bits.to_bytes(32, "big"), fanout=FANOUT, hash_type=HASH_MURMUR3)
    return Node(links=links, data=b""), record


NAMES = ["0.json", "1.json", "contract.json"]


def test_a_shard_by_the_book_gives_each_slot_its_entry() -> None:
    slots = shard_slots(ROOT, *shard(NAMES))
    assert {slots[next(iter(hash_path(name)))].name for name in NAMES} == set(NAMES)


def swapped(node: Node) -> Node:
    first, second, *rest = node.links
    return replace(node, links=(second, first, *rest))


def renamed(node: Node) -> Node:
    first, *rest = node.links
    return replace(node, links=(replace(first, name="FF" + first.name[2:]), *rest))


def lowered(node: Node) -> Node:
    links = tuple(replace(link, name=link.name[:2].lower() + link.name[2:]) for link in node.links)
    return replace(node, links=links)


@pytest.mark.parametrize(
    ("break_node", "break_record"),
    [
        (swapped, None),
        (renamed, None),
        (None, lambda record: replace(record, fanout=16)),
        (None, lambda record: replace(record, fanout=None)),
        (None, lambda record: replace(record, hash_type=0x12)),
        (None, lambda record: replace(record, data=bytes(32))),
        (None, lambda record: replace(record, data=b"\x01" + record.data)),
        (lambda node: replace(node, links=node.links[:-1]), None),
        (lambda node: replace(node, links=(*node.links, node.links[-1])), None),
    ],
)
def test_a_shard_that_contradicts_itself_is_refused(
    break_node: Callable[[Node], Node] | None, break_record: Callable[[UnixFs], UnixFs] | None
) -> None:
    node, record = shard(NAMES)
    if break_node is not None:
        node = break_node(node)
    if break_record is not None:
        record = break_record(record)
    with pytest.raises(CheckFailed):
        shard_slots(ROOT, node, record)


def test_a_slot_in_lower_case_is_not_one_of_the_books() -> None:
    node, record = shard([f"{i}.json" for i in (0, 1, 2, 5)])
    changed = lowered(node)
    if changed != node:
        with pytest.raises(CheckFailed):
            shard_slots(ROOT, changed, record)


def flat(*names: str) -> tuple[Node, UnixFs]:
    links = tuple(Link(name=name, cid=Cid.of(name.encode(), RAW), total_bytes=1) for name in names)
    return Node(links=links, data=b""), UnixFs(DIRECTORY)


def test_a_flat_folder_in_order_gives_its_entries() -> None:
    assert list(flat_names(ROOT, *flat("0.json", "1.json", "B", "a", "ä"))) == [
        "0.json",
        "1.json",
        "B",
        "a",
        "ä",
    ]


@pytest.mark.parametrize("names", [("a", "a"), ("b", "a"), ("a", "B"), ("",)])
def test_a_flat_folder_out_of_order_or_with_a_name_twice_is_refused(names: tuple[str, ...]) -> None:
    with pytest.raises(CheckFailed):
        flat_names(ROOT, *flat(*names))


def test_a_flat_folder_that_holds_data_or_a_fan_out_is_refused() -> None:
    node, record = flat("a")
    for broken in (
        replace(record, data=b"x"),
        replace(record, part_bytes=(1,)),
        replace(record, fanout=FANOUT),
    ):
        with pytest.raises(CheckFailed):
            flat_names(ROOT, node, broken)
