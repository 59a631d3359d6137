import numpy as np
import pytest
from PIL import Image

from nftgan.dataset.pixel_art import block_size
from nftgan.dataset.resize import Resample, is_pixel_art, resize


def sprite(side: int, seed: int = 0, colours: int = 8) -> np.ndarray:
    random = np.random.default_rng(seed)
    palette = random.integers(0, 256, (colours, 3), dtype=np.uint8)
    return palette[random.integers(0, colours, (side, side))]


def enlarged(pixels: np.ndarray, factor: int) -> np.ndarray:
    return pixels.repeat(factor, axis=0).repeat(factor, axis=1)


def photo(side: int) -> Image.Image:
    y, x = np.mgrid[:side, :side] / side
    pixels = np.stack([255 * x, 255 * y, 127 + 127 * np.sin(9 * x * y)], axis=2)
    return Image.fromarray(pixels.astype(np.uint8))


@pytest.mark.parametrize("factor", [1, 2, 3, 7, 20])
def test_the_squares_of_enlarged_pixel_art_are_measured(factor: int) -> None:
    assert block_size(Image.fromarray(enlarged(sprite(12), factor))) == factor


def test_one_stray_pixel_ends_the_squares() -> None:
    pixels = enlarged(sprite(12), 6)
    pixels[31, 40] ^= 255
    assert block_size(Image.fromarray(pixels)) == 1


@pytest.mark.parametrize("factor", [1, 2, 10])
def test_pixel_art_is_drawn_exactly_whatever_its_enlargement(factor: int) -> None:
    pixels = sprite(16)
    image, note = resize(Image.fromarray(enlarged(pixels, factor)), 64, Resample.AUTO)
    assert np.array_equal(np.asarray(image), enlarged(pixels, 4))
    assert note == "pixel art of 16 squares"


def test_a_grid_that_does_not_fit_keeps_its_flat_squares() -> None:
    pixels = sprite(24)
    image, note = resize(Image.fromarray(pixels), 64, Resample.AUTO)
    got = np.asarray(image)
    assert note == "pixel art of 24 squares, which does not divide 64"
    for row, column in np.ndindex(24, 24):
        y, x = int((row + 0.5) * 64 / 24), int((column + 0.5) * 64 / 24)
        assert np.abs(got[y, x].astype(int) - pixels[row, column]).max() <= 1


def test_a_photo_is_filtered_by_lanczos() -> None:
    for side in (64, 400):
        image, note = resize(photo(200), side, Resample.AUTO)
        expected = photo(200).resize((side, side), Image.Resampling.LANCZOS)
        assert np.array_equal(np.asarray(image), np.asarray(expected))
        assert bool(note) == (side > 200)


def test_small_art_with_many_colours_is_no_pixel_art() -> None:
    assert not is_pixel_art(photo(32))
    assert is_pixel_art(Image.fromarray(sprite(32)))
    assert not is_pixel_art(Image.fromarray(enlarged(sprite(32), 10)))


def test_the_artist_can_insist_on_one_method() -> None:
    art = Image.fromarray(sprite(16))
    lanczos, _ = resize(art, 32, Resample.LANCZOS)
    expected = art.resize((32, 32), Image.Resampling.LANCZOS)
    assert np.array_equal(np.asarray(lanczos), np.asarray(expected))
    nearest, _ = resize(photo(64), 32, Resample.NEAREST)
    assert set(map(tuple, np.asarray(nearest).reshape(-1, 3))) <= set(
        map(tuple, np.asarray(photo(64)).reshape(-1, 3))
    )


def test_the_right_size_is_left_alone() -> None:
    image = photo(64)
    assert resize(image, 64, Resample.AUTO) == (image, "")
