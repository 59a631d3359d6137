"""How alike two kinds of art are at a glance: the distance between their mean features.

Coarse and quick: it tells landscapes from faces, not good ones from bad (that is KID, `kid.py`). A
hundred images say enough, and the mean of a whole set fits into the header of a model file.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import numpy as np

from nftgan.dataset.archive import Dataset

if TYPE_CHECKING:  # reading a file's mean needs no torch
    from nftgan.metrics.features import Extractor

SIZE = 224
"""Numbers of a feature vector, as `features.SIZE` has it."""

LOOKED_AT = 96
"""Images of a set, spread evenly over it."""
KEY = "likeness"
"""Where a model file keeps the mean of its art, under `dataset`."""


def mean_features(dataset: Dataset, extract: Extractor, *, images: int = LOOKED_AT) -> np.ndarray:
    """float32 [224]: the mean of the features of up to `images` images, spread evenly."""
    count = min(len(dataset), images)
    chosen = np.linspace(0, len(dataset) - 1, count).round().astype(int)
    mean: np.ndarray = extract(dataset.images(chosen.tolist())).mean(axis=0)
    return mean


def distance(one: np.ndarray, other: np.ndarray) -> float:
    """Euclidean distance of two means; 0 for one and the same art, below 2."""
    return float(np.linalg.norm(one.astype(np.float64) - other.astype(np.float64)))


def written(mean: np.ndarray) -> str:
    """The mean as a short text: half precision, little-endian, base64."""
    return base64.b64encode(mean.astype("<f2").tobytes()).decode()


def read(text: object) -> np.ndarray | None:
    """float32 [224] of what `written` made; None for anything else."""
    if not isinstance(text, str) or len(text) > 8 * SIZE:
        return None
    try:
        values = np.frombuffer(base64.b64decode(text, validate=True), "<f2").astype(np.float32)
    except ValueError:
        return None
    return values if values.shape == (SIZE,) and np.isfinite(values).all() else None
