"""The fakes of evaluate: generated and measured by all processes, kept for a run that goes on."""

from __future__ import annotations

import contextlib
import json
import shutil
import time
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nftgan.errors import UsageError
from nftgan.files import canonical_json, parse_json, sha256_hex, write_bytes
from nftgan.metrics.observed import Observed, Observer
from nftgan.progress import Progress
from nftgan.project import state_home
from nftgan.synthesis.model import Model, RecipeOptions
from nftgan.training.distributed import Distributed
from nftgan.training.shares import shared

BATCH = 16
WORTH_KEEPING = 8
"""Batches: fewer are made again as fast as they are kept."""
KEPT_SECONDS = 7 * 24 * 3600
"""Parts of a run that nobody went on with are deleted after that."""


Told = int | tuple[float, ...] | None
"""What the model is told for a fake: a class, a vector of conditions, or nothing."""


def spoken(told: Told, trunc: float) -> RecipeOptions:
    """As options of a recipe."""
    if isinstance(told, tuple):
        return {"truncation_psi": trunc, "condition": told}
    return {"truncation_psi": trunc, "class_idx": told}


@dataclass(frozen=True)
class Fakes:
    """Which images are generated: (seed, what the model is told) of each, in batches of one."""

    batches: tuple[tuple[tuple[int, Told], ...], ...]
    trunc: float

    @classmethod
    def of(cls, order: Sequence[tuple[int, Told]], trunc: float) -> Fakes:
        """order: seeds and what the model is told, equals together."""
        groups: dict[Told, list[tuple[int, Told]]] = {}
        for one in order:
            groups.setdefault(one[1], []).append(one)
        return cls(
            tuple(
                tuple(group[start : start + BATCH])
                for group in groups.values()
                for start in range(0, len(group), BATCH)
            ),
            trunc,
        )

    def told(self) -> str:
        """As text for another process."""
        return json.dumps([self.batches, self.trunc])

    @classmethod
    def heard(cls, text: str) -> Fakes:
        batches, trunc = parse_json(text.encode())
        return cls(tuple(tuple(map(_heard, batch)) for batch in batches), trunc)

    def key(self, model: Model, what: Sequence[str]) -> str:
        """Names the images and what is measured of them."""
        return sha256_hex(canonical_json([model.identity, self.told(), list(what)]))[:32]


def observe(
    fakes: Fakes,
    model: Model,
    observer: Observer,
    group: Distributed,
    progress: Progress,
    *,
    what: Sequence[str],
) -> Observed | None:
    """What is measured of all fakes, in their order; None on the other processes of a group.

    what: names of the metrics and the seed. Batches that were measured by a run that was cut off
    are taken from the state folder. Raises PartlyDone when a process has died.
    """
    starts = np.cumsum([0, *map(len, fakes.batches)]).tolist()
    folder = state_home() / "cache" / "evaluate" / fakes.key(model, what)
    keeps = len(fakes.batches) >= WORTH_KEEPING
    _prune(folder.parent, folder)

    def make(item: int) -> bytes:
        path = folder / f"{item}.npz"
        if keeps and (kept := _kept(path)) is not None:
            return kept
        seeds, told = [seed for seed, _ in fakes.batches[item]], fakes.batches[item][0][1]
        previews = model.previews(seeds, **spoken(told, fakes.trunc))
        images = np.stack([image.transpose(2, 0, 1) for _, image in previews])
        data = observer(images, starts[item]).packed()
        if keeps:
            with contextlib.suppress(UsageError):  # a full disk: it is made again
                write_bytes(path, data)
        return data

    with progress.task("generating and measuring", starts[-1], "images") as task:
        found = shared(
            group, "fakes", len(fakes.batches), make, lambda n: task.update(completed=starts[n])
        )
    shutil.rmtree(folder, ignore_errors=True)
    if not group.is_main:
        return None
    return Observed.joined(Observed.unpacked(found.pop(item)) for item in sorted(found))


def _heard(one: list[Any]) -> tuple[int, Told]:
    seed, told = one
    return seed, tuple(map(float, told)) if isinstance(told, list) else told


def _kept(path: Path) -> bytes | None:
    try:
        data = path.read_bytes()
        Observed.unpacked(data)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return None
    return data


def _prune(parent: Path, keep: Path) -> None:
    try:
        for folder in parent.iterdir():
            if folder != keep and time.time() - folder.stat().st_mtime > KEPT_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)
    except OSError:
        return
