"""Files and folders to UnixFS DAGs: every CID is computed here, before anything leaves."""

from __future__ import annotations

import contextlib
import io
import os
import re
import stat
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from nftgan.errors import UsageError
from nftgan.files import translated_os_errors
from nftgan.ipfs.cid import DAG_PB, RAW, Cid
from nftgan.ipfs.dagpb import (
    DIRECTORY,
    FILE,
    Link,
    UnixFs,
    encode_link,
    encode_node,
    encode_unixfs,
)
from nftgan.ipfs.hamt import build_shards
from nftgan.ipfs.profiles import DEFAULT_PROFILE, Profile, profile_named

Sink = Callable[[Cid, bytes], None]
"""Takes one block. It must be safe to call from one thread at a time."""

Tree = Mapping[str, "Path | bytes | Tree"]
"""A folder in memory: names to files on disk, bytes, or folders."""

_UNFIT = re.compile("[/\0\ud800-\udfff]")  # the last: names on disk that are not UTF-8

TINY_BYTES = 16 << 10

SMALL_BYTES = 2 << 20
"""Files between these sizes are hashed in parallel, with their blocks held in memory."""

WINDOW = 32
"""How many of them at most, so at most 64 MiB."""

THREADS = min(8, os.cpu_count() or 1)
"""hashlib lets go of the interpreter lock, so hashing scales with the processors."""


def discard(cid: Cid, data: bytes) -> None:
    """The sink of those who only want to know the CID."""


@dataclass(frozen=True)
class Imported:
    """The root of a DAG and what is below it."""

    cid: Cid
    total_bytes: int  # of all blocks, repeated ones counted each time
    file_bytes: int


_Buffered = tuple[Imported, list[tuple[Cid, bytes]]]


