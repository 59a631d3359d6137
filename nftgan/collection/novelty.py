"""The guard against copies: no piece may be a training image again, upright or mirrored.

Three tests, and each refuses. The first is the one that `prepare` finds duplicates with:
perceptual hash, then the pixels of a thumbnail; it sees through compression, scaling and
brightness. The second compares coarse colours and edges, with a threshold calibrated on the
training images: a piece is a near copy when it lies closer to one of them than the closest 1 % of
training images lie to another one, or than a third of the median of those distances, whichever is
larger. The third looks for the window of a training image that the piece is cut out of
(`nftgan.collection.crops`), from 32 pixels on: again a third of the median decides.

How many copies of which kind are caught and how many fresh images are not let through is measured
by `benchmarks/novelty.py`; its figures are in docs/studio.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from PIL import Image

from nftgan.alpha import looked_at, seen
from nftgan.collection.crops import LEAST_SIDE, CropFinder
from nftgan.collection.features import SIZE, features, mirrored, nearest
from nftgan.dataset.archive import Dataset
from nftgan.dataset.duplicates import TwinFinder, fingerprint
from nftgan.pixels import pixel_digest
from nftgan.progress import SILENT, Progress

HASH_BITS = 6  # of 64 that a perceptual hash may differ in
QUANTILE = 0.01
MEDIAN_SHARE = 1 / 3
CALIBRATION = 4000  # images the threshold is calibrated on, at most
CROP_CALIBRATION = 64  # of them for crops


@dataclass(frozen=True)
class Scale:
    """How far apart images of a set usually are."""

    threshold: float  # closer than this is a near copy
    median: float  # of the distances to the closest other image; 0: fewer than two images


@dataclass(frozen=True)
class Neighbour:
    """The training image closest to a piece."""

    name: str
    ratio: float  # distance over the median between training images; 0 is a copy
    mirrored: bool


def calibrate(rows: np.ndarray) -> Scale:
    """The scale of features [N, SIZE]; exact copies among them do not count."""
    step = max(1, -(-len(rows) // CALIBRATION))
    _, least = nearest(rows[::step], rows[::step], same=True)
    apart = np.sort(least[np.isfinite(least) & (least > 0)])
    if len(apart) == 0:
        return Scale(0.0, 0.0)
    median = float(apart[len(apart) // 2])
    low = float(apart[int(len(apart) * QUANTILE)])
    return Scale(max(low, median * MEDIAN_SHARE), median)


class NoveltyGuard:
    """Knows every training image; judges pieces one by one."""

    def __init__(self, training: Dataset, *, progress: Progress = SILENT) -> None:
        self._names = training.names
        self._twins = TwinFinder(HASH_BITS)
        self._crops = CropFinder()
        rows = []
        with progress.task("looking at the training art", len(training), "images") as task:
            for index, name in enumerate(training.names):
                image = _rgb(training, index)
                rows.append(features(image))
                if len(image) >= LEAST_SIDE:
                    self._crops.add(image)
                self._twins.add(name, pixel_digest(image), fingerprint(Image.fromarray(image)))
                task.advance()
        self._rows = np.stack(rows)
        self._squares = (self._rows * self._rows).sum(axis=1)
        self.scale = calibrate(self._rows)
        self.crop_scale = self._calibrate_crops(training)

    def _calibrate_crops(self, training: Dataset) -> Scale:
        """How far training images are from the closest window of another one."""
        apart = []
        step = max(1, -(-len(self._crops) // CROP_CALIBRATION))
        for index in range(0, len(self._crops), step):
            image = _rgb(training, index)
            apart.append(self._crops.closest(image, besides=index)[1])
        apart = sorted(one for one in apart if 0 < one < math.inf)
        median = apart[len(apart) // 2] if apart else 0.0
        return Scale(median * MEDIAN_SHARE, median)

    def neighbours(self, row: np.ndarray, count: int) -> list[tuple[Neighbour, float]]:
        """The `count` training images closest to features [SIZE], each with its distance."""
        pair = np.stack([row, mirrored(row[None])[0]])
        table = self._squares[:, None] - 2 * (self._rows @ pair.T) + row @ row  # [N, 2], exact
        least, flipped = table.min(axis=1), table.argmin(axis=1)
        found = []
        for index in np.argsort(least, kind="stable")[:count]:
            distance = float(np.sqrt(least[index] / SIZE))
            ratio = distance / self.scale.median if self.scale.median else 1.0
            name = self._names[int(index)]
            found.append((Neighbour(name, ratio, bool(flipped[index])), distance))
        return found

    def neighbour(self, row: np.ndarray) -> tuple[Neighbour, float]:
        """The closest training image to features [SIZE], and the distance itself."""
        return self.neighbours(row, 1)[0]

    def judge(self, image: np.ndarray, row: np.ndarray) -> tuple[str | None, Neighbour]:
        """(why uint8 [H, H, 3] with features `row` is refused, or None; its closest neighbour).

        RGBA [H, H, 4] is looked at over the grey that the training art lies over.
        """
        image = looked_at(image)
        neighbour, distance = self.neighbour(row)
        twin = self._twins.twin(pixel_digest(image), fingerprint(Image.fromarray(image)))
        if twin is not None:
            return f"{twin[1]} training image {twin[0]}", neighbour
        if distance < self.scale.threshold:
            word = "a mirrored near copy" if neighbour.mirrored else "a near copy"
            return (
                f"{word} of training image {neighbour.name}: {neighbour.ratio:.2f} of the usual"
                " distance between training images"
            ), neighbour
        if len(self._crops) and len(image) >= LEAST_SIDE:
            least = self.crop_scale.threshold
            index, away, flipped = self._crops.closest(image, least=least)
            if away < least:
                ratio = min(neighbour.ratio, away / self.crop_scale.median)
                source = Neighbour(self._names[index], ratio, flipped)
                word = "mirrored and cut" if flipped else "cut"
                return f"{word} out of training image {source.name}", source
        return None, neighbour


def _rgb(training: Dataset, index: int) -> np.ndarray:
    """uint8 [R, R, 3]."""
    image = np.ascontiguousarray(seen(training.images([index]))[0].transpose(1, 2, 0))
    return image.repeat(3, axis=2) if image.shape[2] == 1 else image
