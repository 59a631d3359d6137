import contextlib
import io
import os
import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from nftgan.dataset import decode as decode_module
from nftgan.dataset.decode import Rejected, decode, open_header, parse_colour
from nftgan.errors import UsageError
from tests.png_chunks import chunk

WHITE = (255, 255, 255)


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def pixels_of(data: bytes, background: tuple[int, int, int] = WHITE) -> np.ndarray:
    decoded = decode(data, background)
    assert decoded.image.mode == "RGB"
    return np.asarray(decoded.image).astype(int)


def ramp() -> np.ndarray:
    return np.linspace(0, 255, 64).round().astype(np.uint8).reshape(8, 8)


def matrix_profile(name: str, colorants: list[tuple[float, float, float]], gamma: float) -> bytes:
    """A minimal ICC version 2 display profile."""

    def fixed(value: float) -> bytes:
        return struct.pack(">i", round(value * 65536))

    def xyz(values: tuple[float, float, float]) -> bytes:
        return b"XYZ \0\0\0\0" + b"".join(fixed(value) for value in values)

    text = name.encode() + b"\0"
    description = b"desc\0\0\0\0" + struct.pack(">I", len(text)) + text + bytes(78)
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"
    tags = [
        (b"desc", description),
        (b"cprt", b"text\0\0\0\0none\0"),
        (b"wtpt", xyz((0.9642, 1.0, 0.8249))),
        *zip((b"rXYZ", b"gXYZ", b"bXYZ"), map(xyz, colorants), strict=True),
        *((tag, curve) for tag in (b"rTRC", b"gTRC", b"bTRC")),
    ]
    table, body = struct.pack(">I", len(tags)), b""
    start = 128 + 4 + 12 * len(tags)
    for tag, data in tags:
        data += bytes(-len(data) % 4)
        table += tag + struct.pack(">II", start + len(body), len(data))
        body += data
    head = struct.pack(
        ">I4sI4s4s4s", start + len(body), b"none", 0x02400000, b"mntr", b"RGB ", b"XYZ "
    )
    head += bytes(12) + b"acsp" + bytes(28) + b"".join(map(fixed, (0.9642, 1.0, 0.8249)))
    return head.ljust(128, b"\0") + table + body


ADOBE_RGB = [(0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457)]
SRGB_D50 = np.array([[0.4361, 0.3851, 0.1431], [0.2225, 0.7169, 0.0606], [0.0139, 0.0971, 0.7141]])


def adobe_to_srgb(colour: tuple[int, int, int]) -> np.ndarray:
    """By the two standards' formulas, clipped to the sRGB gamut."""
    linear = (np.array(colour) / 255) ** (563 / 256)
    rgb = np.linalg.solve(SRGB_D50, np.array(ADOBE_RGB).T @ linear).clip(0, 1)
    return 255 * np.where(rgb <= 0.0031308, 12.92 * rgb, 1.055 * rgb ** (1 / 2.4) - 0.055)


@pytest.mark.parametrize("colour", [(100, 150, 100), (200, 120, 90), (128, 128, 128), (0, 255, 0)])
def test_an_icc_profile_is_converted_to_srgb(colour: tuple[int, int, int]) -> None:
    profile = matrix_profile("Wide", ADOBE_RGB, 563 / 256)
    data = encoded(Image.new("RGB", (4, 4), colour), icc_profile=profile)
    got = pixels_of(data)[0, 0]
    assert np.abs(got - adobe_to_srgb(colour)).max() <= 2.0
    assert decode(data, WHITE).notes == ["converted from Wide to sRGB"]


def test_a_profile_applies_to_transparent_and_palette_images_too() -> None:
    profile = matrix_profile("Wide", ADOBE_RGB, 563 / 256)
    colour = (100, 150, 100)
    expected = adobe_to_srgb(colour)
    rgba = Image.new("RGBA", (4, 4), (*colour, 255))
    rgba.putpixel((0, 0), (0, 0, 0, 0))
    got = pixels_of(encoded(rgba, icc_profile=profile), (10, 20, 30))
    assert got[0, 0].tolist() == [10, 20, 30]
    assert np.abs(got[1, 1] - expected).max() <= 2.0
    palette = Image.new("RGB", (4, 4), colour).quantize(4)
    got = pixels_of(encoded(palette, icc_profile=profile))
    assert np.abs(got[0, 0] - expected).max() <= 2.0


