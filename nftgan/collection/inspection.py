"""Inspecting candidates: what is seen in an image, how good it seems, how safely it is rounded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Protocol

import numpy as np

from nftgan.alpha import looked_at
from nftgan.collection.features import features
from nftgan.collection.novelty import Neighbour, NoveltyGuard
from nftgan.collection.parts import reduced
from nftgan.dataset.archive import Dataset
from nftgan.pixels import pixel_hash
from nftgan.progress import SILENT, Progress
from nftgan.synthesis.finish import apply_finish
from nftgan.synthesis.model import Model
from nftgan.synthesis.recipe import Recipe

BLANK_LEVELS = 8  # an image whose pixels all lie this close together shows nothing


@dataclass(frozen=True)
class Refusal:
    """A seed that may not be a piece, with the reason in words."""

    seed: int
    reason: str


@dataclass(frozen=True)
class Candidate:
    """What is seen in the preview of a seed that may be a piece."""

    seed: int
    row: np.ndarray  # features of the finished image
    hash: str  # of the finished preview, before it is enlarged
    neighbour: Neighbour | None
    small: np.ndarray  # uint8 [S, S, 3]: what its parts are seen in
    copy: str | None = None  # why it would be refused, where copies are allowed


class Inspector(Protocol):
    """Who inspects: this process, or several that share the seeds. Answers in the seeds' order."""

    def inspect(self, seeds: Sequence[int]) -> Sequence[Candidate | Refusal]:
        """What is seen in each preview, or why it is refused."""

    def logits(self, seeds: Sequence[int]) -> Sequence[float]:
        """What the discriminator says of each preview; larger is more real."""

    def margins(self, seeds: Sequence[int]) -> Sequence[float]:
        """Grey levels by which the rounding of each canonical image is safe."""


class LocalInspector:
    """Inspects in this process; see `Inspector`."""

    def __init__(
        self,
        model: Model,
        recipe: Recipe,
        guard: NoveltyGuard | None = None,
        *,
        allow_copies: bool = False,
        origins: Mapping[int, np.ndarray] = MappingProxyType({}),
        progress: Progress = SILENT,
    ) -> None:
        """guard: of the training art, which no piece may copy unless `allow_copies`. origins: of
        seeds, another image uint8 [R, R, 3 or 4] that may be no copy of it.
        """
        self.model, self.recipe, self.guard = model, recipe, guard
        self.allow_copies, self._origins, self._progress = allow_copies, origins, progress
        # Copies are looked for before the finish, which could hide them.
        side = model.resolution
        self._raw = replace(recipe, finish=None, size=(side, side))

    def inspect(self, seeds: Sequence[int]) -> list[Candidate | Refusal]:
        with self._progress.task("looking at candidates", len(seeds), "images") as task:
            found = []
            for one in self._inspected(seeds):
                task.advance()
                found.append(one)
        return found

    def logits(self, seeds: Sequence[int]) -> list[float]:
        """Raises UsageError where the model has no discriminator."""
        recipe = self.recipe
        return [
            float(self.model.score(image[None], recipe.class_idx, recipe.condition)[0])
            for _, image in self.model.previews(seeds, self._raw)
        ]

    def margins(self, seeds: Sequence[int]) -> list[float]:
        return [float(self.model.render_checked(seed, self.recipe).margin) for seed in seeds]

    def _inspected(self, seeds: Sequence[int]) -> Iterator[Candidate | Refusal]:
        for seed, image in self.model.previews(seeds, self._raw):
            row = features(image)
            if is_blank(image):
                yield Refusal(seed, "a blank image")
                continue
            neighbour = reason = None
            if self.guard is not None:
                reason, neighbour = self._judged(seed, image, row, self.guard)
                if reason is not None and not self.allow_copies:
                    yield Refusal(seed, reason)
                    continue
            if self.recipe.finish is not None:
                # An enlargement makes no two images more alike than they are.
                image = apply_finish(image, self.recipe.finish.without_enlargement)
                row = features(image)
            yield Candidate(seed, row, pixel_hash(image), neighbour, reduced(image), reason)

    def _judged(
        self, seed: int, image: np.ndarray, row: np.ndarray, guard: NoveltyGuard
    ) -> tuple[str | None, Neighbour]:
        reason, neighbour = guard.judge(image, row)
        if reason is None and seed in self._origins:
            origin = self._origins[seed]
            why, _ = guard.judge(origin, features(origin))
            reason = why and f"projected from an image that is {why}"
        return reason, neighbour


def is_blank(image: np.ndarray) -> bool:
    """Whether nothing is seen in uint8 [H, W, 3 or 4], by colour or by transparency."""
    shown = looked_at(image)
    parts = [shown] if image.shape[2] == 3 else [shown, image[..., 3]]
    return all(int(one.max()) - int(one.min()) <= BLANK_LEVELS for one in parts)


def art_key(training: Dataset | None) -> str:
    """Names the training art cheaply: its fingerprint would decode every image."""
    if training is None:
        return ""
    facts = training.path.stat()
    return f"{training.path.resolve()} {facts.st_size} {facts.st_mtime_ns} {len(training)}"
