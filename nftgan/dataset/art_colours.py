"""The colours of a set of pixel art: few enough to be written down, each one that the art has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np

from nftgan.oklab import UNIT, oklab

MOST = 64
_STEP = UNIT // 512  # by which the reach of a colour grows until few enough are left
_REACH = UNIT // 8  # the widest
_MOVED = UNIT // 32  # root mean square of a pixel of the art: further, it would be other art
_LARGE = 100  # a colour of one such part of the art speaks for itself, whatever is near it
_CANDIDATES = 4096  # the most frequent colours, among which they are chosen


def art_colours(counts: Mapping[bytes, int]) -> str:
    """Six hex digits of each colour, in rising order; "" where `MOST` cannot speak for the art.

    counts: pixels of each colour, three bytes of RGB. All colours where they are few. Else the
    most frequent one speaks for all within a distance in OKLab, then the most frequent of those
    that are left, and so on; the distance is the smallest, in steps of 1/512, that leaves `MOST`.
    A colour that fills a hundredth of the art always speaks for itself. Of two as frequent the
    lower comes first.
    """
    found = sorted(counts, key=lambda colour: (-counts[colour], colour))[:_CANDIDATES]
    lab = oklab(np.frombuffer(b"".join(found), dtype=np.uint8).reshape(-1, 3))
    pixels = sum(counts.values())
    large = np.array([counts[colour] * _LARGE >= pixels for colour in found], dtype=bool)
    for reach in range(0, _REACH + 1, _STEP):
        kept = _speakers(lab, large, reach)
        if len(kept) <= MOST:
            break
    weights = np.array([counts[colour] for colour in found])
    if not 2 <= len(kept) <= MOST or _moved(lab, kept) @ weights > _MOVED**2 * weights.sum():
        return ""
    return b"".join(sorted(found[one] for one in kept)).hex()


def counted_colours(pixels: np.ndarray) -> Counter[bytes]:
    """Pixels of each colour of uint8 [H, W, 3]."""
    colours, counts = np.unique(pixels.reshape(-1, 3), axis=0, return_counts=True)
    return Counter({row.tobytes(): int(n) for row, n in zip(colours, counts, strict=True)})


def _moved(lab: np.ndarray, kept: list[int]) -> np.ndarray:
    """int64 [N]: the squared distance of each colour from the nearest that is kept."""
    away = [((lab - lab[one]) ** 2).sum(axis=1) for one in kept]
    nearest: np.ndarray = np.min(away, axis=0)
    return nearest


def _speakers(lab: np.ndarray, large: np.ndarray, reach: int) -> list[int]:
    """The colours that speak for the others, from the first; one more than `MOST` is enough."""
    left = np.arange(len(lab))
    kept: list[int] = []
    while len(left) and len(kept) <= MOST:
        kept.append(int(left[0]))
        left = left[1:]
        away = ((lab[left] - lab[kept[-1]]) ** 2).sum(axis=1)
        left = left[large[left] | (away > reach**2)]
    return kept
