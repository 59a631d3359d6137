"""Picking seeds: whole ones by their parts, different ones by distance, no copies at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np

from nftgan.collection.features import distances, features, nearest
from nftgan.collection.novelty import (
    MEDIAN_SHARE,
    Neighbour,
    NoveltyGuard,
    Scale,
    calibrate,
)
from nftgan.collection.parts import ArtParts, reduced
from nftgan.collection.quality import Order, order
from nftgan.dataset.archive import Dataset
from nftgan.errors import UsageError
from nftgan.pixels import pixel_hash
from nftgan.progress import SILENT, Progress
from nftgan.synthesis.canonical import SAFE_MARGIN
from nftgan.synthesis.finish import apply_finish
from nftgan.synthesis.model import Model
from nftgan.synthesis.recipe import Recipe

QUALITY_WEIGHT = 0.7
SHORTLIST = 0.05  # share of the candidates that quality alone does not rule out
BLANK_LEVELS = 8  # an image whose pixels all lie this close together shows nothing


@dataclass(frozen=True)
class Pick:
    """A seed that was picked and why it may stay."""

    seed: int
    quality: float | None  # 0 the worst to 1 the best candidate
    neighbour: Neighbour | None  # closest training image, where the training art was given
    copy: str | None = None  # why it would be refused, where copies are allowed


@dataclass(frozen=True)
class Refusal:
    """A seed that may not be a piece, with the reason in words."""

    seed: int
    reason: str


@dataclass(frozen=True)
class Selection:
    """What `auto_pick` found; the candidates in neither list were fine but not needed."""

    picks: tuple[Pick, ...]  # in the order in which they were picked, the best first
    refused: tuple[Refusal, ...]  # by seed
    judged_by: str | None = None  # what told which are good, in words; None: nothing did

    @property
    def seeds(self) -> tuple[int, ...]:
        """The picked seeds in rising order: a token's number says nothing about its quality."""
        return tuple(sorted(pick.seed for pick in self.picks))


@dataclass(frozen=True)
class _Candidate:
    seed: int
    row: np.ndarray  # features of the finished image
    hash: str  # of the finished preview, before it is enlarged
    neighbour: Neighbour | None
    small: np.ndarray  # uint8 [S, S, 3]: what its parts are seen in
    copy: str | None = None


