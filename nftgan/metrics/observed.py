"""What is measured of images before they are compared: small enough to keep, and to send.

Images are measured where they are generated, batch by batch; the parts are joined in their order.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nftgan.dataset.duplicates import Fingerprint
from nftgan.metrics.copies import PerceptualHashes
from nftgan.metrics.features import Extractor
from nftgan.metrics.swd import Patches


@dataclass(frozen=True)
class Observed:
    """Of n images, in their order; empty where no wanted metric needs it."""

    features: np.ndarray  # float32 [n, SIZE]
    mirrored: np.ndarray  # float32 [n or 0, SIZE], of the mirror images
    hashes: PerceptualHashes = field(default_factory=PerceptualHashes)
    patches: tuple[np.ndarray, ...] = ()  # by level, float32 [at most n, PATCHES, 3 * 49]
    pixels: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=np.uint8))  # the images

    def __len__(self) -> int:
        return len(self.features)

    def packed(self) -> bytes:
        """Bytes that `unpacked` reads: arrays alone, no objects."""
        prints = [one for _, turned in self.hashes.prints for one in turned]
        file = io.BytesIO()
        arrays: dict[str, Any] = {
            "features": self.features,
            "mirrored": self.mirrored,
            "pixels": self.pixels,
            "digests": np.array([digest for digest, _ in self.hashes.prints], dtype=np.str_),
            "hashes": np.array([(one.upright, one.mirrored) for one in prints], dtype=np.uint64),
            "thumbnails": np.array([one.thumbnail for one in prints], dtype=np.uint8),
        }
        arrays |= {f"patches{level}": part for level, part in enumerate(self.patches)}
        np.savez(file, **arrays)
        return file.getvalue()

    @classmethod
    def unpacked(cls, data: bytes) -> Observed:
        """Raises ValueError, KeyError, OSError or BadZipFile for what is damaged."""
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            hashes, thumbnails = file["hashes"], file["thumbnails"]
            prints = [
                Fingerprint(int(upright), int(mirrored), thumbnail)
                for (upright, mirrored), thumbnail in zip(hashes, thumbnails, strict=True)
            ]
            digests = [str(one) for one in file["digests"]]
            turns = len(prints) // len(digests) if digests else 1
            looks = [(d, prints[i * turns : (i + 1) * turns]) for i, d in enumerate(digests)]
            levels = sum(name.startswith("patches") for name in file.files)
            return cls(
                file["features"],
                file["mirrored"],
                PerceptualHashes(looks),
                tuple(file[f"patches{level}"] for level in range(levels)),
                file["pixels"],
            )

    @classmethod
    def joined(cls, parts: Iterable[Observed]) -> Observed:
        """Of all the images, in order."""
        found = list(parts)
        patches = [one.patches for one in found if one.patches]
        return cls(
            np.concatenate([one.features for one in found]),
            np.concatenate([one.mirrored for one in found]),
            PerceptualHashes([look for one in found for look in one.hashes.prints]),
            tuple(np.concatenate(level) for level in zip(*patches, strict=True)),
            np.concatenate([one.pixels for one in found]),
        )


class Observer:
    """Measures what the metrics need; images of one number get the same, whoever measures them."""

    def __init__(
        self, metrics: Iterable[str], extractor: Extractor, *, seed: int, keep: bool = False
    ) -> None:
        """seed: of `Evaluator`. keep: the images themselves, too."""
        self._metrics, self._extract, self._keep = set(metrics), extractor, keep
        self._seed = seed

    def __call__(self, images: np.ndarray, first: int) -> Observed:
        """Of uint8 [n, 1 or 3, S, S], the images from number `first` on."""
        hashes = PerceptualHashes()
        features = self._extract(images)
        mirrored = np.empty((0, features.shape[1]), dtype=np.float32)
        if "copies" in self._metrics:
            mirrored = self._extract(images[..., ::-1])
            hashes.add(images)
        patches = Patches(seed=self._seed + 1)
        levels = patches.cut(images, first) if "swd" in self._metrics else ()
        kept = images if self._keep else np.empty(0, dtype=np.uint8)
        return Observed(features, mirrored, hashes, tuple(levels), kept)
