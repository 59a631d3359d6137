"""Picking seeds: whole ones by their parts, different ones by distance, no copies at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nftgan.collection.features import distances, nearest
from nftgan.collection.inspection import Candidate, Inspector, LocalInspector, Refusal
from nftgan.collection.novelty import (
    MEDIAN_SHARE,
    Neighbour,
    NoveltyGuard,
    Scale,
    calibrate,
)
from nftgan.collection.parts import ArtParts
from nftgan.collection.quality import Order, order
from nftgan.dataset.archive import Dataset
from nftgan.errors import UsageError
from nftgan.progress import SILENT, Progress
from nftgan.synthesis.canonical import SAFE_MARGIN
from nftgan.synthesis.model import Model
from nftgan.synthesis.recipe import Recipe

QUALITY_WEIGHT = 0.7
SHORTLIST = 0.05  # share of the candidates that quality alone does not rule out


@dataclass(frozen=True)
class Pick:
    """A seed that was picked and why it may stay."""

    seed: int
    quality: float | None  # 0 the worst to 1 the best candidate
    neighbour: Neighbour | None  # closest training image, where the training art was given
    copy: str | None = None  # why it would be refused, where copies are allowed


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


def auto_pick(
    model: Model,
    seeds: Sequence[int],
    count: int,
    training: Dataset | None = None,
    *,
    recipe: Recipe | None = None,
    quality_weight: float = QUALITY_WEIGHT,
    allow_copies: bool = False,
    inspector: Inspector | None = None,
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
    Quality orders images of one model; it is no measure of how good a model is. inspector: who
    inspects the candidates, by `recipe` and beside `training`; None: this process.

    Raises UsageError when fewer than `count` seeds are acceptable.
    """
    seeds = sorted({int(seed) for seed in seeds})  # so that their order changes nothing
    if not 1 <= count <= len(seeds):
        raise UsageError(
            f"cannot pick {count} of {len(seeds)} seeds",
            hint=f"give more seeds, for example --seeds 0-{8 * max(count, 1) - 1}",
        )
    recipe = recipe or model.recipe()
    if inspector is None:
        guard = NoveltyGuard(training, progress=progress) if training is not None else None
        inspector = LocalInspector(
            model, recipe, guard, allow_copies=allow_copies, progress=progress
        )
    parts = None
    if training is not None:
        parts = ArtParts(training, recipe.finish, side=model.resolution, progress=progress)
    candidates, refused = _sorted_out(inspector.inspect(seeds))
    rows = np.stack([c.row for c in candidates]) if candidates else np.empty((0, 1))
    scale = calibrate(rows) if len(rows) > 1 else Scale(0.0, 0.0)
    found = _order(candidates, inspector, parts, scored=model.discriminator is not None)
    quality = np.zeros(len(candidates)) if found is None else found.values
    pools = _pools(candidates, quality, count, scored=found is not None)
    while True:
        picked, copies = _pick(pools, candidates, rows, quality, count, quality_weight, scale)
        margins = inspector.margins([candidates[i].seed for i in picked])
        unsafe = {i for i, margin in zip(picked, margins, strict=True) if margin < SAFE_MARGIN}
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
    image uint8 [R, R, 3 or 4] that each was projected from: a piece made after training art is a
    copy of it, however far the search came.
    """
    guard = NoveltyGuard(training, progress=progress) if training is not None else None
    inspector = LocalInspector(
        model, recipe or model.recipe(), guard, origins=origins or {}, progress=progress
    )
    candidates, refused = _sorted_out(inspector.inspect(seeds))
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


def _sorted_out(
    seen: Sequence[Candidate | Refusal],
) -> tuple[list[Candidate], list[Refusal]]:
    candidates = [one for one in seen if isinstance(one, Candidate)]
    return candidates, [one for one in seen if isinstance(one, Refusal)]


def _order(
    candidates: Sequence[Candidate], inspector: Inspector, parts: ArtParts | None, *, scored: bool
) -> Order | None:
    """How good the candidates seem; None without art and discriminator."""
    judge = parts if parts is not None and parts.known else None
    return order(
        parts=None
        if judge is None
        else (judge.distances([c.small for c in candidates]), judge.own),
        ratios=None
        if parts is None
        else [c.neighbour.ratio if c.neighbour else 0.0 for c in candidates],
        logits=(lambda: inspector.logits([one.seed for one in candidates])) if scored else None,
    )


def _pools(
    candidates: Sequence[Candidate], quality: np.ndarray, count: int, *, scored: bool
) -> list[list[int]]:
    """Indices, the best first: the shortlist, then those that step in when copies thin it out."""
    order = sorted(range(len(candidates)), key=lambda i: (-quality[i], candidates[i].seed))
    size = max(2 * count, int(len(candidates) * SHORTLIST))
    return [order[:size], order[size:]] if scored else [order]


def _pick(
    pools: Sequence[Sequence[int]],
    candidates: Sequence[Candidate],
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
