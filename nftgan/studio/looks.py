"""Looking around from one seed: other recipes, mixtures with a second seed, what lies close by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
from torch import Tensor

from nftgan.collection.features import distances
from nftgan.errors import UsageError
from nftgan.seeds import MAX_SEED
from nftgan.studio.gallery import Gallery
from nftgan.synthesis.finish import apply_finish
from nftgan.synthesis.latents import check_recipe, seeds_to_ws
from nftgan.synthesis.mixing import Mix
from nftgan.synthesis.model import Model
from nftgan.synthesis.recipe import Finish, Recipe

UNSEEN = 2048  # seeds beyond the pool that are searched for relatives as well
SEARCHED = 4096  # candidates that are searched, at most
CHUNK = 256


@dataclass(frozen=True)
class Variation:
    """One image that a page asks for; `layers` come from the seed `mix`.

    draft: one close to it will do for now, see `Model.draft`.
    """

    seed: int
    trunc: float
    translate: tuple[float, float] = (0.0, 0.0)
    rotate: float = 0.0
    mix: int | None = None
    layers: tuple[int, ...] = ()
    finish: Finish | None = None  # another one than the recipe's, without enlargement
    other_finish: bool = False
    draft: bool = False

    def __post_init__(self) -> None:
        for seed in (self.seed, self.mix or 0):
            if not 0 <= seed <= MAX_SEED:
                raise UsageError(f"seed {seed} is not from 0 to {MAX_SEED}")


def generate_variation(gallery: Gallery, look: Variation) -> np.ndarray:
    """uint8 [H, W, 3], to be called by the thread that owns the model.

    Raises UsageError for a look that the model cannot have.
    """
    recipe = _recipe(gallery, look)
    if look.draft:
        return gallery.model.draft(_latents(gallery, look, recipe), recipe)
    mixes = _mix(gallery, look, recipe)
    if mixes is None:
        return apply_finish(gallery.raw(look.seed, recipe), recipe.finish)
    return next(image for _, _, image in mixes)


def _recipe(gallery: Gallery, look: Variation) -> Recipe:
    recipe = replace(gallery.recipe, trunc=look.trunc, translate=look.translate, rotate=look.rotate)
    if not look.other_finish:
        return recipe
    side = look.finish.size(gallery.model.resolution) if look.finish else None
    size = (side, side) if side else (gallery.model.resolution,) * 2
    return replace(recipe, finish=look.finish, size=size)


def _mix(gallery: Gallery, look: Variation, recipe: Recipe) -> Mix | None:
    if look.mix is None or not look.layers:
        return None
    return Mix(gallery.model, [look.seed], [look.mix], recipe, layers=look.layers)


def _latents(gallery: Gallery, look: Variation, recipe: Recipe) -> Tensor:
    """ws [1, num_ws, w_dim]; UsageError for a recipe that the model cannot follow."""
    mixes = _mix(gallery, look, recipe)
    if mixes is not None:
        return next(ws for _, _, ws in mixes.latents())
    check_recipe(gallery.model.generator, recipe)
    return seeds_to_ws(gallery.model.generator, [look.seed], recipe)


def layer_groups(count: int) -> list[tuple[str, tuple[int, ...]]]:
    """(words, layers) of three groups of a model with `count` layers."""
    first, second = -(-count // 3), -(-2 * count // 3)
    return [
        ("Pose and shape", tuple(range(first))),
        ("Features", tuple(range(first, second))),
        ("Colour and texture", tuple(range(second, count))),
    ]


def look_alikes(gallery: Gallery, seed: int, count: int) -> list[int]:
    """The generated candidates whose images are closest to that of `seed`."""
    own = gallery.row(seed)
    if own is None:
        return []
    seeds, rows = gallery.rows()
    away = distances(rows, own[None])[:, 0]
    order = (seeds[i] for i in np.argsort(away, kind="stable"))
    alike = (other for other in order if other != seed and gallery.has(other))
    return list(islice(alike, count))


class Latents:
    """Where seeds lie in the space of styles w; used by the thread that owns the model alone."""

    def __init__(self, gallery: Gallery) -> None:
        self._gallery = gallery
        self._known: dict[int, np.ndarray] = {}

    def relatives(self, seed: int, count: int) -> list[int]:
        """The seeds with the closest styles, among the candidates and the seeds after them."""
        return self.like(seed, seed, 0.0, count)

    def like(self, seed: int, other: int, share: float, count: int) -> list[int]:
        """The seeds whose styles lie closest to a mixture: `share` of its layers are of `other`.

        The mean squared distance over the layers from one style w to w1 in some of them and to w2
        in the others is smallest where w is closest to the weighted mean of both.
        """
        pool = self._gallery.pool()[:SEARCHED]
        seeds = list(dict.fromkeys([seed, other, *pool, *self._gallery.coming(UNSEEN)]))
        self._look_up(seeds)
        table = np.stack([self._known[one] for one in seeds])
        aim = (1 - share) * self._known[seed] + share * self._known[other]
        away = ((table - aim) ** 2).sum(axis=1)
        order = [seeds[i] for i in np.argsort(away, kind="stable")[: count + 2]]
        return [one for one in order if one not in (seed, other)][:count]

    def _look_up(self, seeds: Sequence[int]) -> None:
        new = [seed for seed in seeds if seed not in self._known]
        for start in range(0, len(new), CHUNK):
            part = new[start : start + CHUNK]
            for seed, row in zip(part, _styles(self._gallery, part), strict=True):
                self._known[seed] = row
            self._gallery.let_pass()


def _styles(gallery: Gallery, seeds: Sequence[int]) -> np.ndarray:
    """float32 [N, w_dim] before truncation."""
    model: Model = gallery.model
    whole = replace(gallery.recipe, trunc=1.0, cutoff=None)
    rows: np.ndarray = seeds_to_ws(model.generator, seeds, whole)[:, 0].float().cpu().numpy()
    return rows
