"""Which images are kept from training, so that a model is judged by art it never saw.

The side of an image follows from its pixels alone: it stays the same when others are added, taken
away, renamed or reordered, and its turned and mirrored copies are on its side.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nftgan.dataset.archive import Dataset
from nftgan.dataset.duplicates import TwinFinder
from nftgan.dataset.known import keep_fingerprint, keep_held, known_fingerprint, known_held
from nftgan.dataset.pack import fingerprint_of
from nftgan.dataset.survey import KEY_BY_RULE, Seen, survey
from nftgan.errors import NftganError, UsageError
from nftgan.progress import SILENT, Progress

ENOUGH = 500  # images from which on some can be spared
FRACTION = 0.1
RULE = 2  # of who is held out, for new runs; earlier ones are split by the rule they began with
HASH_BITS = 6  # of 64 that the perceptual hashes of near copies differ in, as in `prepare`


class CannotSplit(UsageError):
    """All images are near copies of one another, or too few."""


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

    keys: any texts, best those of `survey.KEY_BY_RULE`; about `fraction` of them are held out. A
    larger fraction holds out what a smaller one does, and more. Raises UsageError unless fraction
    lies in [0, 1).
    """
    if not 0 <= fraction < 1:
        raise UsageError(f"a share of {fraction:g} cannot be held out", hint="use 0.05 to 0.3")
    limit = int(fraction * 2**64)
    held = np.array([_number(key) < limit for key in keys], dtype=bool)
    return np.flatnonzero(~held), np.flatnonzero(held)


def _number(key: str) -> int:
    """A uniform number below 2^64, unrelated to what else hashes of images are used for."""
    return int.from_bytes(hashlib.sha256(b"nftgan-holdout-1" + key.encode()).digest()[:8], "big")


def split_dataset(
    dataset: Dataset,
    fraction: float | None = None,
    *,
    rule: int = RULE,
    progress: Progress = SILENT,
) -> Split:
    """Which images of `dataset` to learn from and which to judge by.

    fraction: None for `default_fraction`. rule: of `survey.KEY_BY_RULE`, by which an image is
    named; that of a run is in its record, and stays. A held-out image with a near copy among the
    others goes to them: it would be a question whose answer was learnt. Every image is read, unless
    0 are held out, and once for the same files. Raises UsageError for a broken image and for a rule
    of a later version, CannotSplit when one side would be empty.
    """
    fraction = default_fraction(len(dataset)) if fraction is None else fraction
    if fraction == 0:
        return Split(np.arange(len(dataset)), np.empty(0, dtype=np.int64))
    if type(rule) is not int or rule not in KEY_BY_RULE:
        raise UsageError(
            f"images are held out by rule {str(rule)[:40]}, which this version does not know",
            hint="update nftgan to the version that trained the model",
        )
    kept_as = f"{rule} {fraction!r}"
    held = known_held(dataset.state, kept_as, len(dataset))
    if held is None:
        held = _held(dataset, fraction, rule, progress)
        keep_held(dataset.state, kept_as, held)
    train = np.setdiff1d(np.arange(len(dataset)), held)
    if not len(train) or not len(held):
        raise CannotSplit(
            f"{dataset.path}: {fraction:g} of {len(dataset)} images leaves one side empty",
            hint="the images are near copies of one another: --holdout 0 goes on without",
        )
    return Split(train, held)


def usable_fraction(dataset: Dataset, asked: float | None, *, progress: Progress = SILENT) -> float:
    """The share to hold out: `asked`, else the default, else 0 where that cannot be.

    One look at each image finds out what `fingerprint` and `split_dataset` will tell; later looks
    at the same files, also of other sessions, find it in the cache. Raises UsageError for a broken
    image, CannotSplit when what was asked for cannot be.
    """
    fraction = default_fraction(len(dataset)) if asked is None else asked
    try:
        split_dataset(dataset, fraction, progress=progress)
    except CannotSplit:
        if asked is not None:
            raise
        fraction = 0.0
        progress.warn(
            f"no image of {dataset.path} is held out, as all are near copies of one another:"
            " scores compare with all of them"
        )
    if known_fingerprint(dataset.state) is None:
        looks = survey(dataset, rule=None, what="reading the images", progress=progress)
        _keep_fingerprint(dataset, [one.digest for one in looks])
    return fraction


def remember(path: Path, found: Sequence[Seen]) -> None:
    """Keep what is known of the data set that was just written to `path`: training on it begins at
    once. found: of each image in order, by RULE.
    """
    with suppress(NftganError):  # what cannot be read is told when it is used
        dataset = Dataset.open(path, cache=False)
        _keep_fingerprint(dataset, [one.digest for one in found])
        fraction = default_fraction(len(dataset))
        if fraction:
            keep_held(dataset.state, f"{RULE} {fraction!r}", _chosen(dataset, found, fraction))


def _held(dataset: Dataset, fraction: float, rule: int, progress: Progress) -> np.ndarray:
    """Indices held out, int64 ascending: those whose key says so, without copies of the others."""
    found = list(survey(dataset, rule=rule, what="choosing images to hold out", progress=progress))
    _keep_fingerprint(dataset, [one.digest for one in found])
    return _chosen(dataset, found, fraction)


def _chosen(dataset: Dataset, found: Sequence[Seen], fraction: float) -> np.ndarray:
    train, held = split([one.key for one in found], fraction)
    finder = TwinFinder(HASH_BITS)
    for index in train:
        finder.add(dataset.names[index], *found[index].looks)
    alone = [index for index in held if finder.twin(*found[index].looks) is None]
    return np.array(alone, dtype=np.int64)


def _keep_fingerprint(dataset: Dataset, digests: Sequence[str]) -> None:
    keep_fingerprint(dataset.state, fingerprint_of(zip(dataset.names, digests, strict=True)))
