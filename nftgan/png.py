"""PNG files: written so that the bytes depend on the pixels alone, read from anywhere in bounds.

Pillow's files change with the version of zlib (and zlib-ng) below it; then an image rendered
again would have the right pixels and the wrong CID. So the whole path is fixed here, in integers:

- RGBA of an image with transparency; else, of at most 256 colours, a palette in rising order of R,
  G, B and one byte a pixel; otherwise RGB;
- filter of a row, palette: Up where the row repeats the one above, else None; RGB, RGBA: None, Sub,
  Up, Average, Paeth the one with the smallest sum of absolute signed bytes, the first of equals;
- zlib stream 78 01 with one final block of dynamic Huffman codes. A run of n equal bytes is one
  literal and matches of distance 1 and length 258, …, then the rest (a rest below 3 is literals).
  Codes are Huffman's, the lighter (then earlier made) tree first; while a code is longer than
  allowed, weights w become (w + 1) // 2. Distance code 0 has length 1. Code lengths are written
  one by one, never as repeats, all 19 code-length codes present.

The files are about as large as Pillow's for photographs and much smaller than raw for pixel art.
"""

from __future__ import annotations

import heapq
import io
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

from nftgan.errors import CheckFailed, UsageError
from nftgan.files import write_bytes

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
MAX_PIXELS = 100_000_000
BAND_BYTES = 1 << 20  # work on this much of an image at a time, so that memory stays small
_DEPTH_AT = 24  # place of the bits a channel in a file
_END_OF_BLOCK = 256
_LENGTH_ORDER = (16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15)


def _length_codes() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For match lengths 3..258: symbol, number of extra bits, their value (RFC 1951, 3.2.5)."""
    symbols, extra_bits, extra = (np.zeros(259, dtype=np.int64) for _ in range(3))
    length, symbol = 3, 257
    for bits in (0,) * 8 + (1,) * 4 + (2,) * 4 + (3,) * 4 + (4,) * 4 + (5,) * 4:
        for value in range(1 << bits):
            if length < 258:
                symbols[length], extra_bits[length], extra[length] = symbol, bits, value
            length += 1
        symbol += 1
    symbols[258] = 285
    return symbols, extra_bits, extra


_SYMBOL, _EXTRA_BITS, _EXTRA = _length_codes()


def encode_png(image: np.ndarray) -> bytes:
    """The one PNG file of uint8 [H, W, 3], or of straight RGBA [H, W, 4].

    Raises UsageError for another shape or type.
    """
    if image.ndim != 3 or image.shape[2] not in (3, 4) or image.dtype != np.uint8 or not image.size:
        raise UsageError(f"an image is uint8 [H, W, 3 or 4], not {image.dtype} {list(image.shape)}")
    height, width, channels = image.shape
    if channels == 4:
        data = _filter_colours(image.reshape(height, width * 4), 4)
        return _whole_file(width, height, 6, data)
    wide = image.astype(np.int64)
    packed = (wide[..., 0] << 16) | (wide[..., 1] << 8) | wide[..., 2]
    colours, index = np.unique(packed, return_inverse=True)
    chunks = []
    if len(colours) <= 256:
        rgb = np.stack([colours >> 16, (colours >> 8) & 255, colours & 255], axis=1)
        chunks.append((b"PLTE", rgb.astype(np.uint8).tobytes()))
        data = _filter_palette(index.reshape(height, width).astype(np.uint8))
    else:
        data = _filter_colours(image.reshape(height, width * 3), 3)
    return _whole_file(width, height, 3 if len(colours) <= 256 else 2, data, *chunks)


def _whole_file(
    width: int, height: int, kind: int, data: np.ndarray, *chunks: tuple[bytes, bytes]
) -> bytes:
    """kind: PNG's colour type; data: the filtered bytes."""
    header = struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)
    return png_file((b"IHDR", header), *chunks, (b"IDAT", _zlib_stream(data)), (b"IEND", b""))


def write_png(path: Path, image: np.ndarray) -> None:
    """`path` holds the PNG of uint8 [H, W, 3 or 4], whole or not at all."""
    write_bytes(path, encode_png(image))


def png_file(*chunks: tuple[bytes, bytes]) -> bytes:
    """The PNG of these chunks (kind, body), with its signature, their lengths and checksums."""
    return PNG_SIGNATURE + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )


# ---- reading ---------------------------------------------------------------------------------


def check_canonical(data: bytes, image: np.ndarray, *, what: str) -> None:
    """Raises CheckFailed unless `data` is the one PNG file that these pixels have here.

    A file may hold more than its pixels: a colour profile that exchanges red and blue, a colour
    that is shown as a hole, an orientation, a damaged end. Programs that heed it show another
    image than the one whose pixels are checked, so there must be nothing else.
    """
    if data != encode_png(image):
        raise CheckFailed(f"{what} holds more than its pixels: programs may show another image")


