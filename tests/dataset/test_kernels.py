"""The compiled routines give the bytes of Pillow and NumPy, and are left out without a word."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nftgan.compiler import FAILURES, compiled
from nftgan.dataset import kernels, png_inflate
from nftgan.dataset.crop import Crop
from nftgan.dataset.decode import Rejected, decode
from nftgan.dataset.image_worker import Job, PreparedImage, prepare_image
from nftgan.dataset.pack import _filtered, encode_fast_png
from nftgan.dataset.prepare import prepare
from nftgan.dataset.prepare_options import PrepareOptions
from nftgan.dataset.resize import Resample
from tests.png_chunks import chunk

WHITE = (255, 255, 255)
LANCZOS = Image.Resampling.LANCZOS
RNG = np.random.default_rng(7)


@pytest.fixture(scope="module", autouse=True)
def _compiled() -> None:
    try:
        compiled("nftgan.dataset", kernels.FLAGS)
    except FAILURES as exc:
        pytest.skip(str(exc))
    kernels.library.cache_clear()
    assert kernels.library() is not None, "the routines differ from Pillow's"


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As on a machine without a compiler."""
    monkeypatch.setattr(kernels, "library", lambda: None)
    yield


def noise(*shape: int) -> np.ndarray:
    """Grain on slopes: whatever a filter may round."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    slope = (x * 3 + y * 2) % 200
    slope = slope if len(shape) == 2 else slope[..., None]
    return (slope + RNG.integers(0, 56, shape)).astype(np.uint8)


@pytest.mark.parametrize("gap", [None, 2.0])
@pytest.mark.parametrize("samples", [1, 3])
@pytest.mark.parametrize(
    ("before", "side"),
    [(1, 16), (2, 16), (3, 64), (17, 16), (64, 256), (255, 256), (257, 256), (129, 32), (777, 64)],
)
def test_a_square_is_resized_as_by_pillow(
    before: int, side: int, samples: int, gap: float | None
) -> None:
    pixels = noise(before, before) if samples == 1 else noise(before, before, 3)
    theirs = Image.fromarray(pixels).resize((side, side), LANCZOS, reducing_gap=gap)
    mine = kernels.resized(pixels, side, gap=gap)
    assert mine is not None
    np.testing.assert_array_equal(mine, np.asarray(theirs))


def test_extremes_are_cut_off_as_by_pillow() -> None:
    pixels = np.where(noise(90, 90, 3) > 128, 255, 0).astype(np.uint8)
    theirs = Image.fromarray(pixels).resize((64, 64), LANCZOS)
    np.testing.assert_array_equal(kernels.resized(pixels, 64), np.asarray(theirs))


@pytest.mark.parametrize("gap", [None, 2.0])
def test_a_view_with_gaps_is_resized_as_its_copy(gap: float | None) -> None:
    whole = noise(150, 220, 4)
    for view in (whole[10:140, 40:170, :3], whole[:128, :128, 1:], whole[127::-1, :128, :3]):
        copy = np.ascontiguousarray(view)
        np.testing.assert_array_equal(
            kernels.resized(view, 32, gap=gap), kernels.resized(copy, 32, gap=gap)
        )


def filtered_png(pixels: np.ndarray, filters: list[int]) -> bytes:
    """A PNG of uint8 [H, W, C] whose rows have these filters, by the standard's definition."""
    height, width, samples = pixels.shape
    rows, above = [], np.zeros((width, samples), int)
    for row, kind in zip(pixels.astype(int), filters, strict=True):
        left, corner = np.zeros_like(row), np.zeros_like(row)
        left[1:], corner[1:] = row[:-1], above[:-1]
        near = np.stack([left, above, corner])
        apart = np.abs(near - (left + above - corner))
        paeth = np.take_along_axis(near, apart.argmin(0)[None], 0)[0]
        guess = (0, left, above, (left + above) // 2, paeth)[kind]
        rows.append(bytes([kind]) + ((row - guess) % 256).astype(np.uint8).tobytes())
        above = row
    return rows_png(b"".join(rows), width, height, samples)


def rows_png(rows: bytes, width: int, height: int, samples: int) -> bytes:
    import struct
    import zlib

    colour = {3: 2, 4: 6}[samples]
    header = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


@pytest.mark.parametrize("samples", [3, 4])
@pytest.mark.parametrize("width", [1, 2, 5, 64])
def test_every_filter_of_a_png_is_undone(
    samples: int, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(png_inflate, "_LEAST_BYTES", 1)
    pixels = noise(25, width, samples)
    data = filtered_png(pixels, [kind for kind in range(5) for _ in range(5)])
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(data))), pixels)
    np.testing.assert_array_equal(png_inflate.plain_pixels(data), pixels)