def test_a_broken_profile_is_ignored_and_said() -> None:
    data = encoded(Image.new("RGB", (4, 4), (9, 8, 7)), icc_profile=b"not a profile")
    assert pixels_of(data)[0, 0].tolist() == [9, 8, 7]
    assert "its colour profile is unusable" in decode(data, WHITE).notes[0]


def test_16_bit_grey_is_scaled_not_clipped() -> None:
    wide = (np.arange(64).reshape(8, 8) * 65535 // 63).astype(np.uint16)
    expected = np.rint(wide / 257)
    for kind in ("PNG", "TIFF"):
        got = pixels_of(encoded(Image.fromarray(wide), kind))
        assert np.array_equal(got, np.repeat(expected[..., None], 3, axis=2))


def test_cmyk_becomes_the_colours_meant() -> None:
    for cmyk, strong in (((0, 255, 255, 0), 0), ((255, 0, 255, 0), 1), ((255, 255, 0, 0), 2)):
        data = encoded(Image.new("CMYK", (16, 16), cmyk), "JPEG", quality=95)
        got = pixels_of(data)[8, 8]
        assert got.argmax() == strong and got[strong] > 200 and np.delete(got, strong).max() < 60
        assert "CMYK" in decode(data, WHITE).notes[0]


def test_transparency_is_laid_over_the_background() -> None:
    rgba = np.zeros((4, 4, 4), np.uint8)
    rgba[...] = (200, 100, 0, 128)
    background = (0, 100, 200)
    share = 128 / 255
    expected = [200 * share, 100, 200 * (1 - share)]
    got = pixels_of(encoded(Image.fromarray(rgba)), background)
    assert np.abs(got - expected).max() <= 1
    grey = np.zeros((4, 4, 2), np.uint8)
    grey[..., 0], grey[0, 0, 1] = 90, 255
    got = pixels_of(encoded(Image.fromarray(grey, "LA")), background)
    assert got[0, 0].tolist() == [90, 90, 90] and got[1, 1].tolist() == [0, 100, 200]


def test_a_transparent_palette_entry_shows_the_background() -> None:
    image = Image.new("P", (4, 4), 1)
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.putpixel((2, 1), 0)
    got = pixels_of(encoded(image, transparency=0), (1, 2, 3))
    assert got[1, 2].tolist() == [1, 2, 3] and got[0, 0].tolist() == [0, 0, 255]


def test_a_transparent_colour_shows_the_background() -> None:
    image = Image.new("RGB", (4, 4), (255, 0, 255))
    image.putpixel((0, 0), (5, 6, 7))
    got = pixels_of(encoded(image, transparency=(255, 0, 255)), (1, 2, 3))
    assert got[0, 0].tolist() == [5, 6, 7] and got[3, 3].tolist() == [1, 2, 3]


def test_an_icon_gives_its_largest_image_over_the_background() -> None:
    icon = Image.new("RGBA", (64, 64), (200, 10, 20, 255))
    icon.paste((0, 0, 0, 0), (0, 0, 32, 64))
    data = encoded(icon, "ICO", sizes=[(16, 16), (64, 64), (32, 32)])
    decoded = decode(data, (1, 2, 3))
    assert decoded.size == decoded.image.size == (64, 64)
    got = pixels_of(data, (1, 2, 3))
    assert got[5, 5].tolist() == [1, 2, 3] and got[5, 60].tolist() == [200, 10, 20]
    with pytest.raises(Rejected):
        decode(data[:50], WHITE)


def test_grey_and_one_bit_images_become_rgb() -> None:
    assert np.array_equal(pixels_of(encoded(Image.fromarray(ramp())))[..., 1], ramp())
    bits = Image.new("1", (4, 4))
    bits.putpixel((1, 2), 1)
    got = pixels_of(encoded(bits))
    assert got[2, 1].tolist() == [255] * 3 and got.sum() == 3 * 255


def with_chunks(data: bytes, *chunks: bytes) -> bytes:
    """A PNG with chunks added behind its header."""
    return data[:33] + b"".join(chunks) + data[33:]


LONG = b"workflow " * 300_000
BROKEN_METADATA = {
    "long zTXt": chunk(b"zTXt", b"workflow\0\0" + zlib.compress(LONG)),
    "long iTXt": chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(LONG)),
    "long profile": chunk(b"iCCP", b"p\0\0" + zlib.compress(bytes(3_000_000))),
    "broken profile": chunk(b"iCCP", b"p\0\0not zlib"),
    "wrong CRC of a text": chunk(b"tEXt", b"Title\0x", wrong=True),
    "wrong CRC of the size": chunk(b"pHYs", bytes(9), wrong=True),
    "broken EXIF": chunk(b"eXIf", b"not TIFF at all"),
    "broken raw profile": chunk(
        b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(b"\nexif\n  8\nzzzz zzzz")
    ),
    "unknown private chunk": chunk(b"prVt", b"?" * 99),
}


