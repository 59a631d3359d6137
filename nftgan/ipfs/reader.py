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
from nftgan.ipfs.folders import Folders, flat_names, shard_slots
from nftgan.ipfs.hamt import MAX_DEPTH as SHARD_DEPTH

BlockGetter = Callable[[Cid], bytes]
MAX_BLOCK_BYTES = 4 << 20
MAX_DEPTH = 64
REPEATED_BYTES, MOST_REPEATS = 64 << 20, 16
"""A larger file may be at most so many times as long as the different blocks that it is made of:
one block of 4 MiB, linked a thousand times, costs its maker nothing and its reader 4 GiB."""


class MissingBlock(CheckFailed):
    """A block that its source does not have."""


class BlockDamaged(CheckFailed):
    """A block whose bytes are not those of its CID."""


class WrongBlock(BlockDamaged, MissingBlock):
    """Bytes that are not those of the CID: this source lies, or its disk does."""


class NotFound(CheckFailed):
    """A path that does not exist below its root."""


def verified(get: BlockGetter) -> BlockGetter:
    """`get` whose blocks are hashed: a source that serves other bytes is found out."""

    def read(cid: Cid) -> bytes:
        data = get(cid)
        if len(data) > MAX_BLOCK_BYTES:
            raise WrongBlock(f"the block {cid} is larger than {MAX_BLOCK_BYTES} bytes")
        if hashlib.sha256(data).digest() != cid.digest:
            raise WrongBlock(f"the bytes served for {cid} are others")
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


def resolve(get: BlockGetter, root: Cid, path: str, folders: Folders | None = None) -> Cid:
    """The CID at `path` below `root`, through flat and sharded folders.

    folders: remembers those on the way. Raises NotFound, and CheckFailed for a folder that other
    implementations may read differently.
    """
    folders = folders or Folders(lambda cid: load_node(get, cid))
    cid = root
    for name in filter(None, path.split("/")):
        found = folders.child(cid, name)
        if found is None:
            raise NotFound(f"there is no {name!r} in {cid}")
        cid = found
    return cid


def entries(get: BlockGetter, cid: Cid) -> Iterator[Link]:
    """The children of a folder, flat or sharded; sharded ones in shard order.

    Raises CheckFailed for a folder that implementations may read differently.
    """
    node, record = load_node(get, cid)
    if record.kind == DIRECTORY:
        flat_names(cid, node, record)
        yield from node.links
    elif record.kind == SHARD:
        yield from _shard_entries(get, cid, node, record, 1, {cid})
    else:
        raise CheckFailed(f"{cid} is not a folder")


def _shard_entries(
    get: BlockGetter, cid: Cid, node: Node, record: UnixFs, depth: int, seen: set[Cid]
) -> Iterator[Link]:
    """No shard of a true folder can be twice in it: one that could would unfold without end."""
    shard_slots(cid, node, record)
    for link in node.links:
        if len(link.name) > 2:
            yield Link(link.name[2:], link.cid, link.total_bytes)
            continue
        if depth == SHARD_DEPTH:
            raise CheckFailed(f"the shard {link.cid} is nested too deep")
        if link.cid in seen:
            raise CheckFailed(f"the shard {link.cid} is not where a sharded folder can have one")
        seen.add(link.cid)
        yield from _shard_entries(get, link.cid, *load_node(get, link.cid), depth + 1, seen)


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


def _file_node(get: BlockGetter, cid: Cid, budget: _LinkBudget) -> tuple[Node, UnixFs]:
    """A node of a file, counted. Raises CheckFailed for another one, or too many of them."""
    node, record = load_node(get, cid)
    if record.kind not in {FILE, FILE_RAW}:
        raise CheckFailed(f"{cid} is not a file")
    if len(node.links) != len(record.part_bytes):
        raise CheckFailed(f"the file {cid} contradicts its own sizes")
    budget.links -= 1 + len(node.links)
    if budget.links < 0:
        raise CheckFailed(f"the file {cid} is cut into too many parts")
    return node, record


def _stream(
    get: BlockGetter, cid: Cid, start: int, end: int, depth: int, budget: _LinkBudget
) -> Iterator[bytes]:
    if depth > MAX_DEPTH:
        raise CheckFailed(f"the file {cid} is nested too deep")
    if cid.codec == RAW:
        yield budget.credit(get(cid)[start:end])
        return
    node, record = _file_node(get, cid, budget)
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


class FileReader:
    """Files from one source of blocks, each block hashed; folders on the way are remembered."""

    def __init__(self, get: BlockGetter, fetch: Callable[[Cid, int], bool] | None = None) -> None:
        """fetch: has a DAG of at most so many bytes ready in few requests; False when it cannot."""
        self._get = cached(verified(get))
        self._fetch = fetch
        self._folders = Folders(lambda cid: load_node(self._get, cid))

    def fetch(self, cid: Cid, most_bytes: int) -> bool:
        """Whether the DAG below `cid` can be read now without many requests; True ends the search.

        Raises CheckFailed or ServiceError.
        """
        if self._fetch is not None:
            return self._fetch(cid, most_bytes)
        return bool(self._get(cid))

    def find(self, root: Cid, path: str) -> Cid:
        """The CID at `path` below `root`. Raises CheckFailed."""
        return resolve(self._get, root, path, self._folders)

    def read(self, cid: Cid, most_bytes: int) -> bytes:
        """The whole file behind `cid`. Raises CheckFailed, also above `most_bytes`."""
        return b"".join(self.pieces(cid, most_bytes))

    def pieces(self, cid: Cid, most_bytes: int) -> Iterator[bytes]:
        """The same piece by piece; the size is looked at before anything is read."""
        size = file_size(self._get, cid)
        if size > most_bytes:
            raise CheckFailed(f"{cid} has {size:,} bytes, more than the {most_bytes:,} allowed")
        distinct: dict[Cid, int] = {}

        def noting(one: Cid) -> bytes:
            data = self._get(one)
            distinct[one] = len(data)
            return data

        got = 0
        for piece in stream(noting, cid, 0, size):
            got += len(piece)
            if got > REPEATED_BYTES and got > MOST_REPEATS * sum(distinct.values()):
                raise CheckFailed(f"the file {cid} is a few blocks over and over")
            yield piece


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