def test_a_filter_that_does_not_exist_is_left_to_the_decoder(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(png_inflate, "_LEAST_BYTES", 1)
    data = rows_png(b"\x09" + bytes(90), 30, 1, 3)
    assert png_inflate.plain_pixels(data) is None
    with pytest.raises(Rejected):
        decode(data, WHITE)


@pytest.mark.parametrize("opaque", [True, False])
def test_alpha_is_treated_as_without_the_routines(
    opaque: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(png_inflate, "_LEAST_BYTES", 1)
    pixels = noise(40, 60, 4)
    pixels[..., 3] = 255
    if not opaque:
        pixels[20, 30:, 3] = 17  # not in the first row, which is looked at first
    data = filtered_png(pixels, [4] * 40)
    mine = decode(data, (1, 200, 30))
    assert png_inflate.plain_pixels(data) is not None
    monkeypatch.setattr(kernels, "library", lambda: None)
    theirs = decode(data, (1, 200, 30))
    np.testing.assert_array_equal(np.asarray(mine.image), np.asarray(theirs.image))
    assert (mine.size, mine.notes) == (theirs.size, theirs.notes)


@pytest.mark.parametrize("kind", [b"tRNS", b"eXIf", b"gAMA", b"PLTE", b"prVt"])
def test_a_png_with_a_chunk_that_may_change_pixels_is_left_to_pillow(
    kind: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(png_inflate, "_LEAST_BYTES", 1)
    data = filtered_png(noise(20, 20, 3), [1] * 20)
    assert png_inflate.plain_pixels(data) is not None
    assert png_inflate.plain_pixels(data[:33] + chunk(kind, bytes(6)) + data[33:]) is None


@pytest.mark.parametrize("channels", [1, 3])
def test_rows_are_filtered_as_by_numpy(channels: int) -> None:
    for pixels in (noise(30, 20 * channels), np.zeros((4, 9 * channels), np.uint8)):
        for flat in (pixels, np.ascontiguousarray(pixels.T[: 3 * channels * 4].T)):
            np.testing.assert_array_equal(
                kernels.png_rows(flat, channels), _filtered(flat, channels)
            )


def art(folder: Path) -> list[Path]:
    """Files of all ways through: large and small, PNG and JPEG, alpha, grey, wide, turned."""
    folder.mkdir()
    image = Image.fromarray(noise(300, 330, 3))
    image.save(folder / "a.png")
    image.save(folder / "b.jpg", quality=90)
    Image.fromarray(noise(300, 300, 4)).save(folder / "c.png")
    Image.fromarray(noise(200, 210)).save(folder / "d.png")
    image.resize((700, 400)).save(folder / "e.png")
    image.quantize(40).save(folder / "f.png")
    Image.fromarray(noise(90, 90, 3)[::-1].copy()).save(folder / "g.png")
    turned = Image.Exif()
    turned[0x0112] = 6
    image.rotate(3).save(folder / "h.jpg", exif=turned)
    image.rotate(7).save(folder / "i.png", exif=turned)
    return sorted(folder.iterdir())


@pytest.mark.parametrize("crop", list(Crop))
def test_every_image_is_the_same_without_a_compiler(
    crop: Crop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = art(tmp_path / "art")
    job = Job(64, crop, WHITE, 1, Resample.AUTO)
    mine = [prepare_image(path, job) for path in files]
    monkeypatch.setattr(kernels, "library", lambda: None)
    for path, one in zip(files, mine, strict=True):
        other = prepare_image(path, job)
        assert isinstance(one, PreparedImage) and isinstance(other, PreparedImage)
        assert (one.png, one.digest, one.notes, one.box, one.size) == (
            other.png,
            other.digest,
            other.notes,
            other.box,
            other.size,
        ), path.name
        assert one.fingerprint.upright == other.fingerprint.upright


def test_a_set_has_the_same_bytes_by_one_process_or_two_and_without_a_compiler(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    art(tmp_path / "art")
    options = PrepareOptions(resolution=64, dedupe=-1)
    made = []
    for number, workers in enumerate((1, 2)):
        prepare(tmp_path / "art", tmp_path / f"{number}.zip", options, workers=workers)
        made.append((tmp_path / f"{number}.zip").read_bytes())
    monkeypatch.setattr(kernels, "library", lambda: None)
    prepare(tmp_path / "art", tmp_path / "2.zip", options, workers=1)
    assert made[0] == made[1] == (tmp_path / "2.zip").read_bytes()


def test_a_small_set_compiles_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "library", lambda: None)
    monkeypatch.setattr(kernels, "compiled", lambda *_: pytest.fail("compiled"))
    kernels.compile_for(20)


def test_without_a_compiler_nothing_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("NFTGAN_KERNEL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("CXX", str(tmp_path / "no-such-compiler"))
    kernels.library.cache_clear()
    try:
        with caplog.at_level(logging.WARNING):
            kernels.compile_for(10**6)
            assert kernels.library() is None
            assert kernels.resized(noise(9, 9, 3), 16) is None
    finally:
        monkeypatch.undo()
        kernels.library.cache_clear()
    assert not caplog.records


def test_a_library_that_differs_from_pillow_is_not_used(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    true = Image.Image.resize
    monkeypatch.setattr(
        Image.Image, "resize", lambda self, *a, **k: true(self, *a, **k).point(lambda v: v ^ 1)
    )
    kernels.library.cache_clear()
    try:
        with caplog.at_level(logging.WARNING):
            assert kernels.library() is None
    finally:
        monkeypatch.undo()
        kernels.library.cache_clear()
    assert "differ from Pillow's" in caplog.text


@pytest.mark.parametrize("kind", ["noise", "flat"])
def test_grain_is_not_searched_for_runs_and_flat_art_is(kind: str, without: None) -> None:
    pixels = noise(64, 64, 3) if kind == "noise" else np.full((64, 64, 3), 9, np.uint8)
    png = encode_fast_png(pixels)
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(png))), pixels)
    assert len(png) < (1.1 * pixels.size if kind == "noise" else 300)
