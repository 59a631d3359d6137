"""What the browser gets of an image: another size, another format, the same picture."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from nftgan.studio.screen import (
    TILE,
    encode,
    image_type,
    raw_key,
    screen_finish,
    screen_recipe,
    tile,
)
from nftgan.synthesis.recipe import Finish, Recipe
from tests.synthesis.colour_lists import ART

MODEL = "sha256:" + "ab" * 32


def test_large_images_are_sent_as_webp() -> None:
    y, x = np.mgrid[:200, :200]
    image = np.stack([x, y, (x + y) // 2], axis=2).astype(np.uint8)
    data = encode(image)
    assert image_type(data) == "image/webp" and len(data) < 20_000
    back = np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)
    assert np.abs(back - image).mean() < 3


def test_small_images_are_sent_exactly() -> None:
    image = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    data = encode(image)
    assert image_type(data) == "image/png" and tile(image) is image
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(data))), image)


def test_a_tile_is_no_larger_than_the_grid_shows_it() -> None:
    assert tile(np.zeros((2 * TILE, 2 * TILE, 3), dtype=np.uint8)).shape == (TILE, TILE, 3)


def test_a_finish_is_left_but_for_its_enlargement() -> None:
    plain = Recipe(MODEL, (16, 16))
    large = Recipe(MODEL, (64, 64), finish=Finish(0, 8, 4))
    assert screen_recipe(plain) is plain
    assert screen_recipe(large) == Recipe(MODEL, (16, 16), finish=Finish(0, 8, 1))
    drawn = Recipe(MODEL, (1024, 1024), finish=Finish(0, 8, 16, "contour", colours=ART))
    shown = screen_recipe(drawn)
    assert shown == Recipe(MODEL, (256, 256), finish=Finish(0, 8, 4, "contour", colours=ART))
    assert screen_finish(Finish(0, 0, 2, "contour"), 512) == Finish(0, 0, 2, "contour")
    assert raw_key(3, large) == raw_key(3, plain) != raw_key(4, plain)


def test_a_transparent_image_keeps_its_transparency() -> None:
    small = np.zeros((16, 16, 4), np.uint8)
    small[4:9] = (200, 30, 9, 255)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(encode(small)))), small)
    large = tile(small.repeat(32, 0).repeat(32, 1))
    assert large.shape == (TILE, TILE, 4)
    with Image.open(io.BytesIO(encode(large))) as image:
        assert image.format == "WEBP" and image.mode == "RGBA"
        back = np.asarray(image)
    assert np.array_equal(back[..., 3], large[..., 3])
