"""A PNG gives the same pixels, and the same refusals, whoever inflates it."""

import io
import zlib

import numpy as np
import pytest
from PIL import Image

from nftgan.dataset import png_inflate
from nftgan.dataset.decode import Rejected, decode
from nftgan.dataset.png_inflate import stored_png
from tests.png_chunks import chunk, chunks

WHITE = (255, 255, 255)


def noise_png(mode: str = "RGB", side: int = 200) -> bytes:
    values = np.random.default_rng(3).integers(0, 256, (side, side, 4), dtype=np.uint8)
    image = Image.fromarray(values, "RGBA").convert(mode)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def joined(parts: list[tuple[bytes, bytes]]) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


@pytest.fixture(autouse=True)
def _small_ones_too(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("deflate")
    monkeypatch.setattr(png_inflate, "_LEAST_BYTES", 1)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P", "1"])
def test_the_pixels_are_the_same(mode: str) -> None:
    data = noise_png(mode)
    stored = stored_png(data)
    assert stored != data
    assert [kind for kind, _ in chunks(stored)].count(b"IDAT") == 1
    theirs, mine = Image.open(io.BytesIO(data)), Image.open(io.BytesIO(stored))
    np.testing.assert_array_equal(np.asarray(mine), np.asarray(theirs))
    np.testing.assert_array_equal(
        np.asarray(decode(data, WHITE).image), np.asarray(decode(stored, WHITE).image)
    )


def test_several_chunks_are_joined() -> None:
    parts = chunks(noise_png())
    whole = b"".join(body for kind, body in parts if kind == b"IDAT")
    cut = [(b"IDAT", whole[:50]), (b"IDAT", b""), (b"IDAT", whole[50:])]
    data = joined([parts[0], *cut, (b"IEND", b"")])
    np.testing.assert_array_equal(
        np.asarray(Image.open(io.BytesIO(stored_png(data)))),
        np.asarray(Image.open(io.BytesIO(data))),
    )


@pytest.mark.parametrize("wound", ["cut", "checksum", "short", "long", "interlaced", "apart"])
def test_what_is_wrong_or_unusual_stays_as_it_is(wound: str) -> None:
    data = noise_png()
    parts = chunks(data)
    pixels = zlib.decompress(b"".join(body for kind, body in parts if kind == b"IDAT"))
    head, packed = parts[0], zlib.compress(pixels)
    data = {
        "cut": data[: len(data) // 2],
        "checksum": data[:200] + bytes([data[200] ^ 1]) + data[201:],
        "short": joined([head, (b"IDAT", zlib.compress(pixels[:-900])), (b"IEND", b"")]),
        "long": joined([head, (b"IDAT", zlib.compress(pixels + b"x" * 900)), (b"IEND", b"")]),
        "interlaced": joined([(head[0], head[1][:12] + b"\1"), *parts[1:]]),
        "apart": joined([head, (b"IDAT", packed[:99]), (b"tEXt", b"a\0b"), (b"IDAT", packed[99:])]),
    }[wound]
    assert stored_png(data) == data


def test_a_damaged_png_is_refused_as_before() -> None:
    data = noise_png()
    with pytest.raises(Rejected):
        decode(data[: len(data) // 2], WHITE)


def test_without_the_library_nothing_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(png_inflate, "_library", None)
    data = noise_png()
    assert stored_png(data) is data
