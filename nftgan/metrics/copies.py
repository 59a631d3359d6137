"""Are fakes copies of the art they learnt from? Two looks, calibrated on art that was held out.

The first compares features, upright and mirrored; the second perceptual hashes in all 8
orientations. A fake is close when, in either look, it lies nearer to a training image than 99 %
of held-out images do: new art of the same artist is that close by chance in 1 to 2 cases of 100.
It is a copy when its thumbnail, turned or mirrored, also agrees pixel by pixel. No figure proves
memory: look at the pairs (Stein et al. 2023).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from nftgan.alpha import seen
from nftgan.dataset.duplicates import Fingerprint, TwinFinder, bits_apart, fingerprint
from nftgan.metrics.estimate import Estimate, share
from nftgan.pixels import pixel_digest

QUANTILE = 0.01
HASH_BITS = 6
SHOWN = 16  # closest pairs that are kept for a look
_CHUNK = 512


@dataclass(frozen=True)
class Pair:
    """A fake by its number and the training image closest to it.

    distance: over the median distance of art that was not learnt; bits: of 64, between hashes.
    """

    fake: int
    name: str
    distance: float
    bits: int
    copy: bool


@dataclass(frozen=True)
class CopyCheck:
    """Shares of the fakes that are close to, and copies of, training images, and the floor.

    held: the share of art that was not learnt and is as close; pairs: the closest, nearest first.
    """

    close: Estimate
    held: Estimate
    copies: int
    held_copies: int
    pairs: tuple[Pair, ...]


@dataclass
class PerceptualHashes:
    """What is compared of some images besides their features; takes them batch by batch."""

    prints: list[tuple[str, list[Fingerprint]]] = field(default_factory=list)

    def add(self, images: np.ndarray) -> None:
        """uint8 [N, 1, 3 or 4, S, S]."""
        for image in seen(images):
            pixels = np.ascontiguousarray(image.transpose(1, 2, 0))
            if pixels.shape[2] == 1:
                pixels = pixels.repeat(3, axis=2)
            turned = [
                fingerprint(Image.fromarray(np.ascontiguousarray(np.rot90(pixels, turns))))
                for turns in range(4)
            ]
            self.prints.append((pixel_digest(pixels), turned))


@dataclass
class Nearest:
    """For each of N images its closest training image by features and by hash."""

    index: np.ndarray  # int64 [N], by features
    distance: np.ndarray  # float64 [N]
    bits: np.ndarray  # int64 [N], to the closest by hash
    copy: np.ndarray  # bool [N]

    def close(self, distance: float, bits: float) -> np.ndarray:
        result: np.ndarray = (self.distance < distance) | (self.bits < bits) | self.copy
        return result


class TrainingArt:
    """The images that a model learnt from."""

    def __init__(
        self, names: Sequence[str], features: np.ndarray, hashes: PerceptualHashes
    ) -> None:
        """features: [N, D] of length 1, in the order of `names` and `hashes`."""
        self._names, self._features = list(names), features
        self._hashes = np.array([turned[0].upright for _, turned in hashes.prints], dtype=np.uint64)
        self._twins = TwinFinder(HASH_BITS)
        for index, (digest, turned) in enumerate(hashes.prints):
            self._twins.add(str(index), digest, turned[0])
        self._art_hashes = hashes

    def check(
        self,
        fakes: tuple[np.ndarray, np.ndarray, PerceptualHashes],
        held: tuple[np.ndarray, np.ndarray, PerceptualHashes] | None,
        mirrored: np.ndarray,
    ) -> CopyCheck:
        """Judge fakes by art that was not learnt; without any, by the training art itself.

        fakes, held: (features, features of the mirror images, looks) of the same images.
        mirrored: features of the mirror images of the training art.
        """
        if held is not None:
            usual = self.nearest(*held)
        else:
            usual = self.nearest(self._features, mirrored, self._art_hashes, same=True)
        found = self.nearest(*fakes)
        distance = float(np.quantile(usual.distance, QUANTILE, method="lower"))
        bits = float(np.quantile(usual.bits, QUANTILE, method="lower"))
        median = float(np.median(usual.distance)) or 1.0
        close, floor = found.close(distance, bits), usual.close(distance, bits)
        # Copies first, then by features; a turned copy is far by features and close by hash.
        order = np.lexsort((found.distance, ~found.copy))[:SHOWN]
        pairs = tuple(
            Pair(
                int(i),
                self._names[int(found.index[i])],
                float(found.distance[i] / median),
                int(found.bits[i]),
                bool(found.copy[i]),
            )
            for i in order
        )
        return CopyCheck(
            share(int(close.sum()), len(close)),
            share(int(floor.sum()), len(floor)),
            int(found.copy.sum()),
            int(usual.copy.sum()),
            pairs,
        )

    def nearest(
        self,
        features: np.ndarray,
        mirrored: np.ndarray,
        hashes: PerceptualHashes,
        *,
        same: bool = False,
    ) -> Nearest:
        """Of each image; same: they are the training art, and none is its own neighbour."""
        index, distance = self._by_features(features, mirrored, same=same)
        bits = np.empty(len(features), dtype=np.int64)
        copy = np.zeros(len(features), dtype=bool)
        for row, (digest, turned) in enumerate(hashes.prints):
            tables = (bits_apart(self._hashes, h) for one in turned for h in _hashes(one))
            least = np.min(np.stack(list(tables)), axis=0)
            if same:
                least[row] = 65
                bits[row] = least.min()
                continue
            bits[row] = least.min()
            if bits[row] <= HASH_BITS:
                twin = next(filter(None, (self._twins.twin(digest, one) for one in turned)), None)
                if twin is not None:
                    copy[row], index[row] = True, int(twin[0])
        return Nearest(index, distance, bits, copy)

    def _by_features(
        self, features: np.ndarray, mirrored: np.ndarray, *, same: bool
    ) -> tuple[np.ndarray, np.ndarray]:
        index = np.empty(len(features), dtype=np.int64)
        best = np.empty(len(features))
        for start in range(0, len(features), _CHUNK):
            rows = slice(start, start + _CHUNK)
            cosine = np.maximum(
                features[rows] @ self._features.T, mirrored[rows] @ self._features.T
            )
            if same:
                cosine[np.arange(len(cosine)), start + np.arange(len(cosine))] = -2
            index[rows] = cosine.argmax(axis=1)
            best[rows] = cosine.max(axis=1)
        return index, np.sqrt(np.maximum(2 - 2 * best, 0))


def _hashes(print_: Fingerprint) -> Iterable[int]:
    return print_.upright, print_.mirrored
