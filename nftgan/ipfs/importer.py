"""Files and folders to UnixFS DAGs: every CID is computed here, before anything leaves."""

from __future__ import annotations

import itertools
import os
import re
import stat
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TypeVar

from nftgan.errors import UsageError
from nftgan.files import os_error, translated_os_errors
from nftgan.ipfs.cid import DAG_PB, RAW, Cid
from nftgan.ipfs.dagpb import (
    DIRECTORY,
    FILE,
    Link,
    UnixFs,
    encode_link,
    encode_node,
    encode_unixfs,
    join_node,
)
from nftgan.ipfs.hamt import build_shards
from nftgan.ipfs.profiles import DEFAULT_PROFILE, Profile, profile_named

BlockPut = Callable[[Cid, bytes], None]
"""Takes one block. It must be safe to call from one thread at a time."""

Tree = Mapping[str, "Path | bytes | Tree"]
"""A folder in memory: names to files on disk, bytes, or folders."""

_UNFIT = re.compile("[/\0\ud800-\udfff]")  # the last: names on disk that are not UTF-8

IN_MEMORY_BYTES = 2 << 20
"""Files up to this size are read at one go."""

BATCH_BYTES, BATCH_FILES = 4 << 20, 64
"""Neighbouring files go to a thread together, up to one of these."""

WORTH_A_THREAD_BYTES = 64 << 10
"""Smaller batches are hashed at once: handing them over would take longer."""

THREADS = min(8, os.cpu_count() or 1)
"""hashlib lets go of the interpreter lock, so hashing scales with the processors."""

# Neither follows a link nor waits for a pipe; Windows has neither word, and opens text otherwise.
_READ = os.O_RDONLY
for _flag in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"):
    _READ |= getattr(os, _flag, 0)


def discard(cid: Cid, data: bytes) -> None:
    """For those who only want to know the CID."""


@dataclass(frozen=True)
class Imported:
    """The root of a DAG and what is below it."""

    cid: Cid
    total_bytes: int  # of all blocks, repeated ones counted each time
    file_bytes: int


Block = tuple[Cid, bytes]
_OnDisk = Path | os.DirEntry[str]  # a listing's entry is spared the cost of a Path
_Value = _OnDisk | bytes | Tree
_Plain = tuple[_OnDisk | bytes, int]  # a file, and its size when it was listed
_A = TypeVar("_A")
_B = TypeVar("_B")