def auto_pick(
    model: Model,
    seeds: Sequence[int],
    count: int,
    training: Dataset | None = None,
    *,
    recipe: Recipe | None = None,
    quality_weight: float = QUALITY_WEIGHT,
    allow_copies: bool = False,
    progress: Progress = SILENT,
) -> Selection:
    """`count` of `seeds` that look good and unlike each other, none a copy of `training`.

    Blank images and near copies of training art are refused first. Of the rest, the best twentieth
    (but at least twice `count`) is the shortlist: with `training`, those whose parts are most like
    parts of the art (`ArtParts`), else by what `order` has. Then one by one the seed with the
    largest quality_weight * quality + (1 - quality_weight) * distance is taken:
    quality is the rank in [0, 1], distance that to the closest pick so far, in usual distances and
    at most 1 so that broken outliers win nothing by being far. A seed too close to a pick is
    refused, and so is one whose canonical image another machine could round differently.
    With neither art nor discriminator only distance counts. With `allow_copies` near copies of
    training art compete like the others, and their picks say so.
    Quality orders images of one model; it is no measure of how good a model is.

    Raises UsageError when fewer than `count` seeds are acceptable.
    """
    seeds = sorted({int(seed) for seed in seeds})  # so that their order changes nothing
    if not 1 <= count <= len(seeds):
        raise UsageError(
            f"cannot pick {count} of {len(seeds)} seeds",
            hint=f"give more seeds, for example --seeds 0-{8 * max(count, 1) - 1}",
        )
    recipe = recipe or model.recipe()
    guard = NoveltyGuard(training, progress=progress) if training is not None else None
    parts = None
    if training is not None:
        parts = ArtParts(training, recipe.finish, side=model.resolution, progress=progress)
    candidates, refused = _look(model, seeds, recipe, guard, progress, allow_copies)
    rows = np.stack([c.row for c in candidates]) if candidates else np.empty((0, 1))
    scale = calibrate(rows) if len(rows) > 1 else Scale(0.0, 0.0)
    found = _order(model, candidates, recipe, parts)
    quality = np.zeros(len(candidates)) if found is None else found.values
    pools = _pools(candidates, quality, count, scored=found is not None)
    while True:
        picked, copies = _pick(pools, candidates, rows, quality, count, quality_weight, scale)
        margins = {i: model.render_checked(candidates[i].seed, recipe).margin for i in picked}
        unsafe = {i for i, margin in margins.items() if margin < SAFE_MARGIN}
        if not unsafe:
            break
        refused.extend(
            Refusal(candidates[i].seed, "a pixel on a rounding step") for i in sorted(unsafe)
        )
        pools = [[i for i in pool if i not in unsafe] for pool in pools]
    refused.extend(copies)
    if len(picked) < count:
        raise UsageError(
            f"only {len(picked)} of {len(seeds)} seeds are acceptable: {len(refused)} were"
            f" refused, the first ({refused[0].seed}) as {refused[0].reason}"
            if refused
            else f"only {len(picked)} of {len(seeds)} seeds are acceptable",
            hint="give more seeds, or train with more art: the model may repeat what it saw",
        )
    return Selection(
        tuple(
            Pick(
                candidates[i].seed,
                None if found is None else round(float(quality[i]), 4),
                candidates[i].neighbour,
                candidates[i].copy,
            )
            for i in picked
        ),
        tuple(sorted(refused, key=lambda refusal: refusal.seed)),
        None if found is None else found.by,
    )


def likenesses(
    model: Model,
    seeds: Sequence[int],
    training: Dataset | None = None,
    *,
    recipe: Recipe | None = None,
    origins: Mapping[int, np.ndarray] | None = None,
    progress: Progress = SILENT,
) -> tuple[Refusal, ...]:
    """Which of `seeds`, picked by hand and in this order, should not be pieces, and why.

    Blank images, near copies of `training`, and an image that equals an earlier one or lies
    closer to it than a third of the usual distance between the picks. origins: of latents, the
    image uint8 [R, R, 3] that each was projected from: a piece made after training art is a copy
    of it, however far the search came.
    """
    guard = NoveltyGuard(training, progress=progress) if training is not None else None
    candidates, refused = _look(
        model,
        seeds,
        recipe or model.recipe(),
        guard,
        progress,
        allow_copies=False,
        origins=origins or {},
    )
    by_hash: dict[str, int] = {}
    rows = np.stack([c.row for c in candidates]) if candidates else np.empty((0, 1))
    # The closest 1 % of a hundred picks are no twins by that alone, so the median decides.
    least = calibrate(rows).median * MEDIAN_SHARE if len(rows) > 1 else 0.0
    for number, one in enumerate(candidates):
        twin = by_hash.setdefault(one.hash, one.seed)
        if twin == one.seed and number:
            index, away = nearest(one.row[None], rows[:number])
            if away[0] < least:
                twin = candidates[int(index[0])].seed
        if twin != one.seed:
            refused.append(Refusal(one.seed, f"nearly the same image as seed {twin}"))
    order = {seed: number for number, seed in enumerate(seeds)}
    return tuple(sorted(refused, key=lambda refusal: order[refusal.seed]))