def decode_png(
    data: bytes,
    *,
    what: str,
    size: tuple[int, int] | None = None,
    most_pixels: int = MAX_PIXELS,
) -> np.ndarray:
    """uint8 [H, W, 3], or straight [H, W, 4] of an RGBA PNG.

    size: (width, height) that it must have. Raises CheckFailed when `data` is not a whole PNG of
    sane size with 8-bit RGB, RGBA or a palette.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
                if size is not None and image.size != size:
                    raise CheckFailed(f"{what} has not the {size[0]} x {size[1]} pixels it should")
                if image.width * image.height > most_pixels:
                    raise CheckFailed(f"{what} has {image.width} x {image.height} pixels, too many")
                if problem := _unplain(image, depth=data[_DEPTH_AT]):
                    raise CheckFailed(f"{what} {problem}")
                return np.asarray(image if image.mode == "RGBA" else image.convert("RGB"))
    except CheckFailed:
        raise
    except Exception as exc:  # Pillow's decoders raise what they like on broken files
        raise CheckFailed(f"{what} cannot be read as a PNG: {str(exc)[:200]}") from exc


def _unplain(image: Image.Image, depth: int) -> str | None:
    """Why an opened PNG of `depth` bits a channel cannot hold a piece; None: it may."""
    if image.mode not in {"RGB", "RGBA", "P"} or getattr(image, "is_animated", False):
        return "is not a plain RGB or RGBA image"
    if depth == 16:  # Pillow reads it as 8 without a word
        return f"has 16 bits a channel, a plain {image.mode} image has 8"
    if "transparency" in image.info:
        return "marks colours as transparent: a piece is plain RGB, or RGBA"
    return None


def read_png(path: Path) -> np.ndarray:
    """The pixels of a PNG file. Raises CheckFailed as `decode_png`, UsageError without the file."""
    try:
        data = path.read_bytes()
    except OSError as exc:
        raise UsageError(f"{path} cannot be read: {exc.strerror}", hint="nftgan render") from exc
    return decode_png(data, what=str(path))


# ---- filters ---------------------------------------------------------------------------------


def _filter_palette(rows: np.ndarray) -> np.ndarray:
    """uint8 [H, W] → the filtered bytes, each row after its filter number."""
    out = np.zeros((rows.shape[0], rows.shape[1] + 1), dtype=np.uint8)
    out[:, 1:] = rows
    repeats = np.flatnonzero((rows[1:] == rows[:-1]).all(axis=1)) + 1
    out[repeats] = 0
    out[repeats, 0] = 2
    return out.reshape(-1)


def _filter_colours(rows: np.ndarray, channels: int) -> np.ndarray:
    """uint8 [H, C W] → the filtered bytes, each row after its filter number."""
    above = np.concatenate([np.zeros_like(rows[:1]), rows[:-1]])
    band = max(1, BAND_BYTES // rows.shape[1])
    starts = range(0, len(rows), band)
    bands = (slice(start, start + band) for start in starts)
    return np.concatenate([_filter_band(rows[one], above[one], channels) for one in bands])


def _filter_band(rows: np.ndarray, above: np.ndarray, channels: int) -> np.ndarray:
    """The same for some rows, each with the one above it."""
    x, up = rows.astype(np.int16), above.astype(np.int16)
    left, corner = np.zeros_like(x), np.zeros_like(x)
    left[:, channels:], corner[:, channels:] = x[:, :-channels], up[:, :-channels]
    guess = left + up - corner
    to_left, to_up, to_corner = abs(guess - left), abs(guess - up), abs(guess - corner)
    paeth = np.where(
        (to_left <= to_up) & (to_left <= to_corner), left, np.where(to_up <= to_corner, up, corner)
    )
    predictions = (np.zeros_like(x), left, up, (left + up) // 2, paeth)
    choices = np.stack([(x - p).astype(np.uint8) for p in predictions])  # [5, H, C W]
    cost = np.abs(choices.view(np.int8).astype(np.int16)).sum(axis=2, dtype=np.int64)
    best = cost.argmin(axis=0)  # the first of equals
    filtered = choices[best, np.arange(len(rows))]
    return np.concatenate([best.astype(np.uint8)[:, None], filtered], axis=1).reshape(-1)


# ---- deflate ---------------------------------------------------------------------------------


def _zlib_stream(data: np.ndarray) -> bytes:
    """The RFC 1950 stream of the bytes in `data`."""
    literals, lengths = _tokens(data)
    symbols = np.where(lengths > 0, _SYMBOL[lengths], literals)
    symbols = np.append(symbols, _END_OF_BLOCK)
    lengths = np.append(lengths, 0)
    code_lengths = huffman_lengths(np.bincount(symbols, minlength=286).tolist(), 15)
    codes = canonical_codes(code_lengths)
    matches = lengths > 0
    # A match is its symbol's code, the extra bits of its length and the single distance bit, 0.
    extra_bits, extra = _EXTRA_BITS[lengths], _EXTRA[lengths]
    widths_of = np.array(code_lengths, dtype=np.int64)[symbols]
    values = np.array(codes, dtype=np.int64)[symbols] | (extra << widths_of)
    widths = widths_of + extra_bits + matches
    head_values, head_widths = _block_header(code_lengths)
    body = _pack_bits(np.concatenate([head_values, values]), np.concatenate([head_widths, widths]))
    return b"\x78\x01" + body + struct.pack(">I", zlib.adler32(data.tobytes()))


def _tokens(data: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(literal or 0, match length or 0) of each token, both int64."""
    starts = np.flatnonzero(np.append(True, data[1:] != data[:-1]))
    runs = np.diff(np.append(starts, len(data)))
    values = data[starts].astype(np.int64)
    rest = (runs - 1) % 258
    short = np.where(rest < 3, rest, 0)
    counts = 1 + (runs - 1) // 258 + np.where(rest >= 3, 1, short)
    ends = np.cumsum(counts)
    literals = np.repeat(values, counts)
    lengths = np.full(len(literals), 258, dtype=np.int64)
    lengths[ends - counts] = 0  # a run begins with a literal …
    long = rest >= 3
    lengths[ends[long] - 1] = rest[long]  # … and ends with what is left
    lengths[ends[short >= 1] - 1] = 0
    lengths[ends[short >= 2] - 2] = 0
    literals[lengths > 0] = 0
    return literals, lengths


