"""An RGB or RGBA image in either of two forms: Pillow's, or an array that views its file's rows."""

from __future__ import annotations

import numpy as np
from PIL import Image

Raster = Image.Image | np.ndarray
"""A Pillow image of mode RGB or RGBA, or uint8 [H, W, 3 or 4], its pixels side by side or not."""


def size_of(raster: Raster) -> tuple[int, int]:
    """Width and height."""
    if isinstance(raster, Image.Image):
        return raster.size
    return raster.shape[1], raster.shape[0]


def channels_of(raster: Raster) -> int:
    """1, 3 or 4."""
    if isinstance(raster, Image.Image):
        return len(raster.getbands())
    return raster.shape[2] if raster.ndim == 3 else 1


def as_image(raster: Raster) -> Image.Image:
    """The same as a Pillow image; an array is copied."""
    if isinstance(raster, Image.Image):
        return raster
    return Image.fromarray(np.ascontiguousarray(raster))


def part(raster: Raster, box: tuple[int, int, int, int]) -> Raster:
    """What lies in the box (left, top, right, bottom), inside the image; of an array a view."""
    if isinstance(raster, Image.Image):
        return raster.crop(box)
    left, top, right, bottom = box
    return raster[top:bottom, left:right]
