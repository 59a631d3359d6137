"""The pixels of a PNG, inflated by a faster library than the one inside Pillow, where it is there.

Inflating is most of the time that a PNG takes. ISA-L does it in half; the stream that Pillow then
gets is stored, not compressed, and everything else of the file stays as it was.
"""

from __future__ import annotations

import struct
import zlib
from typing import Any

from nftgan.dataset.png_chunks import SIGNATURE

_LEAST_BYTES = 64 << 10  # of the compressed pixels, below which nothing is won
_MOST_BYTES = 128 << 20  # of the inflated ones, so that memory stays small
_STORED_BYTES = 0xFFFF  # of one block (RFC 1951, 3.2.4)
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by colour type

try:
    from isal import isal_zlib

    _isal: Any = isal_zlib
except ImportError:  # a processor that there is no ISA-L for
    _isal = None


def stored_png(data: bytes) -> bytes:
    """`data`, a PNG, with its pixels uncompressed; as it is where that wins nothing.

    A file with anything wrong in its pixels also stays as it is, for the decoder to refuse.
    """
    if _isal is None or not data.startswith(SIGNATURE):
        return data
    parts = _parts(data)
    if parts is None:
        return data
    before, packed, after, most = parts
    machine = _isal.decompressobj()
    try:
        pixels = machine.decompress(packed, most)
    except (_isal.error, zlib.error):
        return data
    if not machine.eof or len(pixels) != most:
        return data
    return b"".join([before, *_chunk(pixels), after])


def _parts(data: bytes) -> tuple[bytes, bytes, bytes, int] | None:
    """What comes before the pixels, they, what comes after, and their size inflated."""
    place, first, last = 8, 0, 0
    packed: list[bytes] = []
    most = 0
    while place + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, place)
        kind, end = data[place + 4 : place + 8], place + 12 + length
        if end > len(data):
            return None
        if kind == b"IHDR" and length == 13:
            most = _size(data[place + 8 : place + 21])
        elif kind == b"IDAT":
            wrong = _isal.crc32(memoryview(data)[place + 4 : end - 4]) != int.from_bytes(
                data[end - 4 : end], "big"
            )
            if wrong or (packed and place != last):
                return None
            first, last = first or place, end
            packed.append(data[place + 8 : end - 4])
        place = end
    whole = b"".join(packed)
    if len(whole) < _LEAST_BYTES or not 0 < most <= _MOST_BYTES:
        return None
    return data[:first], whole, data[last:], most


def _size(header: bytes) -> int:
    """Bytes of the filtered rows; 0 for an interlaced image and for a header that is none."""
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", header)
    if interlaced or colour not in _CHANNELS:
        return 0
    return int(height * (1 + -(-width * depth * _CHANNELS[colour] // 8)))


def _chunk(pixels: bytes) -> list[bytes]:
    """An IDAT chunk of one zlib stream of stored blocks."""
    body = [b"\x78\x01"]
    for start in range(0, len(pixels), _STORED_BYTES):
        part = pixels[start : start + _STORED_BYTES]
        final = start + len(part) == len(pixels)
        body += [struct.pack("<BHH", final, len(part), len(part) ^ 0xFFFF), part]
    body.append(struct.pack(">I", _isal.adler32(pixels)))
    check = _isal.crc32(b"IDAT")
    for one in body:
        check = _isal.crc32(one, check)
    return [
        struct.pack(">I", sum(map(len, body))),
        b"IDAT",
        *body,
        struct.pack(">I", check),
    ]
