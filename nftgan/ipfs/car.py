"""CAR version 1: one file that holds a whole DAG and that every IPFS node can import."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from nftgan.errors import CheckFailed
from nftgan.files import atomic_path, translated_os_errors
from nftgan.ipfs.cid import Cid, read_varint, varint
from nftgan.ipfs.reader import MAX_BLOCK_BYTES


def header(root: Cid) -> bytes:
    """The header section: {"roots": [root], "version": 1} in DAG-CBOR, keys by length."""
    link = b"\0" + root.to_bytes()  # a CID in CBOR: tag 42 over a zero byte and the CID
    body = b"\xa2" + b"\x65roots" + b"\x81" + b"\xd8\x2a" + _byte_string(link)
    body += b"\x67version" + b"\x01"
    return varint(len(body)) + body


def _byte_string(data: bytes) -> bytes:
    size = len(data)
    return (bytes([0x40 | size]) if size < 24 else bytes([0x58, size])) + data


def section(cid: Cid, data: bytes) -> bytes:
    """One block with its CID and the length of both."""
    name = cid.to_bytes()
    return varint(len(name) + len(data)) + name + data


def write_car(path: Path, root: Cid, blocks: Iterable[tuple[Cid, bytes]]) -> int:
    """Write a CAR, whole or not at all; repeated blocks once. Returns its size in bytes."""
    seen = set()
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        size = file.write(header(root))
        for cid, data in blocks:
            if cid not in seen:
                seen.add(cid)
                size += file.write(section(cid, data))
    return size


def read_car(path: Path) -> Iterator[tuple[Cid, bytes]]:
    """The blocks of a CAR in order, each hashed; the first item is (root, b"").

    Raises CheckFailed when it is cut, not a CAR of one root, or a block does not fit its CID.
    """
    with translated_os_errors(path), path.open("rb") as file:
        try:
            head = _read_section(file, most=1 << 16)
            if head is None:
                raise ValueError("it is empty")
            yield _root(head), b""
            while (body := _read_section(file, most=MAX_BLOCK_BYTES + 100)) is not None:
                cid, at = Cid.from_bytes(body)
                data = body[at:]
                if hashlib.sha256(data).digest() != cid.digest:
                    raise CheckFailed(f"{path}: the block {cid} is damaged")
                yield cid, data
        except ValueError as exc:
            raise CheckFailed(f"{path} is not a whole CAR file: {exc}") from exc


def _root(head: bytes) -> Cid:
    start = head.find(b"\xd8\x2a\x58")
    if start < 0 or len(head) < start + 5:
        raise ValueError("no root in its header")
    root, _ = Cid.from_bytes(head, start + 5)
    if header(root)[len(varint(len(head))) :] != head:
        raise ValueError("its header is not that of version 1 with one root")
    return root


def _read_section(file: BinaryIO, *, most: int) -> bytes | None:
    prefix = b""
    while True:
        byte = file.read(1)
        if not byte:
            if prefix:
                raise ValueError("it is cut")
            return None
        prefix += byte
        if byte[0] < 0x80:
            break
        if len(prefix) > 8:
            raise ValueError("bad varint")
    size, _ = read_varint(prefix, 0)
    if not 0 < size <= most:
        raise ValueError(f"a section of {size} bytes")
    body = file.read(size)
    if len(body) != size:
        raise ValueError("it is cut")
    return body
