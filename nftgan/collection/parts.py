"""How whole an image is: each of its parts against those of every image of the art.

Small art is looked at place by place, as follows. What is larger than 32 pixels a side is compared
with patches from anywhere: `patches` tells how.

Networks fail where art never does: half an eye, torn glasses. Such a part lies far from the part of
any artwork at its place, while a whole one lies as close as those of two artworks do, whatever is
drawn beside it. So a place counts by how much further candidates are from the art there than the
art is from itself; where they are not, as in a background of any colour, it does not count.

What is richer in contrast lies further from everything, whole or not, and would lose to what is
empty: each distance is divided by the root of what the art's parts of that contrast have.

Distances are made of sums of whole numbers below 2**24, so they are the same on every machine.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from nftgan.alpha import looked_at, seen
from nftgan.collection.patches import ArtPatches
from nftgan.dataset.archive import Dataset
from nftgan.oklab import UNIT, oklab
from nftgan.progress import SILENT, Progress
from nftgan.synthesis.finish import apply_finish, to_grid
from nftgan.synthesis.recipe import Finish

SIDE = 64  # pixels that larger images are reduced to
PLACED = 32  # pixels a side up to which parts are compared place by place
PART = 6  # pixels a side of what is compared
MOST_ART = 2000  # artworks that parts are looked up in
FEWEST_ART = 8  # fewer say little of what belongs where
FAILING = 1.15  # times as far as the art is from itself: at a place where candidates fail
DECIMALS = 3  # of a distance
_LEVELS = 128  # of lightness
_CHROMA = 2  # colours span a third of lightness' range
_LEAST = 2.0  # levels that no eye sees
_SHARPNESS = 3  # how much more the worst places count
_CHUNK = 128  # images at once
_PLACES = 16


class ArtParts:
    """Knows the parts of the art; says how far those of an image are from them."""

    def __init__(
        self,
        training: Dataset,
        finish: Finish | None = None,
        *,
        side: int | None = None,
        progress: Progress = SILENT,
    ) -> None:
        """`finish` is that of the images to judge, `side` theirs before it: the art is brought to
        both first. None: that of the art.
        """
        self.finish = without_colours(finish)
        """What the art went through."""
        count = min(len(training), MOST_ART)
        chosen = [number * len(training) // count for number in range(count)]
        small = {}
        with progress.task("learning the parts of the art", count, "images") as task:
            for index in chosen:
                image = np.ascontiguousarray(seen(training.images([index]))[0].transpose(1, 2, 0))
                image = image.repeat(3, axis=2) if image.shape[2] == 1 else image
                if side is not None and len(image) != side:
                    image = to_grid(image, side)
                one = before_palette(image, finish)
                small[one.tobytes()] = one  # what is there twice is no neighbour of itself
                task.advance()
        # One by one: what lies between takes eight bytes a value, several times over.
        self._art = np.concatenate([_levels(one[None]) for one in small.values()])
        self.known = len(self._art) >= FEWEST_ART
        """Whether there is enough art to judge by."""
        self._anywhere: ArtPatches | None = None
        if self._art.shape[1] > PLACED:
            self._places = []
            self.own = np.ones(1)  # there is one place, which counts whatever the art has there
            self._anywhere = ArtPatches(self._art) if self.known else None
            return
        self._places = _places(self._art.shape[1])
        self._line = np.zeros((2, len(self._places)))
        self._richest = np.zeros(len(self._places))
        self.own = np.ones(len(self._places))
        """float64 [places]: how far the art is from itself, as `distances` measures."""
        if self.known:
            apart, contrast = self._compare(self._art, same=True)
            self._line, self._richest = _lines(contrast, apart), contrast.max(axis=0)
            self.own = self._relative(apart, contrast).mean(axis=0)

    def distances(self, images: Sequence[np.ndarray]) -> np.ndarray:
        """float32 [N, places] to the closest part of the art, of uint8 [S, S, 3] from `reduced`.

        Where the art is compared with patches from anywhere, that is one place. Those of an image
        do not depend on the others; many at once are faster.
        """
        if not len(images):
            return np.empty((0, len(self.own)), dtype=np.float32)
        if np.shape(images[0]) != self._art.shape[1:]:
            raise ValueError(f"{np.shape(images[0])} is not {self._art.shape[1:]}, the art's")
        if self._anywhere is not None:
            strange = [self._anywhere.distances(_levels(one[None])) for one in images]
            return np.round(np.concatenate(strange), DECIMALS).astype(np.float32)
        apart, contrast = self._compare(_levels(np.stack(images)))
        return np.round(self._relative(apart, contrast), DECIMALS).astype(np.float32)

    def _relative(self, apart: np.ndarray, contrast: np.ndarray) -> np.ndarray:
        # What is richer than any art is excused no more than the richest.
        known = np.minimum(contrast, self._richest)
        usual = np.maximum(self._line[0] + self._line[1] * known, 0)
        result: np.ndarray = (apart + _LEAST) / np.sqrt(usual + _LEAST)
        return result

    def _compare(self, levels: np.ndarray, *, same: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """float64 [N, places], twice: levels to the closest part of the art, and the contrast."""
        apart = np.empty((len(levels), len(self._places)))
        contrast = np.empty_like(apart)
        for first in range(0, len(self._places), _PLACES):
            places = self._places[first : first + _PLACES]
            art = _parts(self._art, places)  # [P, M, 3 * pixels]
            squares = (art * art).sum(axis=2)[:, None]  # [P, 1, M]
            for start in range(0, len(levels), _CHUNK):
                part = _parts(levels[start : start + _CHUNK], places)  # [P, n, 3 * pixels]
                n, pixels = part.shape[1], part.shape[2] // 3
                here = slice(start, start + n), slice(first, first + len(places))
                # One product for many places: a core that is busy elsewhere is waited for once.
                product = torch.bmm(torch.from_numpy(part), torch.from_numpy(art).mT).numpy()
                table = squares - 2 * product  # [P, n, M], exact
                if same:
                    table[:, np.arange(n), start + np.arange(n)] = np.inf
                least = table.min(axis=2) + (part * part).sum(axis=2)
                apart[here] = np.sqrt(least.T.astype(np.float64) / pixels)
                colours = part.reshape(len(places), n, pixels, 3).astype(np.float64)
                spread = pixels * (colours**2).sum(axis=2) - colours.sum(axis=2) ** 2
                contrast[here] = (np.sqrt(spread) / pixels).sum(axis=2).T
        return apart, contrast


def _parts(levels: np.ndarray, places: Sequence[tuple[slice, slice]]) -> np.ndarray:
    """float32 [places, N, 3 * pixels] of levels [N, S, S, 3]."""
    return np.stack([levels[:, y, x].reshape(len(levels), -1) for y, x in places])


def before_palette(image: np.ndarray, finish: Finish | None) -> np.ndarray:
    """uint8 [S, S, 3] of art as what `finish` makes of a candidate is looked at."""
    return reduced(apply_finish(image, without_colours(finish)))


def without_colours(finish: Finish | None) -> Finish | None:
    """What of `finish` art goes through too: it has its colours already."""
    return None if finish is None else Finish(finish.grid, effect=finish.effect)


def reduced(image: np.ndarray) -> np.ndarray:
    """uint8 [S, S, 3], at most SIDE a side; RGBA is looked at over grey."""
    image = looked_at(image)
    return image if len(image) <= SIDE else to_grid(image, SIDE)


def wholeness(distances: np.ndarray, own: np.ndarray) -> np.ndarray | None:
    """float64 [N], larger is more whole, of `distances` [N, places] and `own` of `ArtParts`.

    It orders candidates of one model: the places that count are those where these fail most.
    None where they fail at no place, so that parts say nothing of them; a single place, that of the
    worst patches, always counts.
    """
    if not len(distances):
        return None
    if distances.shape[1] == 1 and own[0] == 1.0:  # what small art has is measured
        alone: np.ndarray = -distances[:, 0].astype(np.float64)
        return alone
    times = distances.mean(axis=0, dtype=np.float64) / own
    if times.max() < FAILING:
        return None
    weights = np.maximum(times - 1, 0) ** _SHARPNESS
    # Rounded, so that equals are equal whatever the last bit.
    result: np.ndarray = -np.round(distances @ (weights / weights.sum()), 6)
    return result


def _lines(contrast: np.ndarray, apart: np.ndarray) -> np.ndarray:
    """float64 [2, places]: at each place the line (height, slope) of `apart` over `contrast`."""
    middle = contrast.mean(axis=0)
    off = contrast - middle
    slope = (off * apart).sum(axis=0) / np.maximum((off * off).sum(axis=0), 1e-9)
    return np.stack([apart.mean(axis=0) - slope * middle, slope])


def _levels(images: np.ndarray) -> np.ndarray:
    """float32 [N, S, S, 3] of whole numbers, whose sums of products are exact, from uint8."""
    lab = oklab(images)
    lab[..., 1:] *= _CHROMA
    step = UNIT // _LEVELS
    result: np.ndarray = ((lab + step // 2) // step).astype(np.float32)
    return result


def _places(side: int) -> list[tuple[slice, slice]]:
    """Every place of a part, of large images every second one."""
    part = min(PART, side)
    starts = range(0, side - part + 1, 1 if 2 * side <= PLACED + 8 else 2)
    return [(slice(y, y + part), slice(x, x + part)) for y in starts for x in starts]
