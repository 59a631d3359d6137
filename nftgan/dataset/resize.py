"""A square to the training size: pixel art keeps its hard squares, all else is filtered."""

from __future__ import annotations

from enum import Enum

from PIL import Image

from nftgan.dataset.pixel_art import MAX_COLOURS, MAX_GRID, block_size, framed, side_for

# Of a large image whole blocks are averaged first, down to no less than this many times the size:
# half the time, and half a level (RMS) apart on grainy drawings.
_GAP = 2.0
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
            return enlarged(native, side)
    note = "enlarged: smaller than the training size" if image.width < side else ""
    return image.resize(size, Image.Resampling.LANCZOS, reducing_gap=_GAP), note


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
