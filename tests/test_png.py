"""The PNG writer: what another decoder reads back, and bytes that never change."""

from __future__ import annotations

import hashlib
import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image, PngImagePlugin

from nftgan.errors import CheckFailed, UsageError
from nftgan.png import (
    canonical_codes,
    check_canonical,
    decode_png,
    encode_png,
    huffman_lengths,
    png_file,
    write_png,
)
from tests.png_chunks import chunk

IMAGES = array_shapes(min_dims=2, max_dims=2, max_side=40).flatmap(
    lambda shape: arrays(np.uint8, (*shape, 3), fill=st.integers(0, 255))
)


def decoded(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        return np.array(image.convert("RGB"))


@settings(deadline=None)
@given(IMAGES)
def test_another_decoder_reads_the_same_pixels(image: np.ndarray) -> None:
    assert np.array_equal(decoded(encode_png(image)), image)


@pytest.mark.parametrize("length", [1, 2, 3, 4, 258, 259, 260, 261, 262, 516, 517, 5000])
def test_runs_of_every_awkward_length_come_back(length: int) -> None:
    image = np.full((1, length, 3), 200, dtype=np.uint8)
    image[0, -1] = (1, 2, 3)
    assert np.array_equal(decoded(encode_png(image)), image)


@pytest.mark.parametrize("side", [20, 64, 150])
def test_colourful_images_come_back(side: int) -> None:
    noise = np.random.RandomState(side).randint(0, 256, (side, side, 3)).astype(np.uint8)
    smooth = np.linspace(0, 255, side * side * 3).reshape(side, side, 3).astype(np.uint8)
    for image in (noise, smooth, noise // 64 * 64):
        assert np.array_equal(decoded(encode_png(image)), image)


def test_the_bytes_are_fixed() -> None:
    y, x = np.mgrid[:48, :64]
    colourful = np.stack([x * 4, y * 5, (x * y) % 256], axis=2).astype(np.uint8)
    flat = (colourful // 128 * 255).astype(np.uint8)
    digests = [hashlib.sha256(encode_png(image)).hexdigest() for image in (colourful, flat)]
    assert digests == [
        "acebb22bab384767ad71aeadfe0adf43e45da1aa7fa33dbe881ac0e87c6bbdd0",
        "451c86ea632137ca8917324a614f6f421a43b3163f134333d1974f5fd12ba73d",
    ]


def test_pixel_art_gets_a_palette_and_stays_small() -> None:
    tile = np.random.RandomState(0).randint(0, 12, (16, 16))
    image = (np.arange(36, dtype=np.uint8) * 7).reshape(12, 3)[tile]
    image = image.repeat(32, axis=0).repeat(32, axis=1)
    data = encode_png(image)
    with Image.open(io.BytesIO(data)) as opened:
        assert opened.mode == "P"
    assert len(data) < 3000


def test_a_skewed_histogram_keeps_to_the_longest_code() -> None:
    weights = [1, 1]
    while len(weights) < 40:
        weights.append(weights[-1] + weights[-2])  # Fibonacci: the deepest possible tree
    lengths = huffman_lengths(weights, 15)
    assert max(lengths) <= 15
    assert sum(2.0**-length for length in lengths) == 1


@given(
    st.lists(st.integers(0, 1000), min_size=2, max_size=60).filter(lambda w: sum(map(bool, w)) > 1)
)
def test_codes_are_complete_and_no_code_begins_another(weights: list[int]) -> None:
    lengths = huffman_lengths(weights, 15)
    codes = canonical_codes(lengths)
    words = [
        f"{code:0{length}b}"[::-1] for code, length in zip(codes, lengths, strict=True) if length
    ]
    assert sum(2.0 ** -len(word) for word in words) == 1
    assert len(set(words)) == len(words)
    assert not any(a != b and b.startswith(a) for a in words for b in words)


def test_the_stream_is_one_that_zlib_accepts_to_the_last_byte() -> None:
    data = encode_png(np.zeros((3, 3, 3), dtype=np.uint8))
    start = data.index(b"IDAT") + 4
    length = int.from_bytes(data[start - 8 : start - 4], "big")
    stream = zlib.decompressobj()
    assert len(stream.decompress(data[start : start + length])) == 3 * 4
    assert stream.eof and not stream.unused_data


def test_a_file_is_written_whole(tmp_path: Path) -> None:
    image = np.zeros((2, 2, 3), dtype=np.uint8)
    write_png(tmp_path / "a" / "0.png", image)
    assert (tmp_path / "a" / "0.png").read_bytes() == encode_png(image)
    with pytest.raises(UsageError, match="uint8"):
        write_png(tmp_path / "1.png", image[..., 0])
    assert not (tmp_path / "1.png").exists()


# ---- reading


def saved(image: Image.Image, kind: str = "PNG", **more: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **more)
    return buffer.getvalue()


def deep(kind: int) -> bytes:
    """A PNG of 4 x 3 pixels and 16 bits a channel, of PNG's colour type `kind`."""
    rows = bytes(3 * (1 + 4 * 2 * {2: 3, 6: 4}[kind]))
    head = struct.pack(">IIBBBBB", 4, 3, 16, kind, 0, 0, 0)
    return png_file((b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (saved(Image.new("RGB", (4, 3)), "BMP"), "cannot be read as a PNG"),
        (saved(Image.new("LA", (4, 3))), "is not a plain RGB or RGBA image"),
        (saved(Image.new("L", (4, 3))), "is not a plain RGB or RGBA image"),
        (saved(Image.new("P", (4, 3)), transparency=0), "marks colours as transparent"),
        (saved(Image.new("RGB", (4, 3)), transparency=(0, 0, 0)), "marks colours as transparent"),
        (deep(2), "has 16 bits a channel, a plain RGB image has 8"),
        (deep(6), "has 16 bits a channel, a plain RGBA image has 8"),
        (encode_png(np.arange(36, dtype=np.uint8).reshape(3, 4, 3))[:-40], "cannot be read"),
        (saved(Image.new("RGB", (3, 4))), "has not the 4 x 3 pixels"),
    ],
)
def test_what_is_no_plain_png_of_the_size_is_not_read(data: bytes, why: str) -> None:
    with pytest.raises(CheckFailed, match=why):
        decode_png(data, what="x.png", size=(4, 3))


def test_a_png_is_read_within_its_bound_and_must_hold_nothing_but_its_pixels() -> None:
    image = np.arange(36, dtype=np.uint8).reshape(3, 4, 3)
    data = encode_png(image)
    assert np.array_equal(decode_png(data, what="x.png", size=(4, 3), most_pixels=12), image)
    check_canonical(data, image, what="x.png")
    with pytest.raises(CheckFailed, match="has 4 x 3 pixels, too many"):
        decode_png(data, what="x.png", most_pixels=11)
    with pytest.raises(CheckFailed, match="holds more than its pixels"):
        check_canonical(data + b"\0", image, what="x.png")


# ---- what is seen is what is checked

PLAIN = np.random.RandomState(3).randint(0, 256, (8, 12, 3)).astype(np.uint8)
PLAIN_DATA = encode_png(PLAIN)


def with_chunk(kind: bytes, body: bytes) -> bytes:
    """PLAIN_DATA with one more chunk behind the header chunk (8 + 25 bytes)."""
    return PLAIN_DATA[:33] + chunk(kind, body) + PLAIN_DATA[33:]


def seen(data: bytes) -> None:
    check_canonical(data, decode_png(data, what="it"), what="it")


def test_our_own_file_passes_and_gives_its_pixels() -> None:
    assert np.array_equal(decode_png(PLAIN_DATA, what="it", size=(12, 8)), PLAIN)
    seen(PLAIN_DATA)


@pytest.mark.parametrize(
    "data",
    [
        with_chunk(b"gAMA", struct.pack(">I", 100_000)),
        with_chunk(b"cHRM", bytes(32)),
        with_chunk(b"sRGB", b"\x00"),
        with_chunk(b"tRNS", struct.pack(">HHH", *map(int, PLAIN[0, 0]))),
        with_chunk(b"tEXt", b"Comment\x00hello"),
        with_chunk(b"cICP", bytes([9, 16, 0, 1])),
        with_chunk(b"pHYs", struct.pack(">IIB", 1, 9, 0)),
        PLAIN_DATA + b"trailing",
        PLAIN_DATA[:-1],
        PLAIN_DATA[:-4] + b"\x00\x00\x00\x00",
        b"",
        b"GIF89a",
    ],
)
def test_what_holds_more_or_less_than_its_pixels_is_refused(data: bytes) -> None:
    with pytest.raises(CheckFailed):
        seen(data)


def test_another_encoding_of_the_same_pixels_is_refused() -> None:
    out = io.BytesIO()
    Image.fromarray(PLAIN).save(out, "PNG", pnginfo=PngImagePlugin.PngInfo())
    assert out.getvalue() != PLAIN_DATA
    with pytest.raises(CheckFailed, match="more than its pixels"):
        seen(out.getvalue())


def test_another_size_and_another_kind_of_image_are_refused() -> None:
    with pytest.raises(CheckFailed, match="12 x 9"):
        decode_png(PLAIN_DATA, what="it", size=(12, 9))
    with pytest.raises(CheckFailed, match="too many"):
        decode_png(PLAIN_DATA, what="it", most_pixels=95)
    for mode in ("LA", "L", "I;16", "1"):
        out = io.BytesIO()
        Image.new(mode, (4, 4)).save(out, "PNG")
        with pytest.raises(CheckFailed, match="plain RGB"):
            decode_png(out.getvalue(), what="it")


def test_an_animation_is_refused() -> None:
    out = io.BytesIO()
    frames = [Image.fromarray(PLAIN), Image.fromarray(255 - PLAIN)]
    frames[0].save(out, "PNG", save_all=True, append_images=frames[1:])
    with pytest.raises(CheckFailed):
        decode_png(out.getvalue(), what="it")


# ---- transparency


@pytest.mark.parametrize("size", [(1, 1), (5, 7), (64, 33)])
def test_an_image_with_transparency_is_rgba_that_everyone_reads(size: tuple[int, int]) -> None:
    image = np.random.default_rng(1).integers(0, 256, (*size, 4), dtype=np.uint8)
    image[: size[0] // 2, :, 3] = 0
    data = encode_png(image)
    with Image.open(io.BytesIO(data)) as opened:
        assert opened.mode == "RGBA"
        assert np.array_equal(np.asarray(opened), image)
    seen(data)
    assert np.array_equal(decode_png(data, what="it"), image)


def test_an_image_with_transparency_has_these_bytes_for_ever() -> None:
    y, x = np.mgrid[:8, :8]
    image = np.stack([x * 30, y * 30, (x * y) % 256, (x + y) * 17], axis=2).astype(np.uint8)
    assert hashlib.sha256(encode_png(image)).hexdigest() == (
        "3d71d0980b326d573e035a1c789777db0ea234a3c0b96738fc3467174903281f"
    )