def _look(
    model: Model,
    seeds: Sequence[int],
    recipe: Recipe,
    guard: NoveltyGuard | None,
    progress: Progress,
    allow_copies: bool,
    *,
    origins: Mapping[int, np.ndarray] = MappingProxyType({}),
) -> tuple[list[_Candidate], list[Refusal]]:
    """Every seed's preview once: refused, or measured."""
    # Copies are looked for before the finish, which could hide them.
    side = model.resolution
    raw = replace(recipe, finish=None, size=(side, side))
    candidates, refused = [], []
    with progress.task("looking at candidates", len(seeds), "images") as task:
        for seed, image in model.previews(seeds, raw):
            task.advance()
            row = features(image)
            if int(image.max()) - int(image.min()) <= BLANK_LEVELS:
                refused.append(Refusal(seed, "a blank image"))
                continue
            neighbour = reason = None
            if guard is not None:
                reason, neighbour = guard.judge(image, row)
                if reason is None and seed in origins:
                    origin = origins[seed]
                    why, _ = guard.judge(origin, features(origin))
                    reason = why and f"projected from an image that is {why}"
                if reason is not None and not allow_copies:
                    refused.append(Refusal(seed, reason))
                    continue
            if recipe.finish is not None:
                # An enlargement makes no two images more alike than they are.
                image = apply_finish(image, replace(recipe.finish, upscale=1))
                row = features(image)
            small = reduced(image)
            candidates.append(_Candidate(seed, row, pixel_hash(image), neighbour, small, reason))
    return candidates, refused


def _order(
    model: Model, candidates: Sequence[_Candidate], recipe: Recipe, parts: ArtParts | None
) -> Order | None:
    """How good the candidates seem; None without art and discriminator."""

    def logits() -> list[float]:
        side = model.resolution
        raw = replace(recipe, finish=None, size=(side, side))
        seeds = [one.seed for one in candidates]
        return [
            float(model.score(image[None], recipe.class_idx, recipe.condition)[0])
            for _, image in model.previews(seeds, raw)
        ]

    judge = parts if parts is not None and parts.known else None
    return order(
        parts=None
        if judge is None
        else (judge.distances([c.small for c in candidates]), judge.own),
        ratios=None
        if parts is None
        else [c.neighbour.ratio if c.neighbour else 0.0 for c in candidates],
        logits=None if model.discriminator is None else logits,
    )


def _pools(
    candidates: Sequence[_Candidate], quality: np.ndarray, count: int, *, scored: bool
) -> list[list[int]]:
    """Indices, the best first: the shortlist, then those that step in when copies thin it out."""
    order = sorted(range(len(candidates)), key=lambda i: (-quality[i], candidates[i].seed))
    size = max(2 * count, int(len(candidates) * SHORTLIST))
    return [order[:size], order[size:]] if scored else [order]


def _pick(
    pools: Sequence[Sequence[int]],
    candidates: Sequence[_Candidate],
    rows: np.ndarray,
    quality: np.ndarray,
    count: int,
    weight: float,
    scale: Scale,
) -> tuple[list[int], list[Refusal]]:
    """Greedy picks (indices) and the candidates that were too close to one of them."""
    picked: list[int] = []
    refused: list[Refusal] = []
    apart = np.full(len(candidates), np.inf)
    closest = np.zeros(len(candidates), dtype=np.int64)
    hashes: dict[str, int] = {}
    for pool in pools:
        left = list(pool)
        while left and len(picked) < count:
            near = np.minimum(apart[left] / (scale.median or 1.0), 1.0)
            value = weight * quality[left] + (1 - weight) * near
            # Rounded, so that equals are equal whatever the last bit; then the first in the pool.
            best = left.pop(int(np.round(value, 9).argmax()))
            twin = hashes.get(candidates[best].hash)
            if twin is None and apart[best] < scale.threshold:
                twin = candidates[closest[best]].seed
            if twin is not None:
                refused.append(
                    Refusal(candidates[best].seed, f"nearly the same image as seed {twin}")
                )
                continue
            picked.append(best)
            hashes[candidates[best].hash] = candidates[best].seed
            away = distances(rows, rows[best][None])[:, 0]
            closer = away < apart
            apart[closer], closest[closer] = away[closer], best
    return picked, refused
