"""Which pictures of a data set a run must not see: those that it is later judged against."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from nftgan.dataset.archive import Dataset

FEWEST = 500
"""Pictures from which some can be spared."""
DEFAULT_FRACTION = 0.1
_CHUNK = 64


def default_fraction(images: int) -> float:
    """A tenth, or nothing of a small set, where every picture is needed."""
    return DEFAULT_FRACTION if images >= FEWEST else 0.0


def split(
    digests: Sequence[bytes], fraction: float
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Indices (to train on, held out) of items by their digests, both ascending.

    An item's side depends on its digest alone: equal items share it, and adding others never moves
    it. About `fraction` is held out. Everything is trained on when nothing else would be left.
    """
    limit = int(fraction * 2**64)
    drawn = [hashlib.sha256(b"nftgan-holdout-1" + digest).digest()[:8] for digest in digests]
    held = np.array([int.from_bytes(number, "big") < limit for number in drawn], dtype=bool)
    if held.all():
        held[:] = False
    return np.flatnonzero(~held), np.flatnonzero(held)


def held_out(
    dataset: Dataset, fraction: float
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """`split` of a data set's pictures; a picture and its mirror image fall on one side."""
    if fraction <= 0:
        return np.arange(len(dataset)), np.arange(0)
    return split(list(_digests(dataset)), fraction)


def _digests(dataset: Dataset) -> Iterator[bytes]:
    for first in range(0, len(dataset), _CHUNK):
        for picture in dataset.images(range(first, min(first + _CHUNK, len(dataset)))):
            mirrored = np.ascontiguousarray(picture[:, :, ::-1])
            yield min(hashlib.sha256(each.tobytes()).digest() for each in (picture, mirrored))
