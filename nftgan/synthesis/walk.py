"""Walks through latent space from seed to seed, as frames of an animation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from nftgan.errors import UsageError
from nftgan.files import atomic_path
from nftgan.synthesis.finish import apply_finish
from nftgan.synthesis.generate import to_pixels
from nftgan.synthesis.latents import check_recipe, latents, moved_canvas, styles, styles_of
from nftgan.synthesis.model import Model
from nftgan.synthesis.recipe import Recipe

KINDS = ("cubic", "linear", "slerp")
FORMATS = {".gif": "GIF", ".png": "PNG", ".apng": "PNG", ".webp": "WEBP"}
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
        for ws in self._path():
            with torch.no_grad(), moved_canvas(self._generator, self._recipe):
                x = self._generator.synthesis(ws[None], noise_mode="const")
            yield apply_finish(to_pixels(x)[0], self._recipe.finish)

    def _path(self) -> Iterator[Tensor]:
        """[num_ws, w_dim] of each frame."""
        times = [number / self._steps for number in range(len(self))]
        if self._kind == "slerp":
            z = latents(self.seeds, self._generator.z_dim)
            for start, end, t in self._ways(times):
                row = slerp(z[start], z[end], t)
                yield styles_of(self._generator, row[None], self._recipe)[0]
            return
        keys = styles(self._generator, self.seeds, self._recipe)
        if self._kind == "linear":
            for start, end, t in self._ways(times):
                yield torch.lerp(keys[start], keys[end], t)
            return
        numbers = keys.double().cpu().numpy()
        curve = PeriodicSpline(numbers.reshape(len(numbers), -1))
        for time in times:
            yield torch.from_numpy(curve(time)).to(keys).reshape(keys.shape[1:])

    def _ways(self, times: Iterable[float]) -> Iterator[tuple[int, int, float]]:
        count = len(self.seeds)
        for time in times:
            start = int(time)
            yield start % count, (start + 1) % count, time - start


def slerp(a: np.ndarray, b: np.ndarray, t: float) -> np.ndarray:
    """The point t in [0, 1] of the great circle from a to b (Shoemake 1985), lengths blended.

    a, b: float64 [D]; for (nearly) parallel vectors the straight line.
    """
    long_a, long_b = np.linalg.norm(a), np.linalg.norm(b)
    cos = float(np.clip(a @ b / (long_a * long_b), -1, 1))
    angle = np.arccos(cos)
    if np.sin(angle) < 1e-6:
        return a + t * (b - a)
    along = (np.sin((1 - t) * angle) * a / long_a + np.sin(t * angle) * b / long_b) / np.sin(angle)
    return along * (long_a + t * (long_b - long_a))


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
        return line + (bend[0] * self._curvature[i] + bend[1] * self._curvature[j]) / 6


def write_animation(path: Path, frames: Iterable[np.ndarray], *, fps: float = 30) -> int:
    """`path` plays the uint8 [H, W, 3] frames in an endless loop; how many there are.

    The ending decides: .gif (256 colours a frame), .png or .apng and .webp (lossless). Raises
    UsageError for another ending.
    """
    kind = FORMATS.get(path.suffix.lower())
    if kind is None:
        raise UsageError(
            f"{path.name}: cannot write animations as {path.suffix or 'a file without ending'}",
            hint=f"use {', '.join(FORMATS)}",
        )
    if not 1 <= fps <= 100:
        raise UsageError(f"{fps} frames a second is not from 1 to 100")
    images = [Image.fromarray(frame) for frame in frames]  # Pillow reads them more than once
    if not images:
        raise UsageError("an animation needs at least one frame")
    options = {"lossless": True} if kind == "WEBP" else {}
    with atomic_path(path) as temporary:
        images[0].save(
            temporary,
            kind,
            save_all=True,
            append_images=images[1:],
            duration=round(1000 / fps),
            loop=0,
            **options,
        )
    return len(images)
