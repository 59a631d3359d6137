"""Whether an image is flat art: a few plain colours with sharp borders, as vector drawings have."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nftgan.dataset.pixel_art import block_size
from nftgan.dataset.raster import Raster, size_of

PLAIN = 16  # colours that nearly all pixels have
_COVERED = 0.9  # share of the pixels; softened borders have other colours
_SMALLEST = 128  # pixels a side: below, borders are too large a part, and it may be pixel art
_SAMPLES = 128  # pixels along a side that are looked at
_AGREE = 0.75  # share of a set's images, from which on the set is flat art


def is_flat(image: Raster) -> bool:
    """Whether 16 exact colours cover nine tenths of the square `image`, and it is no pixel art.

    Compression to JPEG leaves no colour exact, and what it has touched does not count as flat.
    """
    side = size_of(image)[0]
    if side < _SMALLEST:
        return False
    step = -(-side // _SAMPLES)
    seen = np.asarray(image)[::step, ::step, :3].reshape(-1, 3).astype(np.int64)
    counts = np.unique(seen @ (1 << 16, 1 << 8, 1), return_counts=True)[1]
    covered = np.sort(counts)[-PLAIN:].sum() / counts.sum()
    return bool(covered >= _COVERED) and block_size(image) == 1


def is_flat_set(images: Sequence[bool]) -> bool:
    """Whether a set is flat art, of what `is_flat` says of its images."""
    return bool(images) and sum(images) >= _AGREE * len(images)