class Importer:
    """Builds DAGs by one profile into one sink, in an order that depends on names alone."""

    def __init__(self, sink: Sink = discard, profile: str = DEFAULT_PROFILE) -> None:
        self.sink = sink
        self.profile: Profile = profile_named(profile)

    def add_bytes(self, data: bytes) -> Imported:
        """The DAG of a file with this content."""
        return self.add_stream(io.BytesIO(data))

    def add_stream(self, file: IO[bytes]) -> Imported:
        """The DAG of a file with what `file` still holds, a chunk in memory at a time."""
        return self._file(file, self.sink)

    def add_path(self, path: Path) -> Imported:
        """The DAG of a file, or of a folder with everything below it.

        Hidden files are included, links are refused. Raises UsageError for what cannot be read.
        """
        with translated_os_errors(path):
            mode = path.lstat().st_mode
            if stat.S_ISLNK(mode):
                raise UsageError(f"{path} is a symbolic link", hint="replace it by what it names")
            if stat.S_ISDIR(mode):
                return self.add_tree({child.name: child for child in path.iterdir()})
            if not stat.S_ISREG(mode):
                raise UsageError(f"{path} is neither a file nor a folder", hint="move it away")
            with path.open("rb") as file:
                return self._file(file, self.sink)

    def add_tree(self, tree: Tree) -> Imported:
        """The DAG of a folder, names in byte order."""
        for name in tree:
            if (
                not name
                or name in {".", ".."}
                or any(c in "/\0" or "\ud800" <= c <= "\udfff" for c in name)
            ):
                raise UsageError(f"{name!r} cannot be a name in a folder", hint="rename it")
        names = sorted(tree, key=lambda name: name.encode())
        links, size = [], 0
        for name, child in zip(names, self._children([tree[n] for n in names]), strict=True):
            links.append(Link(name, child.cid, child.total_bytes))
            size += child.file_bytes
        root = self._directory(links)
        return Imported(root.cid, root.total_bytes, size)

    # ---- folders

    def _children(self, values: list[Path | bytes | Tree]) -> Iterator[Imported]:
        """Small files are hashed in threads; blocks leave in the order of `values` all the same."""
        small = [self._pays(value) for value in values]
        if sum(small) < 8:
            yield from (self._any(value) for value in values)
            return
        ahead: deque[Future[_Buffered]] = deque()  # bounded: memory stays flat
        upcoming = (i for i, is_small in enumerate(small) if is_small)
        with ThreadPoolExecutor(THREADS) as pool:
            try:
                for i, value in enumerate(values):
                    while len(ahead) < WINDOW and (j := next(upcoming, None)) is not None:
                        ahead.append(pool.submit(self._in_memory, values[j]))
                    if not small[i]:
                        yield self._any(value)
                        continue
                    imported, blocks = ahead.popleft().result()
                    for cid, data in blocks:
                        self.sink(cid, data)
                    yield imported
            finally:
                for future in ahead:
                    future.cancel()

    @staticmethod
    def _pays(value: Path | bytes | Tree) -> bool:
        """Whether hashing takes longer than handing over to a thread, and memory allows it."""
        if isinstance(value, bytes):
            return TINY_BYTES < len(value) <= SMALL_BYTES
        if not isinstance(value, Path):
            return False
        with contextlib.suppress(OSError):  # told by whoever opens it
            status = value.lstat()
            return stat.S_ISREG(status.st_mode) and TINY_BYTES < status.st_size <= SMALL_BYTES
        return False

    def _any(self, value: Path | bytes | Tree) -> Imported:
        if isinstance(value, bytes):
            return self.add_bytes(value)
        return self.add_path(value) if isinstance(value, Path) else self.add_tree(value)

    def _in_memory(self, value: Path | bytes | Tree) -> _Buffered:
        blocks: list[tuple[Cid, bytes]] = []

        def keep(cid: Cid, data: bytes) -> None:
            if self.sink is not discard:
                blocks.append((cid, data))

        return Importer(keep, self.profile.name)._any(value), blocks

    def _directory(self, links: list[Link]) -> Link:
        data = encode_unixfs(UnixFs(DIRECTORY))
        if self.profile.shard_by_block:
            estimate = sum(len(encode_link(link)) for link in links) + len(data) + 2
        else:
            estimate = sum(len(k.name.encode()) + len(k.cid.to_bytes()) for k in links)
        if estimate > self.profile.shard_above_bytes:
            return build_shards(links, self._put_node)
        own = self._put_node(encode_node(links, data))
        return Link("", own.cid, own.total_bytes + sum(link.total_bytes for link in links))

    # ---- files

    def _put_node(self, block: bytes, sink: Sink | None = None) -> Link:
        cid = Cid.of(block, DAG_PB, self.profile.cid_version)
        (sink or self.sink)(cid, block)
        return Link("", cid, len(block))

    def _leaf(self, chunk: bytes, sink: Sink) -> Link:
        if self.profile.raw_leaves:
            cid = Cid.of(chunk, RAW)
            sink(cid, chunk)
            return Link("", cid, len(chunk))
        record = encode_unixfs(UnixFs(FILE, chunk, len(chunk)))
        return self._put_node(encode_node([], record), sink)

    def _file(self, file: IO[bytes], sink: Sink) -> Imported:
        """A balanced tree with all leaves at one depth, `width` links a node."""
        levels: list[list[tuple[Link, int]]] = [[]]  # open nodes, leaves first: (link, file bytes)
        total = 0
        while True:
            chunk = file.read(self.profile.chunk_bytes)
            if not chunk and total:
                break
            total += len(chunk)
            self._climb(levels, 0, (self._leaf(chunk, sink), len(chunk)), sink)
            if not chunk:
                break
        level = 0
        while level < len(levels) - 1 or len(levels[level]) > 1:
            entries, levels[level] = levels[level], []
            if entries:
                self._climb(levels, level + 1, self._inner(entries, sink), sink)
            level += 1
        link = levels[level][0][0]
        return Imported(link.cid, link.total_bytes, total)

    def _climb(
        self, levels: list[list[tuple[Link, int]]], level: int, entry: tuple[Link, int], sink: Sink
    ) -> None:
        """Append one node; a full group becomes a node of the level above when the next comes."""
        if level == len(levels):
            levels.append([])
        if len(levels[level]) == self.profile.width:
            group, levels[level] = levels[level], []
            self._climb(levels, level + 1, self._inner(group, sink), sink)
        levels[level].append(entry)

    def _inner(self, entries: Iterable[tuple[Link, int]], sink: Sink) -> tuple[Link, int]:
        entries = list(entries)
        sizes = tuple(size for _, size in entries)
        record = encode_unixfs(UnixFs(FILE, file_bytes=sum(sizes), part_bytes=sizes))
        own = self._put_node(encode_node([link for link, _ in entries], record), sink)
        below = sum(link.total_bytes for link, _ in entries)
        return Link("", own.cid, own.total_bytes + below), sum(sizes)


def cid_of_bytes(data: bytes, profile: str = DEFAULT_PROFILE) -> str:
    """The CID that a file with these bytes has under `profile`."""
    return str(Importer(profile=profile).add_bytes(data).cid)


def cid_of_path(path: Path | str, profile: str = DEFAULT_PROFILE) -> str:
    """The CID that this file or folder has under `profile`. Raises UsageError."""
    return str(Importer(profile=profile).add_path(Path(path)).cid)
