"""An image and its turned and mirrored copies: the 8 ways to lay it down, and one name for all."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nftgan.pixels import pixel_digest

CELLS = 32  # along a side of the grid that `coarse_key` looks at


def image_key(pixels: np.ndarray) -> str:
    """One text for an image uint8 [H, W, C] or [H, W] and its turned and mirrored copies."""
    return min(pixel_digest(one) for one in orientations(pixels))


def coarse_key(pixels: np.ndarray) -> str:
    """As `image_key`, of the means in a grid of 32 by 32: an eighth of the work at 256 pixels.

    pixels: square, the side a power of two. The means are exact sums rounded down, so that turning
    and mirroring commute with them. Images that differ by less than a level there share a key.
    """
    side = pixels.shape[0]
    step = side // CELLS
    if step <= 1:
        return image_key(pixels)
    bands = pixels.reshape(CELLS, step, -1)
    fits = np.uint16 if step * 255 < 1 << 16 else np.uint32  # 16 bits: up to 8,192 px a side
    rows = bands[:, 0].astype(fits)  # row by row, twice as fast as a sum over the axis
    for row in range(1, step):
        rows += bands[:, row]
    cells = rows.reshape(CELLS, CELLS, step, *pixels.shape[2:])
    sums = cells.sum(axis=2, dtype=np.uint32)
    return image_key((sums // step**2).astype(np.uint8))


def orientations(pixels: np.ndarray) -> Iterator[np.ndarray]:
    """The 8 ways to lay down an image [H, W, C] or [H, W]: four turns, upright and mirrored."""
    whole = np.ascontiguousarray(pixels, dtype=np.uint8)
    # A pixel as one item, so that it is moved at once; rows in another order cost nearly nothing.
    items = whole.view(f"V{whole.shape[2]}")[..., 0] if pixels.ndim == 3 else whole
    for one in (items, items[:, ::-1], items.T, items.T[:, ::-1]):
        packed = np.ascontiguousarray(one)
        for laid in (packed, packed[::-1]):
            yield np.ascontiguousarray(laid).view(np.uint8).reshape(*laid.shape, *pixels.shape[2:])