@pytest.mark.parametrize("kind", BROKEN_METADATA)
def test_broken_metadata_never_costs_a_whole_image(kind: str) -> None:
    image = np.random.default_rng(3).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    data = with_chunks(encoded(Image.fromarray(image)), BROKEN_METADATA[kind])
    assert open_header(data).size == (16, 16)
    assert np.array_equal(pixels_of(data), image)


def test_broken_exif_in_a_webp_is_ignored_and_said() -> None:
    data = encoded(Image.new("RGB", (8, 8), (9, 90, 200)), "WEBP", lossless=True, exif=b"not TIFF")
    assert pixels_of(data)[0, 0].tolist() == [9, 90, 200]
    assert decode(data, WHITE).notes == ["its EXIF is broken and was ignored"]


@pytest.mark.parametrize("orientation", [0, 1, 9, 65535])
def test_an_orientation_that_turns_nothing_is_not_noted(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert decode(encoded(Image.new("RGB", (4, 4)), exif=exif), WHITE).notes == []


def test_linear_art_whose_profile_is_called_srgb_is_converted() -> None:
    places = [tuple(column) for column in SRGB_D50.T]
    linear = encoded(Image.new("RGB", (4, 4), (20, 80, 140)))
    named = matrix_profile("sRGB-elle-V2-g10.icc", places, 1.0)
    data = encoded(Image.new("RGB", (4, 4), (20, 80, 140)), icc_profile=named)
    light = np.array([20, 80, 140]) / 255
    expected = 255 * (1.055 * light ** (1 / 2.4) - 0.055)
    assert np.abs(pixels_of(data)[0, 0] - expected).max() <= 1.5
    assert pixels_of(linear)[0, 0].tolist() == [20, 80, 140]


def gamma_chunk(gamma: float) -> bytes:
    return chunk(b"gAMA", struct.pack(">I", round(gamma * 100_000)))


def test_the_gamma_of_a_png_is_obeyed_where_nothing_better_is_there() -> None:
    data = encoded(Image.new("RGB", (4, 4), (84, 7, 13)))
    # What browsers show for a gamma of 1.
    assert pixels_of(with_chunks(data, gamma_chunk(1.0)))[0, 0].tolist() == [154, 50, 66]
    srgb = with_chunks(data, gamma_chunk(1.0), chunk(b"sRGB", b"\0"))
    for same in (srgb, with_chunks(data, gamma_chunk(0.45455)), with_chunks(data, gamma_chunk(0))):
        assert pixels_of(same)[0, 0].tolist() == [84, 7, 13]


@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
def test_the_transparent_colour_of_grey_is_found_at_every_depth(depth: int) -> None:
    top = (1 << depth) - 1
    values = np.zeros((8, 8), np.int64)
    values[:, 4:] = top // 3 if depth > 1 else 1
    bits = "".join(f"{value:0{depth}b}" for value in values.reshape(-1))
    width = 8 * depth // 8
    packed = int(bits, 2).to_bytes(len(bits) // 8, "big")
    rows = b"".join(b"\0" + packed[y * width : (y + 1) * width] for y in range(8))
    data = b"\x89PNG\r\n\x1a\n" + b"".join(
        (
            chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, depth, 0, 0, 0, 0)),
            chunk(b"tRNS", struct.pack(">H", int(values[0, 4]))),
            chunk(b"IDAT", zlib.compress(rows)),
            chunk(b"IEND", b""),
        )
    )
    got = pixels_of(data, (250, 10, 20))
    assert (got[:, 4:] == (250, 10, 20)).all() and (got[:, :4] == 0).all()


