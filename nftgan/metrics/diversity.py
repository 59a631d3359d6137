"""How varied images are: the mean distance of two, and how many different ones they amount to."""

from __future__ import annotations

import math

import numpy as np

from nftgan.errors import UsageError
from nftgan.metrics.estimate import Estimate
from nftgan.metrics.manifold import squared_distances

MOST = 1000  # images of a set: the eigenvalues cost their cube
GROUPS = 5


def mean_distance(x: np.ndarray) -> Estimate:
    """The mean squared distance of two rows of features [N, D], N at least 3, over all pairs.

    For features of length 1 that is 2 - 2 cos, from 0 to 4; its error is the jackknife's.
    """
    n = len(x)
    _enough(n, 3)
    rows = squared_distances(x.astype(np.float64), x.astype(np.float64)).sum(axis=1)
    total = rows.sum()
    without = (total - 2 * rows) / ((n - 1) * (n - 2))
    return Estimate(float(total / (n * (n - 1))), math.sqrt((n - 1) * float(np.var(without))))


def vendi(x: np.ndarray, width: float) -> Estimate:
    """Vendi score (Friedman & Dieng 2023): the number of different images among features [N, D].

    The exponential of the entropy of the eigenvalues of k(a, b) / N, with
    k = exp(-|a - b|^2 / (2 width^2)): N when no two are alike, 1 when all are one. Its error comes
    from leaving out fifths. It grows with N: compare it only with one of as many images.
    """
    n = len(x)
    _enough(n, GROUPS)
    table = squared_distances(x.astype(np.float64), x.astype(np.float64))
    kernel = np.exp(-table / (2 * width**2))
    np.fill_diagonal(kernel, 1)
    without = []
    for group in range(GROUPS):
        kept = np.flatnonzero(np.arange(n) % GROUPS != group)
        without.append(_score(kernel[np.ix_(kept, kept)]))
    variance = (GROUPS - 1) * float(np.var(without))
    return Estimate(_score(kernel), math.sqrt(variance))


def kernel_width(reals: np.ndarray) -> float:
    """Half the root mean square distance of two real images: nearer ones count as related."""
    return max(math.sqrt(mean_distance(reals).value) / 2, 1e-6)


def _score(kernel: np.ndarray) -> float:
    values = np.linalg.eigvalsh(kernel / len(kernel))
    values = values[values > 1e-12]
    return math.exp(-float((values * np.log(values)).sum()))


def _enough(found: int, least: int) -> None:
    if found < least:
        raise UsageError(f"variety needs at least {least} images, not {found}")
