"""One look at every image of a data set, by several processes where it is large."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from nftgan.alpha import over
from nftgan.dataset.archive import Dataset
from nftgan.dataset.duplicates import Look, fingerprint
from nftgan.dataset.orientations import coarse_key, image_key
from nftgan.dataset.parallel import Crashed, ordered_map, worker_count
from nftgan.errors import UsageError
from nftgan.pixels import pixel_digest
from nftgan.progress import SILENT, Progress

CHUNK = 64  # images that a process looks at before it tells
LARGE_BYTES = 128 << 20  # of pixels, from which on several processes are worth their start
KEY_BY_RULE: dict[int, Callable[[np.ndarray], str]] = {1: image_key, 2: coarse_key}
"""What names an image and its turned and mirrored copies, by the rule of who is held out."""


@dataclass(frozen=True)
class Seen:
    """What was found out about one image; key and twins only where a hold-out asks for them."""

    digest: str
    key: str = ""  # the same for its turned and mirrored copies
    fingerprint: Look | None = None  # by which near copies are found

    @property
    def looks(self) -> tuple[str, Look]:
        """What a TwinFinder compares."""
        assert self.fingerprint is not None
        return self.digest, self.fingerprint


@dataclass(frozen=True)
class _Part:
    path: Path
    start: int
    stop: int
    rule: int | None


def survey(
    dataset: Dataset, *, rule: int | None, what: str, progress: Progress = SILENT
) -> Iterator[Seen]:
    """Each image in order. rule: of KEY_BY_RULE, for also what a hold-out needs. what: for the
    progress line.

    Raises UsageError for the first image that is broken or not like the first one.
    """
    count = len(dataset)
    pixels = count * dataset.channels * dataset.resolution**2
    with progress.task(what, count, "images") as task:
        if pixels < LARGE_BYTES or (workers := worker_count(count)) == 1:
            for index in range(count):
                yield _look(dataset, index, rule)
                task.advance()
            return
        parts = [
            _Part(dataset.path, start, min(start + CHUNK, count), rule)
            for start in range(0, count, CHUNK)
        ]
        with _inherited(dataset):
            for part, found in zip(parts, ordered_map(_look_at, parts, workers), strict=True):
                if isinstance(found, Crashed):
                    names = f"{dataset.names[part.start]} to {dataset.names[part.stop - 1]}"
                    raise UsageError(
                        f"{dataset.path}: one of the images {names} ends the program that reads it",
                        hint="nftgan prepare finds it, and uses the others",
                    )
                if isinstance(found, UsageError):
                    raise found
                yield from found
                task.advance(len(found))


_opened: dict[Path, Dataset] = {}  # of a worker process, or what it finds when it is forked


@contextmanager
def _inherited(dataset: Dataset) -> Iterator[None]:
    """Workers that are forked find the data set open: 70,000 names and their notes take seconds."""
    lent = copy.copy(dataset)
    lent.forget_images()
    _opened[dataset.path] = lent
    try:
        yield
    finally:
        _opened.pop(dataset.path, None)


def _look_at(part: _Part) -> list[Seen] | UsageError:
    try:
        if part.path not in _opened:
            _opened[part.path] = Dataset.open(part.path, cache=False)
        dataset = _opened[part.path]
        return [_look(dataset, index, part.rule) for index in range(part.start, part.stop)]
    except UsageError as exc:
        return exc


def _look(dataset: Dataset, index: int, rule: int | None) -> Seen:
    pixels = dataset.hwc(index)
    if rule is None:
        return Seen(pixel_digest(pixels))
    pixels = np.ascontiguousarray(pixels)
    image = Image.fromarray(over(pixels))
    if image.mode != "RGB":
        image = image.convert("RGB")
    return Seen(pixel_digest(pixels), KEY_BY_RULE[rule](pixels), fingerprint(image))