def test_the_transparent_colour_of_16_bit_rgb_is_found() -> None:
    rows = b"".join(b"\0" + struct.pack(">6H", 500, 600, 700, 60000, 50000, 40000) for _ in "ab")
    data = b"\x89PNG\r\n\x1a\n" + b"".join(
        (
            chunk(b"IHDR", struct.pack(">IIBBBBB", 2, 2, 16, 2, 0, 0, 0)),
            chunk(b"tRNS", struct.pack(">3H", 60000, 50000, 40000)),
            chunk(b"IDAT", zlib.compress(rows)),
            chunk(b"IEND", b""),
        )
    )
    assert pixels_of(data, (255, 0, 0))[0].tolist() == [[1, 2, 2], [255, 0, 0]]


def test_transparency_is_noted() -> None:
    clear = Image.new("RGBA", (4, 4), (1, 2, 3, 0))
    assert "laid over the background" in decode(encoded(clear), WHITE).notes[0]
    assert decode(encoded(Image.new("RGBA", (4, 4), (1, 2, 3, 255))), WHITE).notes == []


TURNS: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: lambda a: np.rot90(a),
}


@pytest.mark.parametrize("orientation", TURNS)
def test_exif_orientation_is_obeyed(orientation: int) -> None:
    stored = np.random.default_rng(0).integers(0, 256, (4, 6, 3), dtype=np.uint8)
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(Image.fromarray(stored), exif=exif)
    assert np.array_equal(pixels_of(data), TURNS[orientation](stored))
    assert bool(decode(data, WHITE).notes) == (orientation != 1)


@pytest.mark.parametrize("orientation", [1, 6])
def test_a_large_jpeg_is_decoded_small_but_keeps_its_size(orientation: int) -> None:
    y, x = np.mgrid[:600, :800]
    photo = np.stack([x * 255 / 800, y * 255 / 600, 128 + 0 * x], axis=2).astype(np.uint8)
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(Image.fromarray(photo), "JPEG", quality=95, exif=exif)
    whole, part = decode(data, WHITE), decode(data, WHITE, enough=128)
    assert whole.size == part.size == ((800, 600) if orientation == 1 else (600, 800))
    assert whole.image.size == whole.size
    assert part.image.size == ((200, 150) if orientation == 1 else (150, 200))
    small = whole.image.resize(part.image.size, Image.Resampling.BOX)
    difference = np.asarray(small).astype(int) - np.asarray(part.image)
    assert np.abs(difference).max() <= 4
    assert decode(data, WHITE, enough=400).image.size == whole.size


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_an_animation_gives_its_first_frame(kind: str) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ((250, 0, 0), (0, 250, 0))]
    options = {"lossless": True} if kind == "WEBP" else {}
    data = encoded(frames[0], kind, save_all=True, append_images=frames[1:], **options)
    assert pixels_of(data)[0, 0].tolist() == [250, 0, 0]
    assert decode(data, WHITE).notes == ["several frames: the first one"]


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP"])
def test_a_truncated_file_is_refused(kind: str) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    data = encoded(Image.fromarray(noise), kind)
    decode(data, WHITE)
    with pytest.raises(Rejected, match="damaged"):
        decode(data[: len(data) * 2 // 3], WHITE)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'", "an SVG drawing"),
        (b"<?xml version='1.0'?>\n<svg", "an SVG drawing"),
        (b"\n<!DOCTYPE html><html></html>", "a web page"),
        (b"8BPS\0\1", "a Photoshop document"),
        (b"%PDF-1.7", "a PDF"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "a PostScript file"),
        (b"PK\x03\x04rest", "a zip file"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "a HEIC photo"),
        (b"\xff\x0a not whole", "a JPEG XL image"),
        (b"\0\0\0\x18ftypisom\0\0\0\0", "a video"),
        (b"\x89PNG\r\n\x1a\n", "damaged"),
        (b"hello", "not an image"),
        (b"", "not an image"),
    ],
)
def test_what_is_no_image_is_called_what_it_is(data: bytes, reason: str) -> None:
    with pytest.raises(Rejected, match=reason):
        open_header(data)


def test_an_image_with_too_many_pixels_is_refused_by_its_header() -> None:
    def claim(side: int) -> bytes:
        header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
        return (
            b"\x89PNG\r\n\x1a\n"
            + chunk(b"IHDR", header)
            + chunk(b"IDAT", b"")
            + chunk(b"IEND", b"")
        )

    for side in (10_001, 12_000, 30_000):
        with pytest.raises(Rejected, match="more than 100 megapixels"):
            open_header(claim(side))
    assert open_header(claim(9_900)).size == (9_900, 9_900)


