"""Sharded directories: a hash array mapped trie over names (UnixFS HAMT)."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from nftgan.errors import UsageError
from nftgan.ipfs.dagpb import FANOUT, SHARD, Link, UnixFs, encode_node, encode_unixfs

_MASK = (1 << 64) - 1
MAX_DEPTH = 8
"""One byte of the 64-bit hash a level."""


def murmur3_64(data: bytes) -> int:
    """The first half of MurmurHash3 x64-128 with seed 0."""
    c1, c2 = 0x87C37B91114253D5, 0x4CF5AD432745937F
    h1 = h2 = 0
    size = len(data)
    for at in range(0, size - size % 16, 16):
        k1 = int.from_bytes(data[at : at + 8], "little")
        k2 = int.from_bytes(data[at + 8 : at + 16], "little")
        h1 ^= _rotate(k1 * c1 & _MASK, 31) * c2 & _MASK
        h1 = ((_rotate(h1, 27) + h2) * 5 + 0x52DCE729) & _MASK
        h2 ^= _rotate(k2 * c2 & _MASK, 33) * c1 & _MASK
        h2 = ((_rotate(h2, 31) + h1) * 5 + 0x38495AB5) & _MASK
    tail = data[size - size % 16 :]
    if len(tail) > 8:
        k2 = int.from_bytes(tail[8:], "little")
        h2 ^= _rotate(k2 * c2 & _MASK, 33) * c1 & _MASK
    if tail:
        k1 = int.from_bytes(tail[:8], "little")
        h1 ^= _rotate(k1 * c1 & _MASK, 31) * c2 & _MASK
    h1, h2 = h1 ^ size, h2 ^ size
    h1 = (h1 + h2) & _MASK
    h2 = (h2 + h1) & _MASK
    return (_mix(h1) + _mix(h2)) & _MASK


def _rotate(x: int, by: int) -> int:
    return (x << by | x >> (64 - by)) & _MASK


def _mix(x: int) -> int:
    x = (x ^ x >> 33) * 0xFF51AFD7ED558CCD & _MASK
    x = (x ^ x >> 33) * 0xC4CEB9FE1A85EC53 & _MASK
    return x ^ x >> 33


def hash_path(name: str) -> bytes:
    """The slot of `name` at each level, a byte a level."""
    return murmur3_64(name.encode()).to_bytes(8, "big")


def build_shards(entries: Iterable[Link], put: Callable[[bytes], Link]) -> Link:
    """The root shard over `entries`; `put` stores a block and returns an unnamed link to it."""
    return _shard([(hash_path(entry.name), entry) for entry in entries], 0, put)


def _shard(entries: list[tuple[bytes, Link]], depth: int, put: Callable[[bytes], Link]) -> Link:
    if depth == MAX_DEPTH:
        names = ", ".join(sorted(entry.name for _, entry in entries)[:2])
        raise UsageError(f"the names {names} share one hash: a folder cannot hold both")
    slots: dict[int, list[tuple[bytes, Link]]] = {}
    for path, entry in entries:
        slots.setdefault(path[depth], []).append((path, entry))
    links, bits = [], 0
    for slot in sorted(slots):
        bits |= 1 << slot
        inside = slots[slot]
        if len(inside) == 1:
            entry = inside[0][1]
            links.append(Link(f"{slot:02X}{entry.name}", entry.cid, entry.total_bytes))
        else:
            child = _shard(inside, depth + 1, put)
            links.append(Link(f"{slot:02X}", child.cid, child.total_bytes))
    bitfield = bits.to_bytes((bits.bit_length() + 7) // 8, "big")
    node = encode_node(links, encode_unixfs(UnixFs(SHARD, bitfield, fanout=FANOUT)))
    own = put(node)
    return Link("", own.cid, own.total_bytes + sum(link.total_bytes for link in links))
