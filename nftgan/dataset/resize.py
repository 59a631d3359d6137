"""A square to the training size: pixel art keeps its hard squares, all else is filtered."""

from __future__ import annotations

import math
from enum import Enum

import numpy as np
from PIL import Image

PIXEL_ART_COLOURS = 64  # at most so many in an image that counts as pixel art
PIXEL_ART_SIDE = 256  # and at most so many art pixels along a side
# Of a large image whole blocks are averaged first, down to no less than this many times the size:
# half the time, and half a level (RMS) apart on grainy drawings.
_GAP = 2.0
_FINE = 8  # uneven pixel art is drawn this much larger, then averaged


class Resample(str, Enum):
    """How an image changes its size."""

    AUTO = "auto"  # hard edges for pixel art, Lanczos for all else
    LANCZOS = "lanczos"
    NEAREST = "nearest"


def block_size(image: Image.Image) -> int:
    """Side in pixels of the equal squares that `image` consists of; 1 when it has none."""
    # A row or a few settle it for all but pixel art, at a hundredth of the cost.
    if _common_boundary(np.asarray(image.crop((0, 0, image.width, 1)))) == 1:
        return 1
    pixels = np.asarray(image)  # [h, w, 3]
    if _common_boundary(pixels[:: max(1, len(pixels) // 8)]) == 1:
        return 1
    return math.gcd(_common_boundary(pixels), _common_boundary(pixels.transpose(1, 0, 2)))


def _common_boundary(pixels: np.ndarray) -> int:
    """Largest number dividing the width and each column that differs from its left neighbour."""
    changes = (pixels[:, 1:] != pixels[:, :-1]).any(axis=(0, 2))
    return int(np.gcd.reduce(np.flatnonzero(changes) + 1, initial=pixels.shape[1]))


def is_pixel_art(image: Image.Image) -> bool:
    """Few colours and few pixels: art whose squares must stay sharp."""
    if max(image.size) > PIXEL_ART_SIDE:
        return False
    return image.getcolors(PIXEL_ART_COLOURS) is not None


def resize(image: Image.Image, side: int, resample: Resample) -> tuple[Image.Image, str]:
    """The square RGB `image` at side x side, and a note on what was done.

    AUTO finds the grid of pixel art, also of enlarged pixel art, and draws its squares with hard
    edges: all equal where the grid divides `side`, averaged at their borders where it does not.
    """
    if image.width == side:
        return image, ""
    size = (side, side)
    if resample is Resample.NEAREST:
        return image.resize(size, Image.Resampling.NEAREST), f"nearest from {image.width} pixels"
    if resample is Resample.AUTO:
        grid = image.width // block_size(image)
        native = image.resize((grid, grid), Image.Resampling.NEAREST)
        if grid <= side and is_pixel_art(native):
            if side % grid == 0:
                return native.resize(size, Image.Resampling.NEAREST), f"pixel art of {grid} squares"
            fine = grid * -(-_FINE * side // grid)
            native = native.resize((fine, fine), Image.Resampling.NEAREST)
            note = f"pixel art of {grid} squares, which does not divide {side}"
            return native.resize(size, Image.Resampling.BOX), note
    note = "enlarged: smaller than the training size" if image.width < side else ""
    return image.resize(size, Image.Resampling.LANCZOS, reducing_gap=_GAP), note
