"""Every random number of a run is a function of (seed, step, purpose): a resume draws the same."""

from __future__ import annotations

import enum

import numpy as np
import numpy.typing as npt


class RngStream(enum.IntEnum):
    """Who draws: each has its own stream, so a new draw of one leaves the others alone."""

    ORDER = 0  # order of the data set in an epoch
    G_MAIN = 1
    G_REG = 2
    D_MAIN = 3
    D_REG = 4
    AUGMENT = 8
    GRID = 9
    NETWORKS = 10
    AUTOENCODER = 11


def rng_for(seed: int, step: int, rng_stream: RngStream, part: int = 0) -> np.random.Generator:
    """An independent generator for one purpose at one step, the same on every machine."""
    key = np.random.SeedSequence([seed, step, int(rng_stream), part])
    return np.random.Generator(np.random.Philox(key))


class DataOrder:
    """Which item is the n-th that a run sees: a fresh permutation of all items every epoch.

    With `mirror` each image stands in the epoch twice, once flipped left to right.
    """

    def __init__(self, seed: int, items: int, *, mirror: bool) -> None:
        self._seed = seed
        self._items = items
        self._length = items * 2 if mirror else items
        self._epoch = -1
        self._order: npt.NDArray[np.int64] = np.empty(0, np.int64)

    def batch(
        self, position: int, count: int
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
        """Items `position` to `position + count` of the run: indices, and which are flipped."""
        drawn = np.array([self._at(n) for n in range(position, position + count)], np.int64)
        return drawn % self._items, drawn >= self._items

    def _at(self, position: int) -> int:
        epoch, place = divmod(position, self._length)
        if epoch != self._epoch:
            self._order = rng_for(self._seed, epoch, RngStream.ORDER).permutation(self._length)
            self._epoch = epoch
        return int(self._order[place])