def test_running_out_of_memory_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(decode_module, "_to_rgb", fail)
    with pytest.raises(Rejected, match="not enough memory"):
        decode(encoded(Image.new("RGB", (4, 4))), WHITE)


def test_colours_are_names_or_hex() -> None:
    assert parse_colour("white") == (255, 255, 255)
    assert parse_colour("#f4d35e") == (0xF4, 0xD3, 0x5E)
    with pytest.raises(UsageError, match="'blurple' is not a colour"):
        parse_colour("blurple")


@st.composite
def damaged_files(draw: st.DrawFn) -> bytes:
    """A real file with some bytes changed, some cut out and some repeated."""
    kind = draw(st.sampled_from(["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM", "TGA"]))
    options = {"icc_profile": matrix_profile("Wide", ADOBE_RGB, 2.2)} if kind == "PNG" else {}
    data = bytearray(encoded(Image.fromarray(ramp()).convert("RGB"), kind, **options))
    for _ in range(draw(st.integers(1, 6))):
        place = draw(st.integers(0, len(data) - 1))
        data[place] = draw(st.integers(0, 255))
    start = draw(st.integers(0, len(data)))
    end = draw(st.integers(start, len(data)))
    if draw(st.booleans()):
        del data[start:end]
    else:
        data[start:start] = data[start:end]
    return bytes(data)


@settings(max_examples=300, deadline=None)
@given(damaged_files() | st.binary(max_size=64))
def test_no_bytes_do_more_than_be_refused(data: bytes) -> None:
    try:
        decoded = decode(data, WHITE)
    except Rejected as exc:
        assert str(exc)
    else:
        assert decoded.image.mode == "RGB" and min(decoded.image.size) > 0


def test_the_words_of_a_reason_are_one_short_line() -> None:
    reason = str(Rejected("damaged: \x1b[2J\n" + "x" * 9_000))
    assert reason.isprintable()
    assert len(reason) <= 300


def test_a_damaged_tiff_says_nothing_past_the_report(capfd: pytest.CaptureFixture[str]) -> None:
    data = bytearray(encoded(Image.effect_noise((64, 64), 90), "TIFF", compression="tiff_lzw"))
    data[len(data) // 3 :] = bytes(len(data) - len(data) // 3 - 300) + bytes(data[-300:])
    with contextlib.suppress(Rejected):
        decode(bytes(data), WHITE)
    zipped = bytearray(
        encoded(Image.effect_noise((64, 64), 90), "TIFF", compression="tiff_deflate")
    )
    zipped[200:260] = b"\xff" * 60
    with pytest.raises(Rejected):
        decode(bytes(zipped), WHITE)
    assert capfd.readouterr().err == ""
    os.write(2, b"still there")
    assert capfd.readouterr().err == "still there"


def test_a_gif_that_is_cut_short_after_its_first_frame_is_used() -> None:
    frames = [Image.new("L", (16, 16), grey) for grey in (1, 90, 200)]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    used = 0
    for length in range(len(data)):
        with contextlib.suppress(Rejected):
            image = decode(data[:length], WHITE).image
            used += 1
            assert image.getpixel((8, 8)) == (1, 1, 1)
    assert used > len(data) // 2  # in between it ended the whole work


def test_transparency_is_kept_where_there_is_no_background_and_hides_nothing() -> None:
    rgba = np.random.default_rng(3).integers(0, 256, (6, 6, 4), dtype=np.uint8)
    rgba[:3, :, 3] = 0
    found = decode(encoded(Image.fromarray(rgba)), None)
    got = np.asarray(found.raster)
    assert (got[:3] == 0).all()
    assert np.array_equal(got[3:], rgba[3:])
    assert found.notes == ["transparent places: kept (--alpha)"]
    for opaque in (Image.new("RGB", (4, 4), (1, 2, 3)), Image.new("L", (4, 4), 7)):
        plain = decode(encoded(opaque), None)
        assert plain.notes == []
        assert np.asarray(plain.raster)[0, 0].tolist() == [
            *opaque.convert("RGB").getpixel((0, 0)),
            255,
        ]  # type: ignore[misc]
