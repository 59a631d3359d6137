"""Small flat art, drawn by exact areas."""

from __future__ import annotations

import numpy as np


def disc(side: int, centre: tuple[float, float], radius: float, scale: int = 1) -> np.ndarray:
    """uint8 [side, side, 3]: a blue disc on orange, of exact areas as a good reduction leaves it.

    scale: how many pixels stand for one of the numbers.
    """
    fine = 16 // scale
    y, x = (np.mgrid[: side * fine, : side * fine] + 0.5) / (fine * scale)
    inside = (y - centre[0]) ** 2 + (x - centre[1]) ** 2 < radius**2
    area = inside.reshape(side, fine, side, fine).mean(axis=(1, 3))[..., None]
    colours = np.array([[240, 150, 30], [20, 60, 190]])
    return np.rint((1 - area) * colours[0] + area * colours[1]).astype(np.uint8)


def flat_picture() -> np.ndarray:
    """uint8 [14, 14, 3]: a disc with an eye of four pixels, a thin line, grain of two levels."""
    image = disc(14, (6.3, 7.2), 4.6)
    image[5:7, 6:8] = 250
    image[12, 2:9] = 10
    grain = np.random.default_rng(3).integers(-2, 3, image.shape)
    return np.clip(image.astype(int) + grain, 0, 255).astype(np.uint8)


def ring(side: int, radius: float, width: float, scale: int = 1) -> np.ndarray:
    """uint8 [side, side, 3]: a blue ring around the middle on orange, of exact areas."""
    middle = (side / scale / 2, side / scale / 2)
    outer, inner = (disc(side, middle, one, scale) for one in (radius, radius - width))
    ground = disc(side, middle, 0, scale)
    return (ground + (outer.astype(int) - inner)).astype(np.uint8)
