"""A PNG is what is seen: any chunk, byte or frame besides the pixels is refused."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from nftgan.errors import CheckFailed
from nftgan.provenance.png_reader import check_canonical, decode_png
from nftgan.synthesis.png import encode_png

IMAGE = np.random.RandomState(3).randint(0, 256, (8, 12, 3)).astype(np.uint8)
DATA = encode_png(IMAGE)


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def with_chunk(kind: bytes, body: bytes) -> bytes:
    """DATA with one more chunk behind the header chunk (8 + 25 bytes)."""
    return DATA[:33] + chunk(kind, body) + DATA[33:]


def seen(data: bytes) -> None:
    check_canonical(data, decode_png(data, what="it"), what="it")


def test_our_own_file_passes_and_gives_its_pixels() -> None:
    assert np.array_equal(decode_png(DATA, what="it", size=(12, 8)), IMAGE)
    seen(DATA)


@pytest.mark.parametrize(
    "data",
    [
        with_chunk(b"gAMA", struct.pack(">I", 100_000)),
        with_chunk(b"cHRM", bytes(32)),
        with_chunk(b"sRGB", b"\x00"),
        with_chunk(b"tRNS", struct.pack(">HHH", *map(int, IMAGE[0, 0]))),
        with_chunk(b"tEXt", b"Comment\x00hello"),
        with_chunk(b"cICP", bytes([9, 16, 0, 1])),
        with_chunk(b"pHYs", struct.pack(">IIB", 1, 9, 0)),
        DATA + b"trailing",
        DATA[:-1],
        DATA[:-4] + b"\x00\x00\x00\x00",
        b"",
        b"GIF89a",
    ],
)
def test_what_holds_more_or_less_than_its_pixels_is_refused(data: bytes) -> None:
    with pytest.raises(CheckFailed):
        seen(data)


def test_another_encoding_of_the_same_pixels_is_refused() -> None:
    out = io.BytesIO()
    Image.fromarray(IMAGE).save(out, "PNG", pnginfo=PngImagePlugin.PngInfo())
    assert out.getvalue() != DATA
    with pytest.raises(CheckFailed, match="more than its pixels"):
        seen(out.getvalue())


def test_another_size_and_another_kind_of_image_are_refused() -> None:
    with pytest.raises(CheckFailed, match="12 x 9"):
        decode_png(DATA, what="it", size=(12, 9))
    with pytest.raises(CheckFailed, match="too many"):
        decode_png(DATA, what="it", most_pixels=95)
    for mode in ("RGBA", "L", "I;16", "1"):
        out = io.BytesIO()
        Image.new(mode, (4, 4)).save(out, "PNG")
        with pytest.raises(CheckFailed, match="plain RGB"):
            decode_png(out.getvalue(), what="it")


def test_an_animation_is_refused() -> None:
    out = io.BytesIO()
    frames = [Image.fromarray(IMAGE), Image.fromarray(255 - IMAGE)]
    frames[0].save(out, "PNG", save_all=True, append_images=frames[1:])
    with pytest.raises(CheckFailed):
        decode_png(out.getvalue(), what="it")
