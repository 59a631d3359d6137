"""Walks through latent space from seed to seed, or class to class, as frames of an animation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from nftgan.errors import UsageError
from nftgan.networks.sampling import latents
from nftgan.synthesis.finish import apply_finish
from nftgan.synthesis.generate import to_pixels
from nftgan.synthesis.latents import (
    check_recipe,
    map_latents,
    one_hot,
    seeds_to_ws,
    synthesize,
)
from nftgan.synthesis.model import Model
from nftgan.synthesis.recipe import Recipe

KINDS = ("cubic", "linear", "slerp")
MAX_FRAMES = 100_000
DENSE = 1000  # points of a curve up to which films have always been computed by one matrix


class Walk:
    """A sized iterable of uint8 [H, W, 3 or 4] frames that visit `seeds` in order.

    steps: frames from one seed to the next; frame k * steps shows seed k itself. loop: also walk
    back to the first seed, so that the last frame is followed by the first. kind: "cubic" is a
    smooth curve through the styles w (always a loop), "linear" straight lines in w, "slerp" great
    circles in z, where straight lines would pass through unlikely, short vectors.
    classes: the class of each stop instead of the recipe's; with one seed, or one class, for all
    stops. On the way "slerp" blends what the mapping embeds of the two classes, the others blend
    the styles that come of it. A latent of the recipe has its own class and no z.
    Raises UsageError for fewer than two seeds, an unknown kind, too many frames, classes that the
    model does not have, and a latent under "slerp".
    """

    def __init__(
        self,
        model: Model,
        seeds: Sequence[int],
        recipe: Recipe | None = None,
        *,
        steps: int = 60,
        kind: str = "cubic",
        loop: bool = True,
        classes: Sequence[int] = (),
    ) -> None:
        if len(seeds) != len(classes) and classes:
            if 1 not in (len(seeds), len(classes)):
                raise UsageError(
                    f"{len(seeds)} seeds cannot stand for {len(classes)} classes",
                    hint="name one seed, or one seed for each class",
                )
            seeds = [*seeds] * (len(classes) if len(seeds) == 1 else 1)
            classes = [*classes] * (len(seeds) if len(classes) == 1 else 1)
        if kind not in KINDS:
            raise UsageError(f"{kind!r} is no kind of walk", hint=f"choose {', '.join(KINDS)}")
        if len(seeds) < 2:
            raise UsageError("a walk needs at least two seeds", hint="for example --seeds 0-5")
        if kind == "cubic" and not loop:
            raise UsageError("a cubic walk is always a loop", hint="choose linear or slerp")
        if steps < 1 or steps * len(seeds) > MAX_FRAMES:
            raise UsageError(f"{steps} frames a seed is not from 1 to {MAX_FRAMES // len(seeds)}")
        self._generator = model.generator
        self._recipe = recipe or model.recipe(class_idx=classes[0] if classes else None)
        if classes and self._recipe.class_idx is None:
            self._recipe = replace(self._recipe, class_idx=classes[0])
        check_recipe(self._generator, self._recipe)
        for one in classes:
            one_hot(one, self._generator.c_dim)
        for of in filter(self._recipe.named_latent, seeds if kind == "slerp" else ()):
            raise UsageError(
                f"the latent {of} has styles and no z, which slerp walks through",
                hint="choose --kind cubic or linear",
            )
        self.classes = tuple(classes)
        self.transparent = model.transparent
        """Whether frames are RGBA."""
        self.seeds, self._steps, self._kind, self._loop = tuple(seeds), steps, kind, loop

    def __len__(self) -> int:
        ways = len(self.seeds) if self._loop else len(self.seeds) - 1
        return ways * self._steps + (not self._loop)

    def __iter__(self) -> Iterator[np.ndarray]:
        return (self.frame(number) for number in range(len(self)))

    def frame(self, number: int) -> np.ndarray:
        """uint8 [H, W, 3 or 4]; `number` from 0 to len - 1, in any order."""
        x = synthesize(self._generator, self.styles(number)[None], self._recipe)
        return apply_finish(to_pixels(x)[0], self._recipe.finish)

    def styles(self, number: int) -> Tensor:
        """[num_ws, w_dim] of a frame."""
        stop, step = divmod(number, self._steps)
        start, end, t = stop % len(self.seeds), (stop + 1) % len(self.seeds), step / self._steps
        if self._kind == "slerp":
            row = slerp(self._z[start], self._z[end], t)
            c = None
            if self.classes:
                c = (1 - t) * self._class(start) + t * self._class(end)
            return map_latents(self._generator, row[None], self._recipe, c)[0]
        keys = self._keys
        if self._kind == "linear":
            return torch.lerp(keys[start], keys[end], t)
        return torch.from_numpy(self._curve(stop + t)).to(keys).reshape(keys.shape[1:])

    def _class(self, stop: int) -> np.ndarray:
        """float64 [1, c_dim]."""
        row = one_hot(self.classes[stop], self._generator.c_dim)
        assert row is not None
        return row

    @cached_property
    def _z(self) -> np.ndarray:
        return latents(self.seeds, self._generator.z_dim)

    @cached_property
    def _keys(self) -> Tensor:
        if not self.classes:
            return seeds_to_ws(self._generator, self.seeds, self._recipe)
        rows = [
            seeds_to_ws(self._generator, [seed], replace(self._recipe, class_idx=label))
            for seed, label in zip(self.seeds, self.classes, strict=True)
        ]
        return torch.cat(rows)

    @cached_property
    def _curve(self) -> PeriodicSpline:
        numbers = self._keys.double().cpu().numpy()
        return PeriodicSpline(numbers.reshape(len(numbers), -1))


def interpolate(
    model: Model,
    start: int,
    end: int,
    recipe: Recipe | None = None,
    *,
    frames: int = 9,
    kind: str = "slerp",
) -> np.ndarray:
    """uint8 [frames, H, W, 3] from seed `start` to seed `end`, both among them; kind: of `Walk`.

    Raises UsageError for fewer than two frames and for "cubic", which is always a loop.
    """
    if frames < 2:
        raise UsageError(f"{frames} frames do not lead from one seed to another", hint="2 or more")
    return np.stack(
        list(Walk(model, [start, end], recipe, steps=frames - 1, kind=kind, loop=False))
    )


def slerp(a: np.ndarray, b: np.ndarray, t: float) -> np.ndarray:
    """The point t in [0, 1] of the great circle from a to b (Shoemake 1985), lengths blended.

    a, b: float64 [D]; for (nearly) parallel vectors the straight line.
    """
    long_a, long_b = np.linalg.norm(a), np.linalg.norm(b)
    cos = float(np.clip(a @ b / (long_a * long_b), -1, 1))
    angle = np.arccos(cos)
    if np.sin(angle) < 1e-6:
        straight: np.ndarray = a + t * (b - a)
        return straight
    along = (np.sin((1 - t) * angle) * a / long_a + np.sin(t * angle) * b / long_b) / np.sin(angle)
    blend: np.ndarray = along * (long_a + t * (long_b - long_a))
    return blend


class PeriodicSpline:
    """The closed cubic curve through `points` [K, D] at times 0..K-1, with period K.

    Value, slope and curvature are continuous everywhere, also where the loop closes.
    """

    def __init__(self, points: np.ndarray) -> None:
        count = len(points)
        before, after = np.roll(points, 1, axis=0), np.roll(points, -1, axis=0)
        self._points = points
        bends = 6 * (before - 2 * points + after)
        if count <= DENSE:
            eye = np.eye(count)
            system = 4 * eye + np.roll(eye, 1, axis=1) + np.roll(eye, -1, axis=1)
            self._curvature = np.linalg.solve(system, bends)
        else:  # the matrix of 100,000 points would take 80 GB; it is circulant
            own = 4 + 2 * np.cos(2 * np.pi * np.arange(count // 2 + 1) / count)
            waves = np.fft.rfft(bends, axis=0) / own[:, None]
            self._curvature = np.fft.irfft(waves, count, axis=0)

    def __call__(self, time: float) -> np.ndarray:
        """float64 [D]."""
        count = len(self._points)
        start = int(np.floor(time))
        t = time - start
        i, j = start % count, (start + 1) % count
        bend = (1 - t) ** 3 - (1 - t), t**3 - t
        line = (1 - t) * self._points[i] + t * self._points[j]
        result: np.ndarray = (
            line + (bend[0] * self._curvature[i] + bend[1] * self._curvature[j]) / 6
        )
        return result