class Importer:
    """Builds DAGs by one profile into `put`, in an order that depends on names alone."""

    def __init__(self, put: BlockPut = discard, profile: str = DEFAULT_PROFILE) -> None:
        self.put = put
        self.profile: Profile = profile_named(profile)

    def add_bytes(self, data: bytes) -> Imported:
        """The DAG of a file with this content."""
        return self._content(data, self.put)

    def add_stream(self, file: IO[bytes]) -> Imported:
        """The DAG of a file with what `file` still holds, a few chunks in memory at a time."""
        chunks = iter(lambda: file.read(self.profile.chunk_bytes), b"")
        first = list(itertools.islice(chunks, 2 * THREADS)) or [b""]
        if len(first) == 1 or THREADS == 1:
            return self._file(map(self._leaf, itertools.chain(first, chunks)), self.put)
        with ThreadPoolExecutor(THREADS) as pool:
            leaves = _ahead(pool, self._leaf, itertools.chain(first, chunks), THREADS + 2)
            return self._file(leaves, self.put)

    def add_path(self, path: Path) -> Imported:
        """The DAG of a file, or of a folder with everything below it.

        Hidden files are included, links are refused. Raises UsageError for what cannot be read.
        """
        with translated_os_errors(path):
            mode = path.lstat().st_mode
            if stat.S_ISLNK(mode):
                raise UsageError(f"{path} is a symbolic link", hint="replace it by what it names")
            if stat.S_ISDIR(mode):
                with os.scandir(path) as children:
                    return self._folder({child.name: child for child in children})
            if not stat.S_ISREG(mode):
                raise UsageError(f"{path} is neither a file nor a folder", hint="move it away")
            with path.open("rb") as file:
                return self.add_stream(file)

    def add_tree(self, tree: Tree) -> Imported:
        """The DAG of a folder, names in byte order."""
        return self._folder(tree)

    # ---- folders

    def _folder(self, tree: Mapping[str, _Value]) -> Imported:
        for name in tree:
            if not name or name in {".", ".."} or _UNFIT.search(name):
                raise UsageError(f"{name!r} cannot be a name in a folder", hint="rename it")
        names = sorted(tree, key=str.encode)
        links, size = [], 0
        for name, child in zip(names, self._children([tree[n] for n in names]), strict=True):
            links.append(Link(name, child.cid, child.total_bytes))
            size += child.file_bytes
        root = self._directory(links)
        return Imported(root.cid, root.total_bytes, size)

    def _children(self, values: list[_Value]) -> Iterator[Imported]:
        """Batches are hashed in threads; blocks leave in the order of `values` all the same."""
        parts = list(_batches(values))
        threaded = [part for part in parts if isinstance(part, _Batch) and part.worth_a_thread]
        if THREADS == 1 or len(threaded) < 2:
            threaded = []
        with ThreadPoolExecutor(THREADS) as pool:  # starts no thread before it is asked to
            done = _ahead(pool, self._in_memory, iter(threaded), THREADS + 2)
            for part in parts:
                if not isinstance(part, _Batch):
                    yield self._any(part)
                elif threaded and part.worth_a_thread:
                    for imported, blocks in next(done):
                        for cid, data in blocks:
                            self.put(cid, data)
                        yield imported
                else:
                    for plain in part.files:
                        yield self._plain(plain, self.put)

    def _any(self, value: _Value) -> Imported:
        if isinstance(value, bytes):
            return self.add_bytes(value)
        if isinstance(value, (Path, os.DirEntry)):
            return self.add_path(Path(value))
        return self.add_tree(value)

    def _in_memory(self, batch: _Batch) -> list[tuple[Imported, list[Block]]]:
        made = []
        for plain in batch.files:
            blocks: list[Block] = []
            keeps = discard if self.put is discard else lambda *block, to=blocks: to.append(block)
            made.append((self._plain(plain, keeps), blocks))
        return made

    def _plain(self, plain: _Plain, put: BlockPut) -> Imported:
        value, size = plain
        return self._content(value if isinstance(value, bytes) else _read(value, size), put)

    def _directory(self, links: list[Link]) -> Link:
        data = encode_unixfs(UnixFs(DIRECTORY))
        encoded: list[bytes] = []
        estimate = len(data) + 2 if self.profile.shard_by_block else 0
        for link in links:
            encoded.append(encode_link(link))
            if self.profile.shard_by_block:
                estimate += len(encoded[-1])
            else:
                estimate += len(link.name.encode()) + len(link.cid.to_bytes())
            if estimate > self.profile.shard_above_bytes:
                return build_shards(links, self._put_node)
        own = self._put_node(join_node(encoded, data))
        return Link("", own.cid, own.total_bytes + sum(link.total_bytes for link in links))

    # ---- files

    def _put_node(self, block: bytes, put: BlockPut | None = None) -> Link:
        cid = Cid.of(block, DAG_PB, self.profile.cid_version)
        (put or self.put)(cid, block)
        return Link("", cid, len(block))

    def _leaf(self, chunk: bytes) -> tuple[Cid, bytes, int]:
        """A chunk as a block, and how many bytes of the file it holds."""
        if self.profile.raw_leaves:
            return Cid.of(chunk, RAW), chunk, len(chunk)
        block = encode_node([], encode_unixfs(UnixFs(FILE, chunk, len(chunk))))
        return Cid.of(block, DAG_PB, self.profile.cid_version), block, len(chunk)

    def _content(self, data: bytes, put: BlockPut) -> Imported:
        size = self.profile.chunk_bytes
        if len(data) > size:
            chunks = (data[at : at + size] for at in range(0, len(data), size))
            return self._file(map(self._leaf, chunks), put)
        cid, block, _ = self._leaf(data)  # one chunk: the leaf is the file
        put(cid, block)
        return Imported(cid, len(block), len(data))

    def _file(self, leaves: Iterable[tuple[Cid, bytes, int]], put: BlockPut) -> Imported:
        """A balanced tree with all leaves at one depth, `width` links a node."""
        levels: list[list[tuple[Link, int]]] = [[]]  # open nodes, leaves first: (link, file bytes)
        total = 0
        for cid, block, size in leaves:
            put(cid, block)
            total += size
            self._climb(levels, 0, (Link("", cid, len(block)), size), put)
        level = 0
        while level < len(levels) - 1 or len(levels[level]) > 1:
            entries, levels[level] = levels[level], []
            if entries:
                self._climb(levels, level + 1, self._inner(entries, put), put)
            level += 1
        link = levels[level][0][0]
        return Imported(link.cid, link.total_bytes, total)

    def _climb(
        self,
        levels: list[list[tuple[Link, int]]],
        level: int,
        entry: tuple[Link, int],
        put: BlockPut,
    ) -> None:
        """Append one node; a full group becomes a node of the level above when the next comes."""
        if level == len(levels):
            levels.append([])
        if len(levels[level]) == self.profile.width:
            group, levels[level] = levels[level], []
            self._climb(levels, level + 1, self._inner(group, put), put)
        levels[level].append(entry)

    def _inner(self, entries: Iterable[tuple[Link, int]], put: BlockPut) -> tuple[Link, int]:
        entries = list(entries)
        sizes = tuple(size for _, size in entries)
        record = encode_unixfs(UnixFs(FILE, file_bytes=sum(sizes), part_bytes=sizes))
        own = self._put_node(encode_node([link for link, _ in entries], record), put)
        below = sum(link.total_bytes for link, _ in entries)
        return Link("", own.cid, own.total_bytes + below), sum(sizes)


