"""Walks from piece to piece: frames generated one by one, and the command that makes the film."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import lru_cache

from nftgan.errors import UsageError
from nftgan.seeds import format_seeds
from nftgan.studio.gallery import Gallery
from nftgan.studio.queue import Rank
from nftgan.studio.screen import encode, tile
from nftgan.synthesis.recipe import Recipe
from nftgan.synthesis.walk import Walk

MAX_STOPS = 24
MAX_FRAMES = 240  # of a preview, which a page keeps unpacked
MAX_STEPS = 600
KEPT = 4  # walks whose path is known


@dataclass(frozen=True)
class Wish:
    """The walk that a page asks for; see `Walk` for kind and steps."""

    seeds: tuple[int, ...]
    kind: str
    steps: int

    def __post_init__(self) -> None:
        if not 2 <= len(self.seeds) <= MAX_STOPS:
            raise UsageError(f"a walk has from 2 to {MAX_STOPS} stops, not {len(self.seeds)}")
        if not 1 <= self.steps <= MAX_STEPS:
            raise UsageError(f"{self.steps} frames a stop is not from 1 to {MAX_STEPS}")

    @property
    def shown_steps(self) -> int:
        """Frames a stop of the preview."""
        return min(self.steps, MAX_FRAMES // len(self.seeds))


class Walks:
    """The walks of one gallery."""

    def __init__(self, gallery: Gallery) -> None:
        self._gallery = gallery
        self._walk = lru_cache(KEPT)(self._open)

    def plan(self, wish: Wish, source: str, fps: float) -> dict[str, object]:
        """What the page needs to know of a walk, as JSON data; source: the model as one names it.

        Raises UsageError for a walk that cannot be.
        """
        steps = wish.shown_steps
        opened = self._gallery.ask(lambda: self._walk(wish.seeds, wish.kind, steps), Rank.STAGE)
        return {
            "frames": len(opened.result()),
            "steps": steps,
            "command": command(source, self._gallery.whole_recipe, wish, fps),
        }

    def frame(self, wish: Wish, number: int, *, draft: bool = False) -> Future[bytes]:
        """One encoded frame of the preview; UsageError for a number beyond its end.

        draft: one close to it will do, where that is quicker.
        """

        def paint() -> bytes:
            walk = self._walk(wish.seeds, wish.kind, wish.shown_steps)
            if number >= len(walk):
                raise UsageError(f"the walk has {len(walk)} frames")
            if draft and self._gallery.model.drafts:
                ws = walk.styles(number)[None]
                return encode(tile(self._gallery.model.draft(ws, self._gallery.recipe)))
            return encode(tile(walk.frame(number)))

        return self._gallery.ask(paint, Rank.STAGE)

    def _open(self, seeds: tuple[int, ...], kind: str, steps: int) -> Walk:
        refuse_latents(self._gallery.recipe, seeds)
        return Walk(self._gallery.model, seeds, self._gallery.recipe, steps=steps, kind=kind)


def refuse_latents(recipe: Recipe, seeds: Sequence[int]) -> None:
    """Raises UsageError where a stop is a stored latent: a film from here names seeds alone."""
    for stored in filter(recipe.named_latent, seeds):
        raise UsageError(
            f"{stored} is no seed but stands for a stored latent",
            hint="nftgan morph --seeds 3,LATENT.npz",
        )


def command(source: str, recipe: Recipe, wish: Wish, fps: float) -> str:
    """`nftgan morph …` that makes the walk with its whole recipe, as typed in a shell."""
    words = ["nftgan", "morph", "-m", source, "--seeds", format_seeds(wish.seeds)]
    finish = recipe.finish
    options: tuple[tuple[str, object, object], ...] = (
        ("--steps", wish.steps, 30),
        ("--kind", wish.kind, "cubic"),
        ("--fps", f"{fps:g}", "30"),
        ("--trunc", f"{recipe.trunc:g}", "1"),
        ("--cutoff", recipe.cutoff, None),
        ("--class", recipe.class_idx, None),
        ("--condition", ",".join(f"{one!r}" for one in recipe.condition or ()), ""),
        ("--translate", "{:g},{:g}".format(*recipe.translate), "0,0"),
        ("--rotate", f"{recipe.rotate:g}", "0"),
        ("--pixel-grid", finish.grid if finish else 0, 0),
        ("--palette", finish.palette if finish else 0, 0),
        ("--colours", "art" if finish and finish.colours else "all", "all"),
        ("--upscale", finish.upscale if finish else 1, 1),
        ("--filter", finish.filter if finish else "nearest", "nearest"),
        ("--effect", str(finish.effect or "") if finish else "", ""),
    )
    for name, value, usual in options:
        if value != usual:
            # A number that begins with a minus must not look like an option.
            words += [f"{name}={value}"] if str(value).startswith("-") else [name, str(value)]
    return shlex.join([*words, "-o", "walk.mp4"])
