"""The pixels of a PNG, inflated by a faster library than the one inside Pillow, where it is there.

Inflating is most of the time that a PNG takes. libdeflate does it in half. What it made is either
stored in a PNG for Pillow, everything else of the file as it was, or, of the plain PNGs that most
are, turned into pixels right here.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from nftgan.dataset import kernels
from nftgan.dataset.png_chunks import SIGNATURE

_LEAST_BYTES = 8 << 10  # of the compressed pixels, below which nothing is won
_MOST_BYTES = 128 << 20  # of the inflated ones, so that memory stays small
_STORED_BYTES = 0xFFFF  # of one block (RFC 1951, 3.2.4)
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by colour type

try:
    import deflate

    _library: Any = deflate
except ImportError:  # a processor that there is no libdeflate for
    _library = None


@dataclass(frozen=True)
class _Parts:
    """A PNG taken apart at its pixels."""

    header: tuple[int, ...]  # width, height, depth, colour type, compression, filter, interlacing
    before: bytes
    packed: bytes  # the pixels
    after: bytes
    kinds: frozenset[bytes]  # of all chunks
    size: int  # of the filtered rows

    def rows(self) -> bytearray | None:
        """The filtered rows; None when they are damaged, or not as long as they should be."""
        try:
            rows: bytearray = _library.zlib_decompress(self.packed, self.size)
        except _library.DeflateError:
            return None
        return rows if len(rows) == self.size else None


def stored_png(data: bytes) -> bytes:
    """`data`, a PNG, with its pixels uncompressed; as it is where that wins nothing.

    A file with anything wrong in its pixels also stays as it is, for the decoder to refuse.
    """
    parts = _parts(data)
    rows = parts.rows() if parts is not None else None
    if parts is None or rows is None:
        return data
    return b"".join([parts.before, *_chunk(rows), parts.after])


def plain_pixels(data: bytes) -> np.ndarray | None:
    """uint8 [H, W, 3 or 4] of a PNG of 8-bit RGB or RGBA without any chunk that changes pixels.

    None for every other one, for one that is damaged, and without the compiled routines.
    """
    if kernels.library() is None or (parts := _parts(data)) is None:
        return None
    width, _, depth, colour, compression, method, _ = parts.header
    plain = depth == 8 and colour in (2, 6) and compression == method == 0
    if not plain or parts.kinds != {b"IHDR", b"IDAT", b"IEND"}:
        return None
    rows = parts.rows()
    return None if rows is None else kernels.unfiltered(rows, width, _CHANNELS[colour])


def _parts(data: bytes) -> _Parts | None:
    """`data`, a PNG, taken apart; None where anything is unusual, and where nothing is won."""
    if _library is None or not data.startswith(SIGNATURE):
        return None
    place, first, last = 8, 0, 0
    packed: list[bytes] = []
    header: tuple[int, ...] = ()
    kinds = set()
    while place + 12 <= len(data) and b"IEND" not in kinds:
        kind, end = data[place + 4 : place + 8], place + 12 + _number(data, place)
        kinds.add(kind)
        if kind == b"IHDR":
            if place != 8 or end != 33 or not _is_whole(data, place, end):
                return None
            header = struct.unpack_from(">IIBBBBB", data, place + 8)
        elif kind == b"IDAT":
            if (packed and place != last) or not _is_whole(data, place, end):
                return None
            first, last = first or place, end
            packed.append(data[place + 8 : end - 4])
        place = end
    if place > len(data):
        return None
    whole, size = b"".join(packed), _size(header)
    if len(whole) < _LEAST_BYTES or not 0 < size <= _MOST_BYTES:
        return None
    return _Parts(header, data[:first], whole, data[last:], frozenset(kinds), size)


def _number(data: bytes, place: int) -> int:
    return int.from_bytes(data[place : place + 4], "big")


def _is_whole(data: bytes, place: int, end: int) -> bool:
    """Whether the chunk from `place` to `end` is all there, and is what its checksum says."""
    body = memoryview(data)[place + 4 : end - 4]
    return end <= len(data) and bool(_library.crc32(body) == _number(data, end - 4))


def _size(header: tuple[int, ...]) -> int:
    """Bytes of the filtered rows; 0 for an interlaced image and for a header that is none."""
    if not header or header[6] or header[3] not in _CHANNELS:
        return 0
    width, height, depth, colour = header[:4]
    return int(height * (1 + -(-width * depth * _CHANNELS[colour] // 8)))


def _chunk(rows: bytearray) -> list[bytes | bytearray]:
    """An IDAT chunk of one zlib stream of stored blocks."""
    body: list[bytes | bytearray] = [b"\x78\x01"]
    for start in range(0, len(rows), _STORED_BYTES):
        part = rows[start : start + _STORED_BYTES]
        final = start + len(part) == len(rows)
        body += [struct.pack("<BHH", final, len(part), len(part) ^ 0xFFFF), part]
    body.append(struct.pack(">I", _library.adler32(rows)))
    check = zlib.crc32(b"IDAT")
    for one in body:
        check = _library.crc32(one, check)
    return [
        struct.pack(">I", sum(map(len, body))),
        b"IDAT",
        *body,
        struct.pack(">I", check),
    ]
