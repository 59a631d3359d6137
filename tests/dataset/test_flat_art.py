"""Flat art is told from pixel art, soft art and photographs."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from nftgan.dataset.flat_art import is_flat, is_flat_set


def drawn(side: int) -> np.ndarray:
    """uint8 [side, side, 3]: a face of four colours whose borders are softened."""
    large = Image.new("RGB", (4 * side, 4 * side), (30, 180, 160))
    draw = ImageDraw.Draw(large)
    draw.ellipse((side * 0.6, side * 0.5, side * 3.3, side * 3.6), fill=(250, 200, 60))
    for x in (1.4, 2.4):
        draw.ellipse((side * x, side * 1.4, side * (x + 0.3), side * 1.8), fill=(20, 20, 40))
    draw.line((side * 1.4, side * 2.6, side * 2.6, side * 2.8), fill=(200, 40, 60), width=side // 6)
    return np.asarray(large.resize((side, side), Image.Resampling.BOX))


@pytest.mark.parametrize("side", [128, 200, 600])
def test_a_drawing_of_few_colours_is_flat(side: int) -> None:
    assert is_flat(drawn(side)) and is_flat(Image.fromarray(drawn(side)))


def test_what_has_squares_shades_or_grain_is_not() -> None:
    y, x = np.mgrid[:256, :256]
    soft = np.stack([x, y, (x + y) // 2], axis=2).astype(np.uint8)
    squares = drawn(256)[::8, ::8].repeat(8, axis=0).repeat(8, axis=1)
    grain = np.random.default_rng(1).integers(-3, 4, (256, 256, 3))
    grainy = np.clip(drawn(256).astype(int) + grain, 0, 255).astype(np.uint8)
    assert not any(map(is_flat, (soft, squares, grainy, drawn(64))))


def test_most_images_decide_about_a_set() -> None:
    assert is_flat_set([True] * 3 + [False]) and not is_flat_set([True, False])
    assert not is_flat_set([])
