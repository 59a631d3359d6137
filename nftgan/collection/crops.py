"""Which training image an image is cut out of: windows of the art, coarse, then fine."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from PIL import Image

LEAST_SIDE = 32  # pixels: a crop of a smaller image repaints it
SHARES = (0.95, 0.9, 0.85)  # of a side, that a window of the search begins with
_ART, _FINE, _COARSE = 64, 16, 8  # pixels a side: the art kept, windows compared
_SHORTLIST = 4  # training images that are compared finely
_STEPS = (0.025, 0.0125)  # of a side: how the fine search moves a window
_HOPELESS = 3  # times as far as asked for at the beginning: no moving about will help
_CHUNK = 16384
Window = tuple[float, float, float]  # left, top and side, in sides of the image


def _windows() -> tuple[Window, ...]:
    found: list[Window] = [(0.0, 0.0, 1.0)]
    for share in SHARES:
        places = (0.0, (1 - share) / 2, 1 - share)
        found += [(left, top, share) for top in places for left in places]
    return tuple(found)


WINDOWS = _windows()


class CropFinder:
    """Remembers training images; finds the one whose cut-out an image resembles most."""

    def __init__(self) -> None:
        self._art: list[np.ndarray] = []
        self._coarse: list[np.ndarray] = []  # uint8 [windows, _COARSE * _COARSE * 3] an image

    def __len__(self) -> int:
        return len(self._art)

    def add(self, image: np.ndarray) -> None:
        """Remember uint8 [H, H, 3], as image number len - 1."""
        small = Image.fromarray(image).resize((_ART, _ART), Image.Resampling.BOX)
        self._art.append(np.asarray(small))
        self._coarse.append(np.stack([_cut(small, window, _COARSE) for window in WINDOWS]))

    def closest(
        self, image: np.ndarray, *, least: float = math.inf, besides: int | None = None
    ) -> tuple[int, float, bool]:
        """(number, distance, mirrored) of the training image that uint8 [H, H, 3] is closest to.

        distance: root mean square of grey levels over the best window. least: what is much farther
        away than this need not be told exactly. besides: a number that does not count.
        """
        upright = Image.fromarray(image)
        views = (upright, upright.transpose(Image.Transpose.FLIP_LEFT_RIGHT))
        whole: Window = (0.0, 0.0, 1.0)
        coarse = np.stack([_cut(view, whole, _COARSE) for view in views]).astype(np.float32)
        fine = [_cut(view, whole, _FINE).astype(np.float32) for view in views]
        best = (0, math.inf, False)
        for number, start, mirrored in self._shortlist(coarse, besides):
            art = Image.fromarray(self._art[number])
            distance = _aligned(art, start, fine[mirrored], least)
            if distance < best[1]:
                best = (number, distance, bool(mirrored))
        return best

    def _shortlist(
        self, views: np.ndarray, besides: int | None
    ) -> Iterator[tuple[int, Window, int]]:
        """(number, closest window, view) of the images that come closest at a coarse look."""
        each = len(WINDOWS)
        least = np.empty((len(self._art), 2), dtype=np.float32)
        where = np.empty((len(self._art), 2), dtype=np.int64)
        step = max(1, _CHUNK // each)
        for start in range(0, len(self._art), step):
            part = np.concatenate(self._coarse[start : start + step]).astype(np.float32)
            squares = np.einsum("ij,ij->i", part, part)
            table = squares[:, None] - 2 * (part @ views.T) + (views * views).sum(axis=1)
            table = table.reshape(-1, each, 2)
            least[start : start + step] = table.min(axis=1)
            where[start : start + step] = table.argmin(axis=1)
        if besides is not None:
            least[besides] = np.inf
        for place in np.argsort(least, axis=None, kind="stable")[:_SHORTLIST]:
            number, view = divmod(int(place), 2)
            if np.isfinite(least[number, view]):
                yield number, WINDOWS[where[number, view]], view


def _aligned(art: Image.Image, start: Window, wanted: np.ndarray, asked: float) -> float:
    """The least distance of `wanted` from a window of `art` near `start`."""
    best, least = start, _apart(_cut(art, start, _FINE), wanted)
    if least > _HOPELESS * asked:
        return least
    for step in _STEPS:
        centre = best
        moves = (-step, 0.0, step)
        for window in ((a, b, c) for a in moves for b in moves for c in moves):
            side = min(1.0, centre[2] + window[2])
            left = min(max(0.0, centre[0] + window[0]), 1 - side)
            top = min(max(0.0, centre[1] + window[1]), 1 - side)
            distance = _apart(_cut(art, (left, top, side), _FINE), wanted)
            if distance < least:
                best, least = (left, top, side), distance
    return least


def _cut(image: Image.Image, window: Window, side: int) -> np.ndarray:
    """uint8 [side * side * 3] of a window."""
    left, top, share = window
    width = image.width
    box = (left * width, top * width, (left + share) * width, (top + share) * width)
    return np.asarray(image.resize((side, side), Image.Resampling.BOX, box=box)).reshape(-1)


def _apart(a: np.ndarray, b: np.ndarray) -> float:
    difference = a.astype(np.float32) - b
    return float(np.sqrt(np.mean(difference * difference)))
