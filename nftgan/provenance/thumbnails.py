"""Images small enough to embed by the hundred: small and pixel art exactly, the rest as JPEG.

Transparent ones lie over a checkerboard.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from nftgan.alpha import over_board
from nftgan.png import encode_png

JPEG_QUALITY = 90  # with its colours at full size: halved, the eyes of a small face lose theirs
PALETTE = 256  # up to so many colours a PNG is smaller than a JPEG, and exact
SMALL = 128 * 128  # pixels: an image of no more is worth its exact bytes
EMPTY = 128  # grey where a sheet's last row ends: neither light nor dark


@dataclass(frozen=True)
class Thumbnail:
    """An encoded image: `pixels` is it decoded, uint8 [h, w, 3], before any loss of the JPEG."""

    data: bytes
    kind: str  # png or jpeg
    pixels: np.ndarray
    exact: bool  # every opaque pixel of the original can be had back by plain enlargement

    @property
    def width(self) -> int:
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        return int(self.pixels.shape[0])

    @property
    def hard(self) -> bool:
        """Whether it is shown with hard edges: pixel art keeps them when it is enlarged."""
        return self.exact and self.kind == "png"


def thumbnail(image: np.ndarray, side: int) -> Thumbnail:
    """uint8 [H, W, 3 or 4] with its longer side at most `side` pixels.

    An image of equal square blocks (pixel art that was enlarged) is taken down to one pixel a
    block without any loss.
    """
    step = blocks(image)
    small = image[::step, ::step]
    exact = max(small.shape[:2]) <= side
    if not exact:
        small = scaled(small, side)
    return encoded(small, exact=exact)


def blocks(image: np.ndarray) -> int:
    """Side of the largest square blocks of one colour that `image` consists of; 1: pixels."""
    height, width = image.shape[:2]
    step = math.gcd(height, width)
    for part in (image[:1], image[:, :1], image):  # one row or column mostly tells it at once
        if step == 1:
            break
        down = (part[1:] != part[:-1]).any(axis=(1, 2))
        across = (part[:, 1:] != part[:, :-1]).any(axis=(0, 2))
        for changes in (down, across):
            step = math.gcd(step, *(int(place) + 1 for place in np.flatnonzero(changes)))
    return step


def scaled(image: np.ndarray, side: int) -> np.ndarray:
    """`image` with its longer side of `side` pixels, by Lanczos."""
    factor = side / max(image.shape[:2])
    size = tuple(max(1, round(length * factor)) for length in (image.shape[1], image.shape[0]))
    return np.asarray(Image.fromarray(image).resize((size[0], size[1]), Image.Resampling.LANCZOS))


def encoded(image: np.ndarray, *, exact: bool = False, jpeg: bool = False) -> Thumbnail:
    """As PNG when it is small or has few colours, else as JPEG; `jpeg`: in any case.

    Equal pixels give equal bytes.
    """
    image = _on_board(image)
    whole = Image.fromarray(image)
    small = image.shape[0] * image.shape[1] <= SMALL
    if not jpeg and (small or whole.getcolors(PALETTE) is not None):
        return Thumbnail(encode_png(image), "png", image, exact)
    buffer = io.BytesIO()
    whole.save(
        buffer, format="JPEG", quality=JPEG_QUALITY, subsampling=0
    )  # optimize fails on noise
    return Thumbnail(buffer.getvalue(), "jpeg", image, False)


def sheet(tiles: Sequence[np.ndarray], side: int, columns: int) -> Thumbnail:
    """One image of many, row by row; each tile fills a square of `side` pixels."""
    rows = -(-len(tiles) // columns)
    canvas = np.full((rows * side, columns * side, 3), EMPTY, dtype=np.uint8)
    for place, tile in enumerate(map(_on_board, tiles)):
        top, left = place // columns * side, place % columns * side
        canvas[top : top + tile.shape[0], left : left + tile.shape[1]] = tile
    return encoded(canvas)


def _on_board(image: np.ndarray) -> np.ndarray:
    """uint8 [H, W, 3]; the squares are large enough to be no part of the art."""
    return over_board(image, cell=max(2, max(image.shape[:2]) // 16))
