"""One look at every image of a data set, by several processes where it is large."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from nftgan.dataset.archive import Dataset
from nftgan.dataset.duplicates import Fingerprint, fingerprint
from nftgan.dataset.orientations import image_key
from nftgan.dataset.parallel import Crashed, ordered_map, worker_count
from nftgan.errors import UsageError
from nftgan.pixels import pixel_digest
from nftgan.progress import SILENT, Progress

CHUNK = 64  # images that a process looks at before it tells
LARGE_BYTES = 128 << 20  # of pixels, from which on several processes are worth their start


@dataclass(frozen=True)
class Seen:
    """What was found out about one image; key and twins only where a hold-out asks for them."""

    digest: str
    key: str = ""  # the same for its turned and mirrored copies
    fingerprint: Fingerprint | None = None  # by which near copies are found

    @property
    def looks(self) -> tuple[str, Fingerprint]:
        """What a TwinFinder compares."""
        assert self.fingerprint is not None
        return self.digest, self.fingerprint


@dataclass(frozen=True)
class _Part:
    path: Path
    start: int
    stop: int
    keys: bool


def survey(
    dataset: Dataset, *, keys: bool, what: str, progress: Progress = SILENT
) -> Iterator[Seen]:
    """Each image in order. keys: also what a hold-out needs. what: for the progress line.

    Raises UsageError for the first image that is broken or not like the first one.
    """
    count = len(dataset)
    pixels = count * dataset.channels * dataset.resolution**2
    with progress.task(what, count, "images") as task:
        if pixels < LARGE_BYTES or (workers := worker_count(count)) == 1:
            for index in range(count):
                yield _look(dataset, index, keys)
                task.advance()
            return
        parts = [
            _Part(dataset.path, start, min(start + CHUNK, count), keys)
            for start in range(0, count, CHUNK)
        ]
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


_opened: dict[Path, Dataset] = {}  # in a worker process


def _look_at(part: _Part) -> list[Seen] | UsageError:
    try:
        if part.path not in _opened:
            _opened[part.path] = Dataset.open(part.path, cache=False)
        dataset = _opened[part.path]
        return [_look(dataset, index, part.keys) for index in range(part.start, part.stop)]
    except UsageError as exc:
        return exc


def _look(dataset: Dataset, index: int, keys: bool) -> Seen:
    pixels = dataset.hwc(index)
    if not keys:
        return Seen(pixel_digest(pixels))
    image = Image.fromarray(np.ascontiguousarray(pixels)).convert("RGB")
    return Seen(pixel_digest(pixels), image_key(pixels), fingerprint(image))
