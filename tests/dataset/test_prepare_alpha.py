"""`prepare --alpha`: straight RGBA in the zip, premultiplied for networks, no colour that leaks."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nftgan.alpha import over, premultiplied
from nftgan.dataset.archive import Dataset
from nftgan.dataset.decode import KEPT
from nftgan.dataset.holdout import split_dataset
from nftgan.dataset.prepare import PrepareReport, prepare
from nftgan.dataset.prepare_options import PrepareOptions
from nftgan.errors import UsageError
from tests.dataset.test_background import sticker

KEEP = PrepareOptions(resolution=32, alpha=True)


def stickers(folder: Path, count: int = 8) -> Path:
    folder.mkdir()
    for seed in range(count):
        image = np.roll(np.asarray(sticker((seed * 30, 9, 9), seed)), 3 * seed, axis=1)
        Image.fromarray(image).save(folder / f"{seed}.png")
    return folder


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> PrepareReport:
    folder = tmp_path_factory.mktemp("stickers")
    return prepare(stickers(folder / "art"), folder / "art.zip", KEEP, workers=1)


def test_the_zip_holds_straight_rgba_and_nothing_hides_in_it(done: PrepareReport) -> None:
    assert done.kept == 8
    assert f"8 images: {KEPT}" in done.notes
    with zipfile.ZipFile(done.output) as archive:
        image = Image.open(io.BytesIO(archive.read("00000/img00000000.png")))
    pixels = np.asarray(image)
    assert image.mode == "RGBA" and pixels.shape == (32, 32, 4)
    clear = pixels[..., 3] == 0
    assert 0.2 < clear.mean() < 0.8 and (pixels[clear] == 0).all()


def test_the_green_of_what_does_not_show_reaches_no_edge(done: PrepareReport) -> None:
    dataset = Dataset.open(done.output)
    pixels = dataset.hwc(0)
    edge = (pixels[..., 3] > 8) & (pixels[..., 3] < 248)
    assert edge.any()
    # The outline is (0, 9, 9), what is hidden (0, 255, 0): half of it would be seen at once.
    assert premultiplied(pixels)[edge][:, :3].max() < 20


def test_the_reduced_image_over_a_colour_is_the_reduced_one_of_that_colour(tmp_path: Path) -> None:
    art = stickers(tmp_path / "art", 1)
    kept = Dataset.open(prepare(art, tmp_path / "kept.zip", KEEP, workers=1).output).hwc(0)
    # Where the filter overshoots, alpha is cut at 255, which a colour behind shows.
    for name, colour, least in (("black", (0, 0, 0), 2), ("khaki", (240, 230, 140), 24)):
        laid = PrepareOptions(resolution=32, background=name)
        wanted = Dataset.open(prepare(art, tmp_path / f"{name}.zip", laid, workers=1).output)
        away = np.abs(over(kept, colour).astype(int) - wanted.hwc(0))
        assert away.max() <= least and away.mean() < 2


def test_networks_see_premultiplied_colours(done: PrepareReport) -> None:
    dataset = Dataset.open(done.output)
    assert (dataset.channels, dataset.resolution) == (4, 32)
    images = dataset.images([2, 0])
    assert images.shape == (2, 4, 32, 32) and images.dtype == np.uint8
    assert np.array_equal(images[1].transpose(1, 2, 0), premultiplied(dataset.hwc(0)))
    assert (images[:, :3] <= images[:, 3:]).all()
    assert np.array_equal(dataset.images([2, 0]), images)  # now from memory


def test_the_hold_out_is_as_prepare_saw_it(done: PrepareReport) -> None:
    kept = split_dataset(Dataset.open(done.output), 0.5)
    with zipfile.ZipFile(done.output) as archive:
        again = done.output.with_name("again.zip")
        with zipfile.ZipFile(again, "w") as other:
            for name in archive.namelist():
                other.writestr(name, archive.read(name))
    assert np.array_equal(split_dataset(Dataset.open(again), 0.5).held, kept.held)


def test_opaque_art_has_the_colours_of_an_rgb_set_and_is_told_so(tmp_path: Path) -> None:
    folder = tmp_path / "art"
    folder.mkdir()
    for seed in range(2):
        sticker((1, 2, 3), seed).convert("RGB").save(folder / f"{seed}.png")
    kept = prepare(folder, tmp_path / "a.zip", KEEP, workers=1)
    plain = prepare(folder, tmp_path / "b.zip", PrepareOptions(resolution=32), workers=1)
    assert any(line.startswith("no image is transparent") for line in kept.notes)
    with_alpha, without = Dataset.open(kept.output), Dataset.open(plain.output)
    for index in range(2):
        assert (with_alpha.hwc(index)[..., 3] == 255).all()
        assert np.array_equal(with_alpha.hwc(index)[..., :3], without.hwc(index))


def test_fit_pads_with_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "art"
    folder.mkdir()
    image = np.random.default_rng(0).integers(0, 256, (32, 64, 3), dtype=np.uint8)
    Image.fromarray(image).save(folder / "wide.png")
    options = PrepareOptions(resolution=64, crop="fit", alpha=True)
    pixels = Dataset.open(prepare(folder, tmp_path / "a.zip", options, workers=1).output).hwc(0)
    assert (pixels[:16] == 0).all() and (pixels[48:] == 0).all()
    assert np.array_equal(pixels[16:48, :, :3], image) and (pixels[16:48, :, 3] == 255).all()


def test_pixel_art_keeps_its_grid_and_its_holes(tmp_path: Path) -> None:
    folder = tmp_path / "art"
    folder.mkdir()
    random = np.random.default_rng(5)
    colours = random.integers(0, 256, (6, 4), dtype=np.uint8)
    colours[:, 3] = (255, 255, 255, 255, 0, 0)
    sprites = [colours[random.integers(0, 6, (16, 16))] for _ in range(4)]
    for number, one in enumerate(sprites):
        Image.fromarray(np.kron(one, np.ones((8, 8, 1), np.uint8))).save(folder / f"{number}.png")
    found = prepare(folder, tmp_path / "a.zip", PrepareOptions(alpha=True), workers=1)
    assert (found.pixel_grid, found.resolution, found.art_colours) == (16, 16, 4)
    dataset = Dataset.open(found.output)
    for number, one in enumerate(sprites):
        assert np.array_equal(dataset.hwc(number), np.where(one[..., 3:] == 0, 0, one))


def test_alpha_and_a_background_exclude_each_other(tmp_path: Path) -> None:
    art = stickers(tmp_path / "art", 1)
    for background in ("black", "auto"):
        options = PrepareOptions(alpha=True, background=background)
        with pytest.raises(UsageError, match="--alpha keeps transparency"):
            prepare(art, tmp_path / "a.zip", options, workers=1)
