"""What two images are compared by: coarse colours and edges, in whole numbers."""

from __future__ import annotations

import numpy as np

from nftgan.alpha import looked_at
from nftgan.oklab import oklab
from nftgan.synthesis.finish import to_grid

_FINE, _COARSE = 16, 8
_CHROMA = 2  # colours span a third of lightness' range; this lets them count
_EDGE = 2  # a moved outline should weigh like a recoloured area
SIZE = _COARSE * _COARSE * 3 + 2 * _FINE * (_FINE - 1)
_CHUNK = 1024


def features(image: np.ndarray) -> np.ndarray:
    """float64 [SIZE] of whole numbers from uint8 [H, H, 3]; RGBA [H, H, 4] is looked at over grey.

    OKLab means of an 8x8 grid, then lightness steps across and down a 16x16 grid. The numbers are
    small enough that sums of products are exact in float64: distances do not depend on the order
    in which a library adds, so neither do picks.
    """
    fine = to_grid(looked_at(image), _FINE)
    coarse = oklab(to_grid(fine, _COARSE))
    coarse[..., 1:] *= _CHROMA
    light = oklab(fine)[..., 0]
    across, down = np.diff(light, axis=1) * _EDGE, np.diff(light, axis=0) * _EDGE
    parts = (coarse.reshape(-1), across.reshape(-1), down.reshape(-1))
    return np.concatenate(parts).astype(np.float64)


def mirrored(rows: np.ndarray) -> np.ndarray:
    """The features of the mirror images, from features [N, SIZE]."""
    n = len(rows)
    split = _COARSE * _COARSE * 3
    edges = split + _FINE * (_FINE - 1)
    coarse = rows[:, :split].reshape(n, _COARSE, _COARSE, 3)[:, :, ::-1]
    across = -rows[:, split:edges].reshape(n, _FINE, _FINE - 1)[:, :, ::-1]
    down = rows[:, edges:].reshape(n, _FINE - 1, _FINE)[:, :, ::-1]
    return np.concatenate([part.reshape(n, -1) for part in (coarse, across, down)], axis=1)


def distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """float64 [N, M]: root mean square difference of features [N, SIZE] and [M, SIZE]."""
    square = (a * a).sum(axis=1)[:, None] + (b * b).sum(axis=1) - 2 * (a @ b.T)
    result: np.ndarray = np.sqrt(np.maximum(square, 0) / SIZE)
    return result


def nearest(a: np.ndarray, b: np.ndarray, *, same: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """(index into b int64 [N], distance float64 [N]) of the closest row of b to each row of a.

    same: a is b, and a row is not its own neighbour.
    """
    index = np.zeros(len(a), dtype=np.int64)
    least = np.full(len(a), np.inf)
    for start in range(0, len(a), _CHUNK):
        rows = slice(start, start + _CHUNK)
        table = distances(a[rows], b)
        if same:
            table[np.arange(len(table)), start + np.arange(len(table))] = np.inf
        index[rows] = table.argmin(axis=1)
        least[rows] = table.min(axis=1)
    return index, least
