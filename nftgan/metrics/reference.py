"""Real images to judge by: their features, computed once and kept in a file, and their pixels."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from nftgan.dataset.archive import Dataset
from nftgan.dataset.holdout import Split
from nftgan.errors import UsageError
from nftgan.files import atomic_path, sha256_hex
from nftgan.metrics.copies import PerceptualHashes
from nftgan.metrics.features import SIZE, Extractor
from nftgan.metrics.swd import IMAGES, Patches
from nftgan.networks.efficientnet import SHA256
from nftgan.progress import SILENT, Progress

BATCH = 16
Share = Callable[[int, Callable[[int], bytes], Callable[[int], None]], dict[int, bytes]]
"""share(count, work, on_done): work(i) for each i below count, as `alone` does it."""

_VERSION = 1  # of how features are made; another one makes kept files stale


def alone(
    count: int, work: Callable[[int], bytes], on_done: Callable[[int], None]
) -> dict[int, bytes]:
    """Every part made here, one after the other."""
    found = {}
    for item in range(count):
        found[item] = work(item)
        on_done(item + 1)
    return found


@dataclass(frozen=True)
class Reference:
    """Some real images; pixels are read only for the metrics that need them."""

    names: tuple[str, ...]
    features: np.ndarray  # float32 [N, SIZE]
    mirrored: np.ndarray  # float32 [N, SIZE], of the mirror images
    read: Callable[[Sequence[int]], np.ndarray]  # indices to uint8 [n, C, S, S]

    def __len__(self) -> int:
        return len(self.names)

    def take(self, indices: np.ndarray) -> Reference:
        """The images at `indices` alone."""
        chosen = [int(index) for index in indices]
        return Reference(
            tuple(self.names[index] for index in chosen),
            self.features[chosen],
            self.mirrored[chosen],
            lambda rows: self.read([chosen[row] for row in rows]),
        )

    def batches(self, count: int | None = None) -> Iterator[np.ndarray]:
        """uint8 [n, C, S, S] of the first `count` images, some at a time."""
        count = len(self) if count is None else min(count, len(self))
        for start in range(0, count, BATCH):
            yield self.read(range(start, min(start + BATCH, count)))

    @cached_property
    def hashes(self) -> PerceptualHashes:
        hashes = PerceptualHashes()
        for images in self.batches():
            hashes.add(images)
        return hashes

    def patches(self, count: int) -> Patches:
        """Of the first `count` images."""
        patches = Patches()
        for images in self.batches(min(count, IMAGES)):
            patches.add(images)
        return patches


def references(
    dataset: Dataset,
    split: Split,
    *,
    extractor: Extractor | None = None,
    cache: Path | str | None = None,
    progress: Progress = SILENT,
    share: Share = alone,
) -> tuple[Reference, Reference | None]:
    """(the art that was learnt from, the art held out or None).

    share: who looks at the art, where nothing is kept of it; other processes call `look_at`.
    cache: a folder, such as that of the run, where the features are kept for the next time; a file
    of another data set or a broken one is not used. Raises UsageError for a broken image and
    MissingStepError without the network's weights.
    """
    upright, mirrored = _features(dataset, extractor, cache, progress, share)
    whole = Reference(tuple(dataset.names), upright, mirrored, dataset.images)
    held = whole.take(split.held) if len(split.held) else None
    return whole.take(split.train), held


def look_at(
    dataset: Dataset, extractor: Extractor, share: Share, on_done: Callable[[int], None]
) -> tuple[np.ndarray, np.ndarray] | None:
    """Features of all images, upright and mirrored, float32 [N, SIZE]; None where `share` gives
    the parts to another process.
    """
    starts = range(0, len(dataset), BATCH)

    def look(item: int) -> bytes:
        images = dataset.images(range(starts[item], min(starts[item] + BATCH, len(dataset))))
        both = np.stack([extractor(images), extractor(images[..., ::-1])])
        return both.astype("<f4").tobytes()

    found = share(len(starts), look, lambda done: on_done(min(done * BATCH, len(dataset))))
    if not found:
        return None
    parts = [np.frombuffer(found[item], "<f4").reshape(2, -1, SIZE) for item in sorted(found)]
    both = np.concatenate(parts, axis=1).astype(np.float32)
    return both[0], both[1]


def _features(
    dataset: Dataset,
    extractor: Extractor | None,
    cache: Path | str | None,
    progress: Progress,
    share: Share,
) -> tuple[np.ndarray, np.ndarray]:
    path = None
    if cache is not None:
        key = f"{_VERSION} {SHA256} {dataset.fingerprint}"
        path = Path(cache) / f"features-{sha256_hex(key.encode())[:16]}.npz"
        kept = _read(path, len(dataset))
        if kept is not None:
            return kept
    with progress.task("looking at the art", len(dataset), "images") as task:
        found = look_at(
            dataset, extractor or Extractor(), share, lambda done: task.update(completed=done)
        )
    if found is None:
        raise ValueError("the parts were given to another process")
    upright, mirrored = found
    if path is not None:
        try:
            with atomic_path(path) as temporary, temporary.open("wb") as file:
                np.savez(file, upright=upright, mirrored=mirrored)
        except (UsageError, OSError) as exc:  # a cache saves time; without it the answer is right
            progress.warn(f"the features of the art are not kept: {exc}")
    return upright, mirrored


def _read(path: Path, count: int) -> tuple[np.ndarray, np.ndarray] | None:
    """What an earlier call kept; None when there is nothing usable."""
    try:
        with np.load(path, allow_pickle=False) as file:
            found = (file["upright"], file["mirrored"])
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return None
    if all(a.shape == (count, SIZE) and a.dtype == np.float32 for a in found):
        return found
    return None
