"""How strange the worst patches of an image are: far from every patch of the art, wherever it lies.

Landscapes have no place for a sun, so nothing can be compared place by place, as `parts` does with
small art. Here each patch of 6 x 6 pixels is compared with patches of the art from anywhere, less
its mean colour: art may put any two colours beside each other, but draws no blots and no slivers.
A memory of the art's patches, of which the nearest counts, finds faults in industry, too (Roth et
al. 2022, with a network's features); `benchmarks.agreement` says how well colours do.

Distances are made of sums of whole numbers below 2**24, so they are the same on every machine.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.lib.stride_tricks import sliding_window_view

PATCH = 6  # pixels a side
MOST_PATCHES = 4_000  # of the art that are remembered
WORST = 10  # patches of an image that count
_STEP = 3  # pixels from patch to patch
_PLAIN = 1  # levels around the mean colour that no eye sees
_LEAST = 2.0  # the same of a distance, which noise alone has


class ArtPatches:
    """Remembers patches of the art; says how far those of an image are from the closest."""

    def __init__(self, levels: np.ndarray) -> None:
        """`levels`: float32 [M, S, S, 3] of whole numbers below 129, those of the art."""
        self._known = torch.from_numpy(_remembered(levels))
        self._squares = (self._known**2).sum(dim=1)

    def distances(self, levels: np.ndarray) -> np.ndarray:
        """float64 [N, 1] of levels [N, S, S, 3]; those of an image do not depend on the others."""
        return np.array([[self._strangeness(image)] for image in levels]).reshape(-1, 1)

    def _strangeness(self, image: np.ndarray) -> float:
        patches = _patches(image, _STEP)
        busy = patches.any(axis=1)
        # What is plain is compared once.
        some = np.concatenate([np.zeros((1, patches.shape[1]), np.float32), patches[busy]])
        known = torch.from_numpy(some) @ self._known.T
        least = (self._squares - 2 * known).min(dim=1).values.numpy()  # exact
        pixels = PATCH * PATCH
        away = np.sqrt(((some**2).sum(axis=1) + least).astype(np.float64) / pixels)
        colours = some.reshape(len(some), pixels, 3).astype(np.float64)
        spread = pixels * (colours**2).sum(axis=1) - colours.sum(axis=1) ** 2
        contrast = (np.sqrt(spread) / pixels).sum(axis=1)
        # What is rich in contrast lies further from everything, whole or not.
        strange = (away + _LEAST) / np.sqrt(contrast + _LEAST)
        alike = np.full(np.count_nonzero(~busy), strange[0])
        return float(np.sort(np.concatenate([alike, strange[1:]]))[-WORST:].mean())


def _patches(image: np.ndarray, step: int) -> np.ndarray:
    """float32 [places, 3 * pixels] of whole numbers: of levels [S, S, 3], less the mean colour.

    Those that are plain are 0. The last row and column belong to patches, too.
    """
    last = len(image) - PATCH
    starts = sorted({*range(0, last + 1, step), last})
    windows = sliding_window_view(image, (PATCH, PATCH), axis=(0, 1))[np.ix_(starts, starts)]
    patches = windows.transpose(0, 1, 3, 4, 2).reshape(-1, PATCH * PATCH, 3)
    off = patches - np.floor(patches.mean(axis=1, keepdims=True) + 0.5)
    off[np.abs(off).max(axis=(1, 2)) <= _PLAIN] = 0
    result: np.ndarray = off.reshape(len(off), -1)
    return result


def _remembered(art: np.ndarray) -> np.ndarray:
    """float32 [at most MOST_PATCHES, 3 * pixels]: evenly chosen of all, each but once."""
    share = -(-4 * MOST_PATCHES // len(art))
    found = []
    for image in art:
        patches = _patches(image, _STEP)
        busy = patches[patches.any(axis=1)]
        found.append(_evenly(busy, share))
        if len(busy) < len(patches):
            found.append(np.zeros((1, patches.shape[1]), np.float32))
    return _evenly(np.unique(np.concatenate(found), axis=0), MOST_PATCHES)


def _evenly(rows: np.ndarray, most: int) -> np.ndarray:
    count = min(len(rows), most)
    return rows[[number * len(rows) // count for number in range(count)]] if count else rows
