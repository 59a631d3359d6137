"""Small images: pixel art without loss, the rest near what it was."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from nftgan.alpha import BOARD
from nftgan.provenance.thumbnails import blocks, sheet, thumbnail

RNG = np.random.default_rng(3)


def decoded(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


@pytest.mark.parametrize(("side", "factor"), [(7, 1), (16, 24), (5, 6)])
def test_enlarged_pixel_art_is_embedded_one_pixel_a_block(side: int, factor: int) -> None:
    art = RNG.integers(0, 4, (side, side, 3), dtype=np.uint8) * 60
    art[0, 0], art[0, 1], art[1, 0] = (9, 9, 9), (99, 9, 9), (9, 99, 9)  # no larger blocks
    enlarged = art.repeat(factor, 0).repeat(factor, 1)
    assert blocks(enlarged) == factor
    made = thumbnail(enlarged, 32)
    assert made.exact and made.kind == "png"
    assert np.array_equal(decoded(made.data).repeat(factor, 0).repeat(factor, 1), enlarged)


def test_one_colour_is_one_pixel() -> None:
    assert thumbnail(np.full((64, 64, 3), 7, np.uint8), 32).pixels.shape == (1, 1, 3)


def ramps(side: int) -> np.ndarray:
    across, down = np.meshgrid(*[np.linspace(0, 255, side)] * 2)
    return np.stack([across, down, 255 - across], -1).astype(np.uint8)


def test_a_photograph_is_scaled_down_and_near_what_it_was() -> None:
    image = ramps(600)
    made = thumbnail(image, 200)
    assert made.kind == "jpeg" and not made.exact
    found = decoded(made.data).astype(int)
    assert found.shape == (200, 200, 3)
    assert np.abs(found - image[1::3, 1::3]).mean() < 3
    assert thumbnail(image, 200).data == made.data


def test_a_small_image_of_many_colours_keeps_every_pixel() -> None:
    image = ramps(32)
    made = thumbnail(image, 512)
    assert made.exact and made.hard and np.array_equal(decoded(made.data), image)


def test_a_jpeg_keeps_the_colour_of_single_pixels() -> None:
    image = ramps(200)
    image[50, 60] = (20, 40, 230)  # an eye
    found = decoded(thumbnail(image, 512).data).astype(int)
    assert np.abs(found[50, 60] - (20, 40, 230)).max() < 60


def test_tiles_of_a_sheet_lie_row_by_row() -> None:
    tiles = [np.full((4, 4, 3), 20 * n, np.uint8) for n in range(5)]
    made = sheet(tiles, 4, 3)
    found = decoded(made.data)
    assert found.shape == (8, 12, 3)
    assert [int(found[4 * (n // 3), 4 * (n % 3), 0]) for n in range(6)] == [0, 20, 40, 60, 80, 128]


def test_noise_is_embedded_too() -> None:
    image = np.random.default_rng(1).integers(0, 256, (420, 420, 3), np.uint8)
    assert decoded(thumbnail(image, 420).data).shape == image.shape


def test_a_transparent_image_lies_on_a_checkerboard_of_its_size() -> None:
    image = np.zeros((64, 64, 4), np.uint8)
    image[16:48, 20:40] = (200, 10, 30, 255)
    made = thumbnail(image, 512)
    found = decoded(made.data)
    step = 64 // found.shape[0]
    whole = found.repeat(step, 0).repeat(step, 1)
    assert (whole[16:48, 20:40] == (200, 10, 30)).all()
    assert {tuple(one) for one in whole[:8, :16].reshape(-1, 3).tolist()} == set(BOARD)
    tiles = sheet([image, image[..., :3]], 64, 2)
    assert tiles.pixels.shape == (64, 128, 3)
    large = np.zeros((400, 400, 4), np.uint8)
    large[..., 3], large[..., :3] = ramps(400)[..., 0], ramps(400)
    assert thumbnail(large, 300).kind == "jpeg"