def huffman_lengths(weights: list[int], limit: int) -> list[int]:
    """Code lengths of at most `limit` bits for the symbols of weight > 0, 0 for the others."""
    used = [symbol for symbol, weight in enumerate(weights) if weight > 0]
    lengths = [0] * len(weights)
    if len(used) == 1:
        lengths[used[0]] = 1
        return lengths
    scaled = list(weights)
    while True:
        heap: list[tuple[int, int, tuple[int, ...]]] = [
            (scaled[symbol], order, (symbol,)) for order, symbol in enumerate(used)
        ]
        heapq.heapify(heap)
        lengths = [0] * len(weights)
        made = len(heap)
        while len(heap) > 1:
            a, _, left = heapq.heappop(heap)
            b, _, right = heapq.heappop(heap)
            for symbol in left + right:
                lengths[symbol] += 1
            heapq.heappush(heap, (a + b, made, left + right))
            made += 1
        if max(lengths) <= limit:
            return lengths
        scaled = [(weight + 1) // 2 for weight in scaled]


def canonical_codes(lengths: list[int]) -> list[int]:
    """The codes of RFC 1951, 3.2.2, bit-reversed: deflate sends their first bit first."""
    codes = [0] * len(lengths)
    code = 0
    for bits in range(1, max(lengths) + 1):
        for symbol, length in enumerate(lengths):
            if length == bits:
                codes[symbol] = int(f"{code:0{bits}b}"[::-1], 2)
                code += 1
        code <<= 1
    return codes


def _block_header(code_lengths: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Values and widths of the bits before the first token (RFC 1951, 3.2.7)."""
    all_lengths = [*code_lengths, 1]
    order_lengths = huffman_lengths(np.bincount(all_lengths, minlength=19).tolist(), 7)
    codes = canonical_codes(order_lengths)
    fields = [(1, 1), (2, 2), (len(code_lengths) - 257, 5), (0, 5), (19 - 4, 4)]
    fields += [(order_lengths[symbol], 3) for symbol in _LENGTH_ORDER]
    fields += [(codes[length], order_lengths[length]) for length in all_lengths]
    values, widths = zip(*fields, strict=True)
    return np.array(values, dtype=np.int64), np.array(widths, dtype=np.int64)


def _pack_bits(values: np.ndarray, widths: np.ndarray) -> bytes:
    """All values one after the other, least significant bit first."""
    parts, left = [], np.zeros(0, dtype=np.uint8)
    for first in range(0, len(values), BAND_BYTES):
        value, width = values[first : first + BAND_BYTES], widths[first : first + BAND_BYTES]
        starts = np.cumsum(width) - width
        position = np.arange(int(width.sum())) - np.repeat(starts, width)
        bits = ((np.repeat(value, width) >> position) & 1).astype(np.uint8)
        bits = np.concatenate([left, bits])
        whole = len(bits) // 8 * 8
        parts.append(np.packbits(bits[:whole], bitorder="little").tobytes())
        left = bits[whole:]
    return b"".join([*parts, np.packbits(left, bitorder="little").tobytes()])
