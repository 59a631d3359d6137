"""Walks through latent space from seed to seed, as frames of an animation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
    seeds_to_ws,
    synthesize,
)
from nftgan.synthesis.model import Model
from nftgan.synthesis.recipe import Recipe

KINDS = ("cubic", "linear", "slerp")
MAX_FRAMES = 100_000


class Walk:
    """A sized iterable of uint8 [H, W, 3] frames that visit `seeds` in order.

    steps: frames from one seed to the next; frame k * steps shows seed k itself. loop: also walk
    back to the first seed, so that the last frame is followed by the first. kind: "cubic" is a
    smooth curve through the styles w (always a loop), "linear" straight lines in w, "slerp" great
    circles in z, where straight lines would pass through unlikely, short vectors.
    Raises UsageError for fewer than two seeds, an unknown kind or too many frames.
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
    ) -> None:
        if kind not in KINDS:
            raise UsageError(f"{kind!r} is no kind of walk", hint=f"choose {', '.join(KINDS)}")
        if len(seeds) < 2:
            raise UsageError("a walk needs at least two seeds", hint="for example --seeds 0-5")
        if kind == "cubic" and not loop:
            raise UsageError("a cubic walk is always a loop", hint="choose linear or slerp")
        if steps < 1 or steps * len(seeds) > MAX_FRAMES:
            raise UsageError(f"{steps} frames a seed is not from 1 to {MAX_FRAMES // len(seeds)}")
        self._generator = model.generator
        self._recipe = recipe or model.recipe()
        check_recipe(self._generator, self._recipe)
        self.seeds, self._steps, self._kind, self._loop = tuple(seeds), steps, kind, loop

    def __len__(self) -> int:
        ways = len(self.seeds) if self._loop else len(self.seeds) - 1
        return ways * self._steps + (not self._loop)

    def __iter__(self) -> Iterator[np.ndarray]:
        return (self.frame(number) for number in range(len(self)))

    def frame(self, number: int) -> np.ndarray:
        """uint8 [H, W, 3]; `number` from 0 to len - 1, in any order."""
        x = synthesize(self._generator, self._styles(number)[None], self._recipe)
        return apply_finish(to_pixels(x)[0], self._recipe.finish)

    def _styles(self, number: int) -> Tensor:
        """[num_ws, w_dim] of a frame."""
        stop, step = divmod(number, self._steps)
        start, end, t = stop % len(self.seeds), (stop + 1) % len(self.seeds), step / self._steps
        if self._kind == "slerp":
            row = slerp(self._z[start], self._z[end], t)
            return map_latents(self._generator, row[None], self._recipe)[0]
        keys = self._keys
        if self._kind == "linear":
            return torch.lerp(keys[start], keys[end], t)
        return torch.from_numpy(self._curve(stop + t)).to(keys).reshape(keys.shape[1:])

    @cached_property
    def _z(self) -> np.ndarray:
        return latents(self.seeds, self._generator.z_dim)

    @cached_property
    def _keys(self) -> Tensor:
        return seeds_to_ws(self._generator, self.seeds, self._recipe)

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
        eye = np.eye(count)
        system = 4 * eye + np.roll(eye, 1, axis=1) + np.roll(eye, -1, axis=1)
        self._points = points
        self._curvature = np.linalg.solve(system, 6 * (before - 2 * points + after))

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
