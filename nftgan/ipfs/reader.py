"""UnixFS read back through any source of blocks, each block checked against its CID."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from nftgan.errors import CheckFailed
from nftgan.ipfs.cid import DAG_PB, RAW, Cid
from nftgan.ipfs.dagpb import (
    DIRECTORY,
    FILE,
    FILE_RAW,
    SHARD,
    Link,
    Node,
    UnixFs,
    decode_node,
    decode_unixfs,
)
from nftgan.ipfs.hamt import MAX_DEPTH as SHARD_DEPTH
from nftgan.ipfs.hamt import hash_path

BlockGetter = Callable[[Cid], bytes]
MAX_BLOCK_BYTES = 4 << 20
MAX_DEPTH = 64


class MissingBlock(CheckFailed):
    """A block that its source does not have."""


class NotFound(CheckFailed):
    """A path that does not exist below its root."""


def verified(get: BlockGetter) -> BlockGetter:
    """`get` whose blocks are hashed: a source that serves other bytes is found out."""

    def read(cid: Cid) -> bytes:
        data = get(cid)
        if len(data) > MAX_BLOCK_BYTES:
            raise CheckFailed(f"the block {cid} is larger than {MAX_BLOCK_BYTES} bytes")
        if hashlib.sha256(data).digest() != cid.digest:
            raise CheckFailed(f"the bytes served for {cid} are others")
        return data

    return read


def cached(get: BlockGetter, most_bytes: int = 64 << 20) -> BlockGetter:
    """`get` that keeps folders: the way to each of ten thousand files leads through the same."""
    kept: dict[Cid, bytes] = {}
    left = most_bytes

    def read(cid: Cid) -> bytes:
        nonlocal left
        if cid in kept:
            return kept[cid]
        data = get(cid)
        if cid.codec == DAG_PB and len(data) <= left:
            kept[cid] = data
            left -= len(data)
        return data

    return read


def load_node(get: BlockGetter, cid: Cid) -> tuple[Node, UnixFs]:
    """The dag-pb node behind `cid` with its UnixFS record. Raises CheckFailed."""
    if cid.codec != DAG_PB:
        raise CheckFailed(f"{cid} is not a UnixFS node")
    try:
        node = decode_node(get(cid))
        return node, decode_unixfs(node.data)
    except (ValueError, UnicodeDecodeError) as exc:
        raise CheckFailed(f"the block {cid} is not UnixFS: {exc}") from exc


def resolve(get: BlockGetter, root: Cid, path: str) -> Cid:
    """The CID at `path` below `root`, through flat and sharded folders. Raises NotFound."""
    cid = root
    for name in filter(None, path.split("/")):
        found = None if cid.codec == RAW else _child(get, cid, name)
        if found is None:
            raise NotFound(f"there is no {name!r} in {cid}")
        cid = found
    return cid


def _child(get: BlockGetter, cid: Cid, name: str) -> Cid | None:
    node, record = load_node(get, cid)
    if record.kind == DIRECTORY:
        return next((link.cid for link in node.links if link.name == name), None)
    if record.kind != SHARD:
        return None
    for slot in hash_path(name):
        prefix = f"{slot:02X}"
        deeper = None
        for link in node.links:
            if link.name == prefix + name:
                return link.cid
            if link.name == prefix:
                deeper = link.cid
        if deeper is None:
            return None
        node, _ = load_node(get, deeper)
    return None


def entries(get: BlockGetter, cid: Cid) -> Iterator[Link]:
    """The children of a folder, flat or sharded; sharded ones in shard order."""
    node, record = load_node(get, cid)
    if record.kind == DIRECTORY:
        yield from node.links
    elif record.kind == SHARD:
        yield from _shard_entries(get, node, 1, {cid})
    else:
        raise CheckFailed(f"{cid} is not a folder")


def _shard_entries(get: BlockGetter, node: Node, depth: int, seen: set[Cid]) -> Iterator[Link]:
    """No shard of a true folder can be twice in it: one that could would unfold without end."""
    for link in node.links:
        if len(link.name) > 2:
            yield Link(link.name[2:], link.cid, link.total_bytes)
            continue
        if depth == SHARD_DEPTH:
            raise CheckFailed(f"the shard {link.cid} is nested too deep")
        if link.cid in seen or len(link.name) < 2:
            raise CheckFailed(f"the shard {link.cid} is not where a sharded folder can have one")
        seen.add(link.cid)
        child, record = load_node(get, link.cid)
        if record.kind != SHARD:
            raise CheckFailed(f"the block {link.cid} is not a shard of a folder")
        yield from _shard_entries(get, child, depth + 1, seen)


def is_folder(get: BlockGetter, cid: Cid) -> bool:
    return cid.codec == DAG_PB and load_node(get, cid)[1].kind in {DIRECTORY, SHARD}


def file_size(get: BlockGetter, cid: Cid) -> int:
    """Bytes of the file behind `cid`. Raises CheckFailed when it is no file."""
    if cid.codec == RAW:
        return len(get(cid))
    _, record = load_node(get, cid)
    if record.kind not in {FILE, FILE_RAW}:
        raise CheckFailed(f"{cid} is not a file")
    return len(record.data) if record.file_bytes is None else record.file_bytes


def stream(get: BlockGetter, cid: Cid, start: int = 0, end: int | None = None) -> Iterator[bytes]:
    """The bytes [start, end) of the file behind `cid`, block by block; only those needed are read.

    Raises CheckFailed for what is not a file or contradicts its own sizes.
    """
    size = file_size(get, cid) if end is None else end
    got = 0
    for piece in _stream(get, cid, start, size, 0, _LinkBudget(SOME_LINKS)):
        got += len(piece)
        yield piece
    if got != max(size - start, 0):  # who promised that many would wait for the rest
        raise CheckFailed(f"the file {cid} contradicts its own sizes")


SOME_LINKS = 200_000


@dataclass
class _LinkBudget:
    """How many links may still be read: some to begin with, and one more for 16 bytes that came.

    A few blocks can describe a file of so many tiny parts that reading it would last for days.
    """

    links: int

    def credit(self, piece: bytes) -> bytes:
        self.links += len(piece) // 16
        return piece


def _stream(
    get: BlockGetter, cid: Cid, start: int, end: int, depth: int, budget: _LinkBudget
) -> Iterator[bytes]:
    if depth > MAX_DEPTH:
        raise CheckFailed(f"the file {cid} is nested too deep")
    if cid.codec == RAW:
        yield budget.credit(get(cid)[start:end])
        return
    node, record = load_node(get, cid)
    if record.kind not in {FILE, FILE_RAW}:
        raise CheckFailed(f"{cid} is not a file")
    if len(node.links) != len(record.part_bytes):
        raise CheckFailed(f"the file {cid} contradicts its own sizes")
    budget.links -= 1 + len(node.links)
    if budget.links < 0:
        raise CheckFailed(f"the file {cid} is cut into too many parts")
    if record.data:
        yield budget.credit(record.data[start:end])
    at = len(record.data)
    for link, size in zip(node.links, record.part_bytes, strict=True):
        low, high = max(start - at, 0), min(end - at, size)
        if low < high:
            got = 0
            for piece in _stream(get, link.cid, low, high, depth + 1, budget):
                got += len(piece)
                yield piece
            if got != high - low:
                raise CheckFailed(f"the file {cid} contradicts its own sizes")
        at += size


def read_file(get: BlockGetter, root: Cid, path: str = "", *, most_bytes: int) -> bytes:
    """The whole file at `path` below `root`. Raises CheckFailed, also above `most_bytes`."""
    safe = verified(get)
    cid = resolve(safe, root, path)
    size = file_size(safe, cid)
    if size > most_bytes:
        raise CheckFailed(f"{cid} has {size:,} bytes, more than the {most_bytes:,} allowed")
    return b"".join(stream(safe, cid, 0, size))


def walk(get: BlockGetter, root: Cid) -> Iterator[tuple[Cid, bytes]]:
    """Every block below `root` once, parents before children. Raises CheckFailed."""
    safe, seen, stack = verified(get), set(), [root]
    while stack:
        cid = stack.pop()
        if cid in seen:
            continue
        seen.add(cid)
        data = safe(cid)
        yield cid, data
        if cid.codec == DAG_PB:
            try:
                links = decode_node(data).links
            except ValueError as exc:
                raise CheckFailed(f"the block {cid} is not dag-pb: {exc}") from exc
            stack.extend(link.cid for link in reversed(links))
