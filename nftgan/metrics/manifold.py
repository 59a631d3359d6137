"""Precision and recall (Kynkaanniemi et al. 2019), density and coverage (Naeem et al. 2020).

A set of features stands for the union of balls around its points, each as large as the distance to
its k-th nearest neighbour in the set.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nftgan.errors import UsageError
from nftgan.metrics.estimate import Estimate, share

K = 3
_CHUNK = 1024


@dataclass(frozen=True)
class Manifold:
    """Shares from 0 to 1; their errors are those of counting images.

    precision: of the fakes that look like art; recall: of the art that the fakes could look like;
    coverage: of the art with a fake beside it, robust to single odd images; density: how many
    real balls a fake lies in, over k: 1 on average for perfect fakes.
    """

    precision: Estimate
    recall: Estimate
    coverage: Estimate
    density: float


def manifold(fakes: np.ndarray, reals: np.ndarray, *, k: int = K) -> Manifold:
    """Of features [N, D] and [M, D]. All figures depend on the sizes of the sets.

    Raises UsageError unless both sets hold more than k images.
    """
    if min(len(fakes), len(reals)) <= k:
        raise UsageError(f"precision and recall need more than {k} images in each set")
    fakes, reals = fakes.astype(np.float64), reals.astype(np.float64)
    fake_radii, real_radii = radii(fakes, k), radii(reals, k)
    in_reals = np.zeros(len(fakes), dtype=np.int64)
    in_fakes = np.zeros(len(reals), dtype=bool)
    covered = np.zeros(len(reals), dtype=bool)
    for start in range(0, len(fakes), _CHUNK):
        rows = slice(start, start + _CHUNK)
        table = squared_distances(fakes[rows], reals)
        within = table <= real_radii
        in_reals[rows] = within.sum(axis=1)
        in_fakes |= (table <= fake_radii[rows, None]).any(axis=0)
        covered |= within.any(axis=0)
    return Manifold(
        share(int((in_reals > 0).sum()), len(fakes)),
        share(int(in_fakes.sum()), len(reals)),
        share(int(covered.sum()), len(reals)),
        float(in_reals.mean() / k),
    )


def radii(x: np.ndarray, k: int) -> np.ndarray:
    """float64 [N]: squared distance of each row of [N, D] to its k-th nearest other row."""
    found = np.empty(len(x))
    for start in range(0, len(x), _CHUNK):
        table = squared_distances(x[start : start + _CHUNK], x)
        table[np.arange(len(table)), start + np.arange(len(table))] = np.inf
        found[start : start + _CHUNK] = np.partition(table, k - 1, axis=1)[:, k - 1]
    return found


def squared_distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """[N, M] from [N, D] and [M, D]; rounding never makes one negative."""
    table = (a * a).sum(axis=1)[:, None] + (b * b).sum(axis=1) - 2 * (a @ b.T)
    result: np.ndarray = np.maximum(table, 0)
    return result