@dataclass
class _Batch:
    """Neighbouring files that are read and hashed together."""

    files: list[_Plain]
    size_bytes: int = 0

    @property
    def worth_a_thread(self) -> bool:
        return self.size_bytes >= WORTH_A_THREAD_BYTES

    def has_room(self, size: int) -> bool:
        return self.size_bytes + size <= BATCH_BYTES and len(self.files) < BATCH_FILES

    def add(self, file: _OnDisk | bytes, size: int) -> None:
        self.files.append((file, size))
        self.size_bytes += size


def _batches(
    values: Iterable[_Value],
) -> Iterator[_Batch | _Value]:
    """The values in order, those that fit in memory in batches."""
    batch = _Batch([])
    for value in values:
        size = _size_in_memory(value)
        if batch.files and (size is None or not batch.has_room(size)):
            yield batch
            batch = _Batch([])
        if size is None:
            yield value
        elif isinstance(value, (bytes, Path, os.DirEntry)):
            batch.add(value, size)
    if batch.files:
        yield batch


def _size_in_memory(value: _Value) -> int | None:
    """The size of what may be read at one go; None for large files, folders and the rest."""
    if isinstance(value, bytes):
        size = len(value)
    elif isinstance(value, (Path, os.DirEntry)):
        try:
            status = os.lstat(value)
        except OSError:  # told by whoever opens it
            return None
        if not stat.S_ISREG(status.st_mode):
            return None
        size = status.st_size
    else:
        return None
    return size if size <= IN_MEMORY_BYTES else None


def _read(path: _OnDisk, size: int) -> bytes:
    """A file that had `size` bytes when it was listed. Raises UsageError, also when it grew."""
    try:
        handle = os.open(path, _READ)
        try:
            data = os.read(handle, size + 1)
            while 0 < len(data) < size and (more := os.read(handle, size + 1 - len(data))):
                data += more
        finally:
            os.close(handle)
    except OSError as exc:
        raise os_error(exc, Path(path)) from exc
    if len(data) != size:
        raise UsageError(f"{os.fspath(path)} changed while it was read", hint="run it again")
    return data


def _ahead(
    pool: ThreadPoolExecutor, work: Callable[[_A], _B], items: Iterator[_A], window: int
) -> Iterator[_B]:
    """`map` in threads, in order; at most `window` items are under way, so memory stays flat."""
    under_way: deque[Future[_B]] = deque()
    try:
        for item in items:
            if len(under_way) == window:
                yield under_way.popleft().result()
            under_way.append(pool.submit(work, item))
        while under_way:
            yield under_way.popleft().result()
    finally:
        for future in under_way:
            future.cancel()


def cid_of_bytes(data: bytes, profile: str = DEFAULT_PROFILE) -> str:
    """The CID that a file with these bytes has under `profile`."""
    return str(Importer(profile=profile).add_bytes(data).cid)


def cid_of_path(path: Path | str, profile: str = DEFAULT_PROFILE) -> str:
    """The CID that this file or folder has under `profile`. Raises UsageError."""
    return str(Importer(profile=profile).add_path(Path(path)).cid)
