"""CAR version 1: one file that holds a whole DAG and that every IPFS node can import."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from nftgan.errors import NftganError, UsageError
from nftgan.files import atomic_path, os_error, translated_os_errors
from nftgan.ipfs.cid import Cid, read_varint, varint
from nftgan.ipfs.reader import MAX_BLOCK_BYTES, MissingBlock

_VERSION_1 = b"\x67version\x01"


def header(*roots: Cid) -> bytes:
    """The header section: {"roots": [...], "version": 1} in DAG-CBOR, at most 23 roots."""
    body = b"\xa2\x65roots" + bytes([0x80 | len(roots)])
    for root in roots:
        link = b"\0" + root.to_bytes()  # a CID in CBOR: tag 42 over a zero byte and the CID
        body += b"\xd8\x2a\x58" + bytes([len(link)]) + link
    body += _VERSION_1
    return varint(len(body)) + body


def section(cid: Cid, data: bytes) -> bytes:
    """One block with its CID and the length of both."""
    name = cid.to_bytes()
    return varint(len(name) + len(data)) + name + data


def section_bytes(cid: Cid, size: int) -> int:
    """The bytes of `section` for a block of this size."""
    name = len(cid.to_bytes())
    return len(varint(name + size)) + name + size


class CarWriter:
    """Appends blocks to an open file, each CID once; `finish` names the root.

    An importer knows the root last, but it stands first: the header is reserved with a
    place-holder of the same size, which `cid_version` fixes, and patched at the end.
    """

    def __init__(self, file: BinaryIO, cid_version: int = 1) -> None:
        self._file = file
        self._version = cid_version
        self._seen: set[Cid] = set()
        self.size_bytes = file.write(header(Cid(cid_version, 0x70, bytes(32))))

    @property
    def blocks(self) -> int:
        """How many blocks are written."""
        return len(self._seen)

    def put(self, cid: Cid, data: bytes) -> None:
        """Write one block unless it is there."""
        if cid not in self._seen:
            self._seen.add(cid)
            self.size_bytes += self._file.write(section(cid, data))

    def finish(self, root: Cid) -> None:
        """Name the root: a block that was written."""
        if root not in self._seen:
            raise NftganError(f"the root {root} is not among the blocks of the CAR")
        if root.version != self._version:
            raise NftganError(f"the CAR was opened for CIDs of version {self._version}")
        self._file.flush()
        self._file.seek(0)
        self._file.write(header(root))


@contextmanager
def new_car(path: Path, cid_version: int = 1) -> Iterator[CarWriter]:
    """A writer whose file appears at `path`, fsynced, only when the body ends without error."""
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        yield CarWriter(file, cid_version)


def write_car(path: Path, root: Cid, blocks: Iterable[tuple[Cid, bytes]]) -> int:
    """Write a CAR of these blocks, whole or not at all. Returns its size in bytes."""
    with new_car(path, root.version) as writer:
        for cid, data in blocks:
            writer.put(cid, data)
        writer.finish(root)
    return writer.size_bytes


def read_car(path: Path) -> Iterator[tuple[Cid, bytes]]:
    """The blocks of a CAR in order, each hashed; the first item is (root, b"").

    Raises UsageError when it is cut, not a CAR of one root, or a block does not fit its CID.
    """
    car = CarFile(path)
    yield car.root, b""
    for cid in car.cids:
        yield cid, car.get(cid)


class CarFile:
    """A CAR opened for reading any block; only the positions are held in memory."""

    def __init__(self, path: Path) -> None:
        """Scan the sections without reading their blocks. Raises UsageError."""
        self.path = path
        self._places: dict[Cid, tuple[int, int]] = {}  # position and size of each block
        with translated_os_errors(path), path.open("rb") as file:
            self.size_bytes = path.stat().st_size
            try:
                self.root = self._scan(file)
            except ValueError as exc:
                raise UsageError(f"{path} is not a whole CAR file: {exc}") from exc
        if self.root not in self._places:
            raise UsageError(f"{path} is not a whole CAR file: its root {self.root} is missing")

    def _scan(self, file: BinaryIO) -> Cid:
        size = _read_size(file, most=1 << 16)
        if size is None:
            raise ValueError("it is empty")
        root = _root(_exactly(file, size))
        at = file.tell()
        while (size := _read_size(file, most=MAX_BLOCK_BYTES + 100)) is not None:
            at = file.tell()
            cid, head = Cid.from_bytes(file.read(min(size, 100)))
            if head > size or at + size > self.size_bytes:
                raise ValueError("it is cut")
            self._places.setdefault(cid, (at + head, size - head))
            file.seek(at + size)
        return root

    @property
    def cids(self) -> Sequence[Cid]:
        """The CIDs in the order of the file, each once."""
        return list(self._places)

    def block_bytes(self, cid: Cid) -> int:
        """The size of one block."""
        return self._places[cid][1]

    def get(self, cid: Cid) -> bytes:
        """The block, hashed. Raises MissingBlock, or UsageError when it is damaged."""
        if cid not in self._places:
            raise MissingBlock(f"the block {cid} is not in {self.path}")
        at, size = self._places[cid]
        try:
            with self.path.open("rb") as file:
                file.seek(at)
                data = file.read(size)
        except OSError as exc:
            raise os_error(exc, self.path) from exc
        if hashlib.sha256(data).digest() != cid.digest:
            raise UsageError(f"{self.path} is not a whole CAR file: the block {cid} is damaged")
        return data


def _root(head: bytes) -> Cid:
    start = head.find(b"\xd8\x2a\x58")
    if start < 0 or len(head) < start + 5:
        raise ValueError("no root in its header")
    root, _ = Cid.from_bytes(head, start + 5)
    if header(root)[len(varint(len(head))) :] != head:
        raise ValueError("its header is not that of version 1 with one root")
    return root


def _read_size(file: BinaryIO, *, most: int) -> int | None:
    prefix = b""
    while not prefix or prefix[-1] > 0x7F:
        byte = file.read(1)
        if not byte and not prefix:
            return None
        if not byte or len(prefix) > 8:
            raise ValueError("it is cut" if not byte else "bad varint")
        prefix += byte
    size, _ = read_varint(prefix, 0)
    if not 0 < size <= most:
        raise ValueError(f"a section of {size} bytes")
    return size


def _exactly(file: BinaryIO, size: int) -> bytes:
    data = file.read(size)
    if len(data) != size:
        raise ValueError("it is cut")
    return data
