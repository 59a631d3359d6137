"""Folders in which every implementation finds the same file under a name, or none does.

Implementations look names up in different ways: by the order of links, by the number of bits set
before a slot, or by the beginning of a link's name. In a folder that is built by the book they
agree; in one that is not, a liar shows us one file and a browser another. So a folder is checked
whole before a name in it is believed (UnixFS specification, "dag-pb Directory" and
"dag-pb HAMTDirectory").
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from nftgan.errors import CheckFailed
from nftgan.ipfs.cid import DAG_PB, Cid
from nftgan.ipfs.dagpb import DIRECTORY, FANOUT, HASH_MURMUR3, SHARD, Node, UnixFs
from nftgan.ipfs.hamt import hash_path

BITFIELD_BYTES = FANOUT // 8
MOST_NAMES_KEPT = 1_000_000

Load = Callable[[Cid], tuple[Node, UnixFs]]
"""The node behind a CID with its UnixFS record."""


@dataclass(frozen=True)
class Slot:
    """What a slot of a shard leads to: an entry, or (name "") the shard of the next level."""

    name: str
    cid: Cid


def flat_names(cid: Cid, node: Node, record: UnixFs) -> dict[str, Cid]:
    """The entries of a flat folder. Raises CheckFailed unless names rise bytewise, none twice."""
    if record.data or record.part_bytes or record.fanout is not None:
        raise CheckFailed(f"the folder {cid} is not built as a folder is")
    before = b""
    for link in node.links:
        name = link.name.encode()
        if name <= before:
            raise CheckFailed(f"the names of the folder {cid} are not in order, each once")
        before = name
    return {link.name: link.cid for link in node.links}


def shard_slots(cid: Cid, node: Node, record: UnixFs) -> dict[int, Slot]:
    """The slots of one shard of a folder.

    Raises CheckFailed unless it has 256 slots by murmur3, and its links are, in order and by their
    two hexadecimal digits, those of the bits that are set.
    """
    if record.kind != SHARD:
        raise CheckFailed(f"the block {cid} is not a shard of a folder")
    if record.fanout != FANOUT or record.hash_type != HASH_MURMUR3 or record.part_bytes:
        raise CheckFailed(f"the shard {cid} is not one of {FANOUT} slots by murmur3")
    bits = int.from_bytes(record.data, "big")
    if len(record.data) > BITFIELD_BYTES or bits.bit_count() != len(node.links):
        raise CheckFailed(f"the shard {cid} contradicts its own bit field")
    slots: dict[int, Slot] = {}
    for link in node.links:
        slot = (bits & -bits).bit_length() - 1
        bits &= bits - 1
        prefix, name = link.name[:2], link.name[2:]
        if prefix != f"{slot:02X}" or (not name and link.cid.codec != DAG_PB):
            raise CheckFailed(f"the shard {cid} contradicts its own bit field")
        slots[slot] = Slot(name, link.cid)
    return slots


class Folders:
    """Looks names up in folders that it has checked; each is decoded once."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._flat: dict[Cid, dict[str, Cid]] = {}
        self._shards: dict[Cid, dict[int, Slot]] = {}
        self._left = MOST_NAMES_KEPT

    def child(self, cid: Cid, name: str) -> Cid | None:
        """What `name` is in the folder `cid`; None when it has no such entry or is no folder.

        Raises CheckFailed for a folder that implementations may read differently.
        """
        if cid.codec != DAG_PB:
            return None
        if cid not in self._flat and cid not in self._shards:
            node, record = self._load(cid)
            if record.kind not in {DIRECTORY, SHARD}:
                return None
            if record.kind == DIRECTORY:
                names = flat_names(cid, node, record)
                self._keep(self._flat, cid, names)
                return names.get(name)
        if cid in self._flat:
            return self._flat[cid].get(name)
        for slot in hash_path(name):
            place = self._slots(cid).get(slot)
            if place is None:
                return None
            if place.name:
                return place.cid if place.name == name else None
            cid = place.cid
        return None

    def _slots(self, cid: Cid) -> dict[int, Slot]:
        if cid in self._shards:
            return self._shards[cid]
        slots = shard_slots(cid, *self._load(cid))
        self._keep(self._shards, cid, slots)
        return slots

    def _keep(self, kept: dict[Cid, Any], cid: Cid, entries: dict[Any, Any]) -> None:
        if len(entries) <= self._left:
            kept[cid] = entries
            self._left -= len(entries)
