"""dag-pb nodes and the UnixFS record inside them, written and read by hand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from nftgan.ipfs.cid import Cid, read_varint, varint

FILE_RAW, DIRECTORY, FILE, SYMLINK, SHARD = 0, 1, 2, 4, 5
HASH_MURMUR3 = 0x22
FANOUT = 256


@dataclass(frozen=True)
class Link:
    """One child: its name ("" inside files), CID and the bytes of all blocks below it."""

    name: str
    cid: Cid
    total_bytes: int


@dataclass(frozen=True)
class Node:
    """A dag-pb node: links and the UnixFS record."""

    links: tuple[Link, ...]
    data: bytes


@dataclass(frozen=True)
class UnixFs:
    """The UnixFS record: its kind, inline bytes, file size and the sizes of a file's parts."""

    kind: int
    data: bytes = b""
    file_bytes: int | None = None
    part_bytes: tuple[int, ...] = ()
    fanout: int | None = None
    hash_type: int | None = None  # of a shard; written whenever there is a fan-out


def _bytes_field(number: int, value: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(value)) + value


def _int_field(number: int, value: int) -> bytes:
    return varint(number << 3) + varint(value)


def encode_link(link: Link) -> bytes:
    """One PBLink field of a node."""
    cid, name = link.cid.to_bytes(), link.name.encode()
    body = b"\x0a%b%b\x12%b%b\x18%b" % (  # fields 1, 2 and 3 in one go: there are many links
        *(varint(len(cid)), cid, varint(len(name)), name, varint(link.total_bytes)),
    )
    return _bytes_field(2, body)


def encode_node(links: Sequence[Link], data: bytes) -> bytes:
    """The canonical bytes of a node: links first, in the order given, then data."""
    return join_node(map(encode_link, links), data)


def join_node(encoded_links: Iterable[bytes], data: bytes) -> bytes:
    """`encode_node` for links that are encoded already."""
    return b"".join((*encoded_links, _bytes_field(1, data)))


def encode_unixfs(record: UnixFs) -> bytes:
    """The record with its fields in rising order, as every implementation writes them."""
    out = _int_field(1, record.kind)
    if record.data:
        out += _bytes_field(2, record.data)
    if record.file_bytes is not None:
        out += _int_field(3, record.file_bytes)
    for size in record.part_bytes:
        out += _int_field(4, size)
    if record.fanout is not None:
        out += _int_field(5, HASH_MURMUR3) + _int_field(6, record.fanout)
    return out


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    at = 0
    while at < len(data):
        tag, at = read_varint(data, at)
        if tag & 7 == 0:
            value, at = read_varint(data, at)
            yield tag >> 3, value
        elif tag & 7 == 2:
            size, at = read_varint(data, at)
            if size > len(data) - at:
                raise ValueError("a field is cut")
            yield tag >> 3, data[at : at + size]
            at += size
        else:
            raise ValueError("unknown wire type")


def decode_node(data: bytes) -> Node:
    """The node in `data`; ValueError when it is not dag-pb in its canonical order.

    Readers differ about a field that occurs twice or out of order, so there is none.
    """
    links: list[Link] = []
    body: bytes | None = None
    for number, value in _fields(data):
        if number == 2 and isinstance(value, bytes) and body is None:
            links.append(_decode_link(value))
        elif number == 1 and isinstance(value, bytes) and body is None:
            body = value
        else:
            raise ValueError("not a dag-pb node")
    return Node(tuple(links), body or b"")


def _decode_link(data: bytes) -> Link:
    cid, name, total, last = None, "", 0, 0
    for number, value in _fields(data):
        if number <= last:
            raise ValueError("a link's fields are out of order")
        last = number
        if number == 1 and isinstance(value, bytes):
            cid, end = Cid.from_bytes(value)
            if end != len(value):
                raise ValueError("a link's CID has bytes left over")
        elif number == 2 and isinstance(value, bytes):
            name = value.decode()
        elif number == 3 and isinstance(value, int):
            total = value
        else:
            raise ValueError("not a dag-pb link")
    if cid is None:
        raise ValueError("a link without CID")
    return Link(name, cid, total)


def decode_unixfs(data: bytes) -> UnixFs:
    """The UnixFS record in `data`; ValueError when it is not one."""
    parts: list[int] = []
    found: dict[int, Any] = {}
    for number, value in _fields(data):
        if number == 4:
            parts += [value] if isinstance(value, int) else _packed(value)
            continue
        if number in found:
            raise ValueError("a field of a UnixFS record occurs twice")
        if not isinstance(value, _UNIXFS.get(number, ())):
            raise ValueError("not a UnixFS record")
        found[number] = value
    if 1 not in found:
        raise ValueError("a UnixFS record without a kind")
    return UnixFs(
        kind=found[1],
        data=found.get(2, b""),
        file_bytes=found.get(3),
        part_bytes=tuple(parts),
        fanout=found.get(6),
        hash_type=found.get(5),
    )


_UNIXFS: dict[int, Any] = {1: int, 2: bytes, 3: int, 5: int, 6: int, 7: object, 8: object}
"""The type of each field but the sizes of parts; 7 and 8, mode and time, change nothing here."""


def _packed(data: bytes) -> list[int]:
    """Numbers in one field, as some encoders write them."""
    found, at = [], 0
    while at < len(data):
        number, at = read_varint(data, at)
        found.append(number)
    return found
