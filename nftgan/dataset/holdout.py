"""Which images are kept from training, so that a model is judged by art it never saw.

The side of an image follows from its pixels alone: it stays the same when others are added, taken
away, renamed or reordered, and its turned and mirrored copies are on its side.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from nftgan.dataset.archive import Dataset
from nftgan.dataset.duplicates import TwinFinder, fingerprint
from nftgan.errors import UsageError
from nftgan.pixels import pixel_digest
from nftgan.progress import SILENT, Progress

ENOUGH = 500  # images from which on some can be spared
FRACTION = 0.1
HASH_BITS = 6  # of 64 that the perceptual hashes of near copies differ in, as in `prepare`


@dataclass(frozen=True)
class Split:
    """Indices of a data set's images, int64, ascending: to learn from, and held out."""

    train: np.ndarray
    held: np.ndarray


def default_fraction(images: int) -> float:
    """The share held out of a data set of that many images: a tenth from 500 on, else none."""
    return FRACTION if images >= ENOUGH else 0.0


def split(keys: Sequence[str], fraction: float) -> tuple[np.ndarray, np.ndarray]:
    """(train, held) indices, int64, ascending: each key decides for itself, equal keys alike.

    keys: any texts, best those of `image_key`; about `fraction` of them are held out. A larger
    fraction holds out what a smaller one does, and more. Raises UsageError unless fraction lies
    in [0, 1).
    """
    if not 0 <= fraction < 1:
        raise UsageError(f"a share of {fraction:g} cannot be held out", hint="use 0.05 to 0.3")
    limit = int(fraction * 2**64)
    held = np.array([_number(key) < limit for key in keys], dtype=bool)
    return np.flatnonzero(~held), np.flatnonzero(held)


def _number(key: str) -> int:
    """A uniform number below 2^64, unrelated to what else hashes of images are used for."""
    return int.from_bytes(hashlib.sha256(b"nftgan-holdout-1" + key.encode()).digest()[:8], "big")


def image_key(pixels: np.ndarray) -> str:
    """One text for an image uint8 [H, W, 3] or [H, W] and its turned and mirrored copies."""
    return min(pixel_digest(one) for one in orientations(pixels))


def orientations(pixels: np.ndarray) -> Iterable[np.ndarray]:
    """The 8 ways to lay down an image [H, W, ...]: four turns, upright and mirrored."""
    for one in (pixels, pixels[:, ::-1]):
        for turns in range(4):
            yield np.rot90(one, turns)


def split_dataset(
    dataset: Dataset, fraction: float | None = None, *, progress: Progress = SILENT
) -> Split:
    """Which images of `dataset` to learn from and which to judge by.

    fraction: None for `default_fraction`. A held-out image with a near copy among the others goes
    to them: it would be a question whose answer was learnt. Every image is read, unless 0 are
    held out. Raises UsageError for a broken image, or when one side would be empty.
    """
    fraction = default_fraction(len(dataset)) if fraction is None else fraction
    if fraction == 0:
        return Split(np.arange(len(dataset)), np.empty(0, dtype=np.int64))
    keys, prints, finder = [], [], TwinFinder(HASH_BITS)
    with progress.task("choosing images to hold out", len(dataset), "images") as task:
        for index in range(len(dataset)):
            pixels = dataset.images([index])[0]
            pixels = pixels.transpose(1, 2, 0) if len(pixels) == 3 else pixels[0]
            keys.append(image_key(pixels))
            image = Image.fromarray(np.ascontiguousarray(pixels)).convert("RGB")
            prints.append((pixel_digest(pixels), fingerprint(image)))
            task.advance()
    train, held = split(keys, fraction)
    for index in train:
        finder.add(dataset.names[index], *prints[index])
    copies = [index for index in held if finder.twin(*prints[index]) is not None]
    train = np.sort(np.concatenate([train, np.array(copies, dtype=np.int64)]))
    held = np.setdiff1d(held, train)
    if not len(train) or not len(held):
        raise UsageError(
            f"{dataset.path}: {fraction:g} of {len(dataset)} images leaves one side empty",
            hint="the images are near copies of one another: --holdout 0 goes on without",
        )
    return Split(train, held)
