"""An image and its turned and mirrored copies: the 8 ways to lay it down, and one name for all."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nftgan.pixels import pixel_digest


def image_key(pixels: np.ndarray) -> str:
    """One text for an image uint8 [H, W, 3] or [H, W] and its turned and mirrored copies."""
    return min(pixel_digest(one) for one in orientations(pixels))


def orientations(pixels: np.ndarray) -> Iterator[np.ndarray]:
    """The 8 ways to lay down an image [H, W, 3] or [H, W]: four turns, upright and mirrored."""
    whole = np.ascontiguousarray(pixels, dtype=np.uint8)
    # A pixel as one item, so that it is moved at once; rows in another order cost nearly nothing.
    items = whole.view("V3")[..., 0] if pixels.ndim == 3 else whole
    for one in (items, items[:, ::-1], items.T, items.T[:, ::-1]):
        packed = np.ascontiguousarray(one)
        for laid in (packed, packed[::-1]):
            yield np.ascontiguousarray(laid).view(np.uint8).reshape(*laid.shape, *pixels.shape[2:])
