"""From any rectangle to a square: cut the middle, cut where the image is, or pad."""

from __future__ import annotations

from enum import Enum

import numpy as np
from PIL import Image

from nftgan.alpha import RGB
from nftgan.dataset.decode import Rejected

MAX_ASPECT = 3  # a cut would show less than a third of a narrower image
_MAX_CANVAS = 8192  # pixels of a padded side; beyond, whole blocks are averaged first
_LOOK_SIDE = 256  # long side at which the smart crop looks
_NEAR_BEST = 0.98  # windows this close to the best are as good: the most central one is taken

Box = tuple[int, int, int, int]


class Crop(str, Enum):
    """How an image that is not square becomes square."""

    CENTER = "center"  # the middle square
    FIT = "fit"  # all of it, padded with the background
    SMART = "smart"  # the square with the most detail


def square(image: Image.Image, crop: Crop, background: RGB | None) -> tuple[Image.Image, Box]:
    """A square image, RGB or RGBA as `image`, and its box (left, top, right, bottom) in its pixels.

    The box reaches outside `image` where it was padded, with nothing where there is no background;
    of a side beyond 8192 pixels the padded
    square is a whole fraction. Raises Rejected for a strip that is
    longer than three times its width, unless it is padded.
    """
    width, height = image.size
    if width == height:
        return image, (0, 0, width, height)
    short, long = min(width, height), max(width, height)
    if crop is Crop.FIT:
        left, top = (width - long) // 2, (height - long) // 2
        # The square of a strip would be many times the memory of the strip.
        factor = -(-long // _MAX_CANVAS)
        part = image.reduce(factor) if factor > 1 else image
        side = max(part.size)
        canvas = Image.new(part.mode, (side, side), background or (0, 0, 0, 0))
        canvas.paste(part, (-((part.width - side) // 2), -((part.height - side) // 2)))
        return canvas, (left, top, left + long, top + long)
    box = middle(width, height)
    if crop is Crop.SMART:
        offset = _offset_with_most_detail(image)
        left, top = (offset, 0) if width > height else (0, offset)
        box = (left, top, left + short, top + short)
    return image.crop(box), box


def middle(width: int, height: int) -> Box:
    """The box of the middle square; Rejected for a strip longer than three times its width."""
    short, long = min(width, height), max(width, height)
    if long > MAX_ASPECT * short:
        raise Rejected(f"{width}x{height} is too narrow to cut a square from (--crop fit pads it)")
    left, top = (width - short) // 2, (height - short) // 2
    return left, top, left + short, top + short


def _offset_with_most_detail(image: Image.Image) -> int:
    """Where along the long side the square begins that holds the most edges and figure colour."""
    width, height = image.size
    short, long = min(width, height), max(width, height)
    scale = max(1, -(-long // _LOOK_SIDE))
    pixels = np.asarray(image.reduce(scale)).astype(np.int64)  # [h, w, 3]
    if height > width:
        pixels = pixels.transpose(1, 0, 2)  # the long side runs along the columns
    energy = np.zeros(pixels.shape[:2], dtype=np.int64)
    energy[:, 1:] += np.abs(np.diff(pixels, axis=1)).sum(axis=2)
    energy[1:, :] += np.abs(np.diff(pixels, axis=0)).sum(axis=2)
    rim = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    ground = np.sort(rim, axis=0)[len(rim) // 2]
    energy += np.abs(pixels - ground).sum(axis=2) // 3
    column = np.concatenate([[0], np.cumsum(energy.sum(axis=0))])
    window = max(1, min(pixels.shape[1], short // scale))
    inside = column[window:] - column[:-window]  # energy of the window that begins at each column
    good = np.flatnonzero(inside >= _NEAR_BEST * inside.max())
    middle = (len(inside) - 1) / 2
    best = int(good[np.argmin(np.abs(good - middle))])
    return min(best * scale, long - short)
