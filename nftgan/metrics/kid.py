"""Kernel Inception Distance (Binkowski et al. 2018) with honest error bars, in float64.

KID is the squared maximum mean discrepancy under the kernel k(x, y) = (x.y + 1)^3. For features
of length 1 that is the paper's (x.y / d + 1)^3 on features of length sqrt(d). The unbiased
estimator is 0 on average when both sets come from one distribution, whatever their sizes.
"""

from __future__ import annotations

import math

import numpy as np

from nftgan.errors import UsageError
from nftgan.metrics.estimate import Estimate

_CHUNK = 2048  # rows of a kernel matrix in memory at once


def kid(x: np.ndarray, y: np.ndarray) -> Estimate:
    """The unbiased KID of features [N, D] and [M, D], over all pairs, and its standard error.

    All pairs give what the mean over ever more random subsets tends to, without their noise. The
    error is the jackknife's: how far leaving out single images, of either set, moves the figure.
    Raises UsageError for fewer than 3 images in a set.
    """
    n, m = len(x), len(y)
    if min(n, m) < 3:
        raise UsageError(f"KID needs at least 3 images in each set, not {n} and {m}")
    x, y = x.astype(np.float64), y.astype(np.float64)
    own_x, own_y = _row_sums(x, None), _row_sums(y, None)
    cross_x, cross_y = _row_sums(x, y), _row_sums(y, x)
    a, b, c = own_x.sum(), own_y.sum(), cross_x.sum()
    value = a / (n * (n - 1)) + b / (m * (m - 1)) - 2 * c / (n * m)
    # Leaving out image i of x takes its row and its column out of the sums.
    without_x = (a - 2 * own_x) / ((n - 1) * (n - 2)) - 2 * (c - cross_x) / ((n - 1) * m)
    without_y = (b - 2 * own_y) / ((m - 1) * (m - 2)) - 2 * (c - cross_y) / (n * (m - 1))
    variance = (n - 1) * float(np.var(without_x)) + (m - 1) * float(np.var(without_y))
    return Estimate(float(value), math.sqrt(variance))


def subset_kid(
    x: np.ndarray,
    y: np.ndarray,
    *,
    subsets: int = 100,
    size: int | None = None,
    seed: int = 0,
) -> Estimate:
    """KID as papers report it: the mean over random subsets, and its deviation / sqrt(subsets).

    size: images in a subset; None for min(1000, half of the smaller set). The subsets share
    images, so this error is too small as a statement about other samples: use `kid`'s for that.
    """
    least = min(len(x), len(y))
    size = min(1000, least // 2) if size is None else size
    if not 3 <= size <= least:
        raise UsageError(f"subsets of {size} images out of {least} give no KID")
    random = np.random.default_rng(seed)
    values = [
        kid(x[random.choice(len(x), size, False)], y[random.choice(len(y), size, False)]).value
        for _ in range(subsets)
    ]
    return Estimate(float(np.mean(values)), float(np.std(values) / math.sqrt(subsets)))


def _row_sums(x: np.ndarray, y: np.ndarray | None) -> np.ndarray:
    """float64 [N]: sum over j of k(x_i, y_j); over j other than i where y is None, meaning x."""
    other = x if y is None else y
    sums = np.empty(len(x))
    for start in range(0, len(x), _CHUNK):
        rows = slice(start, start + _CHUNK)
        sums[rows] = ((x[rows] @ other.T + 1) ** 3).sum(axis=1)
    if y is None:
        sums -= ((x * x).sum(axis=1) + 1) ** 3
    return sums
