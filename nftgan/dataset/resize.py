"""A square to the training size: pixel art keeps its hard squares, all else is filtered."""

from __future__ import annotations

from enum import Enum

import numpy as np
from PIL import Image

from nftgan.alpha import premultiplied, straight
from nftgan.dataset import kernels
from nftgan.dataset.pixel_art import MAX_COLOURS, MAX_GRID, block_size, framed, side_for
from nftgan.dataset.raster import Raster, as_image, channels_of, size_of

_FINE = 8  # uneven pixel art is drawn this much larger, then averaged


class Resample(str, Enum):
    """How an image changes its size."""

    AUTO = "auto"  # hard edges for pixel art, Lanczos for all else
    LANCZOS = "lanczos"
    NEAREST = "nearest"


def is_pixel_art(image: Image.Image) -> bool:
    """Few colours and few pixels: art whose squares must stay sharp."""
    if max(image.size) > MAX_GRID:
        return False
    return image.getcolors(MAX_COLOURS) is not None


def resize(image: Raster, side: int, resample: Resample) -> tuple[Image.Image, str]:
    """The square `image` at side x side, and a note on what was done.

    AUTO finds the grid of pixel art, also of enlarged pixel art, and draws its squares with hard
    edges: all equal where the grid divides `side`, averaged at their borders where it does not.
    """
    width = size_of(image)[0]
    if width == side:
        return as_image(image), ""
    if resample is Resample.NEAREST:
        nearest = as_image(image).resize((side, side), Image.Resampling.NEAREST)
        return nearest, f"nearest from {width} pixels"
    if resample is Resample.AUTO:
        grid = width // block_size(image)
        if grid <= min(side, MAX_GRID):
            native = as_image(image).resize((grid, grid), Image.Resampling.NEAREST)
            if is_pixel_art(native):
                return enlarged(native, side)
    note = "enlarged: smaller than the training size" if width < side else ""
    return filtered(image, side), note


def filtered(image: Raster, side: int) -> Image.Image:
    """The square `image` at another size by Lanczos, in the same pixels on every machine.

    With transparency the filter runs over premultiplied colours, so that none leaks from where
    nothing is.

    Of a large image whole blocks are averaged first, down to no less than twice the size: half the
    time, and half a level (RMS) apart on grainy drawings.
    """
    if channels_of(image) == 4:
        channels = premultiplied(np.asarray(image)).transpose(2, 0, 1)
        made = [np.asarray(filtered(np.ascontiguousarray(one), side)) for one in channels]
        return Image.fromarray(straight(np.stack(made, axis=2)))
    if kernels.library() is not None:
        pixels = kernels.resized(np.asarray(image), side, gap=kernels.GAP)
        if pixels is not None:
            return Image.fromarray(pixels)
    size, lanczos = (side, side), Image.Resampling.LANCZOS
    return as_image(image).resize(size, lanczos, reducing_gap=kernels.GAP)


def enlarged(native: Image.Image, side: int) -> tuple[Image.Image, str]:
    """Pixel art of one pixel a square at `side`, and a note.

    The squares are all equal where they divide `side`. Where `side` is the next power of two they
    stay as they are, with a border; else they are averaged where they meet.
    """
    size, grid = (side, side), native.width
    if grid == side:
        return native, ""
    if side % grid == 0:
        return native.resize(size, Image.Resampling.NEAREST), f"pixel art of {grid} squares"
    if side == side_for(grid):
        return framed(native, side), f"pixel art of {grid} squares, with a border up to {side}"
    fine = grid * -(-_FINE * side // grid)
    native = native.resize((fine, fine), Image.Resampling.NEAREST)
    note = f"pixel art of {grid} squares, which does not divide {side}"
    return native.resize(size, Image.Resampling.BOX), note
