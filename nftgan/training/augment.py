"""Differentiable augmentation: one warp and one colour matrix per image, drawn by chance.

The operations and their order are those of Karras et al. 2020 (Training Generative Adversarial
Networks with Limited Data), appendix B. Drawing and applying are apart: `sample_params` gives plain
numbers, `apply` a function of images and numbers that can be differentiated twice.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F

from nftgan.ops.device import sent
from nftgan.training import wavelets
from nftgan.training.augmentation import Array, Augmentation, Chance, operations_of
from nftgan.training.geometry import GEOMETRIC, placed, warp
from nftgan.training.recolouring import COLOUR, colour_matrices, premultiplied_matrices, recolour
from nftgan.training.warp import reflected

BAND_POWER = np.array([10.0, 1.0, 1.0, 1.0]) / 13
"""Expected power of a natural image in each band, from coarse to fine (1/f spectrum)."""


class Augment:
    """The operations of a pipe ("art", "bgc", …, or a plugin's), or a collection of operations."""

    def __init__(self, pipe: str | Collection[str | Augmentation]) -> None:
        self._operations = operations_of(pipe) if isinstance(pipe, str) else tuple(pipe)
        self.added = tuple(one for one in self._operations if isinstance(one, Augmentation))
        """Those of plugins."""

    def sample(
        self, shape: Sequence[int], p: float, rng: np.random.Generator
    ) -> AugmentParams | None:
        """What will happen to images of `shape` [N, C, H, W], each operation to each with
        probability p; None when p is 0.
        """
        if p <= 0:
            return None
        values = sample_params(rng, self._operations, shape[0], p)
        drawn = "noise" in values
        noise = rng.standard_normal(tuple(shape), dtype=np.float32) if drawn else None
        return AugmentParams(values, noise, self.added)

    def __call__(self, images: Tensor, p: float, rng: np.random.Generator) -> Tensor:
        """Images [N, C, H, W] around [-1, 1], each operation applied to each with probability p."""
        drawn = self.sample(images.shape, p, rng)
        return images if drawn is None else drawn(images)


@dataclass(frozen=True)
class AugmentParams:
    """What `Augment` drew for a batch: it can be applied to the whole or, by rows, to a part."""

    values: dict[str, Array]
    noise: npt.NDArray[np.float32] | None
    added: tuple[Augmentation, ...] = ()  # of plugins; their values are under their names

    def __call__(self, images: Tensor, rows: npt.NDArray[np.int64] | None = None) -> Tensor:
        """`images` changed; they are the batch's `rows`, or all of it."""
        values = {name: _rows(value, rows) for name, value in self.values.items()}
        images = apply_prepared(images, self.prepared(images, rows))
        for one in self.added:
            images = one.apply(images, _like(images, values[one.name]))
        return images

    def prepared(
        self, like: Tensor, rows: npt.NDArray[np.int64] | None = None, *, fixed: bool = False
    ) -> Prepared:
        """What the core's operations need for images like these, the batch's `rows`."""
        values = {name: _rows(value, rows) for name, value in self.values.items()}
        noise = None if self.noise is None else _like(like, _rows(self.noise, rows))
        return prepare(values, like, noise=noise, fixed=fixed)


def _rows(value: npt.NDArray[Any], rows: npt.NDArray[np.int64] | None) -> npt.NDArray[Any]:
    return value if rows is None else value[rows]


def sample_params(
    rng: np.random.Generator, operations: Collection[str | Augmentation], count: int, p: float
) -> dict[str, Array]:
    """Values for each operation and sample; an operation's identity where chance left it out.

    xflip, lumaflip 0 or 1; rotate90 quarter turns; xint, xfrac [N, 2] shares of the size;
    rotate, rotate_after, hue radians; brightness added; scale, aniso, contrast, saturation factors;
    imgfilter [N, 4] gains; noise standard deviations; cutout [N, 3] centre and side as shares.
    """
    chance = Chance(rng, count, p)
    values: dict[str, Array] = {}
    for operation in operations:
        if isinstance(operation, Augmentation):
            values[operation.name] = operation.sample(chance)
        elif operation == "rotate":
            both = 1 - math.sqrt(1 - min(max(p, 0.0), 1.0))  # before or after: p in all
            for name in ("rotate", "rotate_after"):
                values[name] = chance.where(chance.angle(), 0, both)
        elif operation in SAMPLE:
            values[operation] = SAMPLE[operation](chance)
        else:
            raise ValueError(f"no augmentation is called {operation!r}")
    return values


def _cutout(chance: Chance) -> Array:
    side = chance.where(np.full(chance.count, 0.5), 0)
    return np.column_stack([chance.rng.random((chance.count, 2)), side])


def _imgfilter(chance: Chance) -> Array:
    factors = [chance.where(chance.power_of_two(1.0), 1) for _ in BAND_POWER]
    return band_gains(np.stack(factors, axis=1))


SAMPLE: dict[str, Callable[[Chance], Array]] = {
    "xflip": lambda chance: chance.where(chance.integers(2), 0),
    "lumaflip": lambda chance: chance.where(chance.integers(2), 0),
    "rotate90": lambda chance: chance.where(chance.integers(4), 0),
    "xint": lambda chance: chance.where(chance.rng.uniform(-0.125, 0.125, (chance.count, 2)), 0),
    "scale": lambda chance: chance.where(chance.power_of_two(0.2), 1),
    "aniso": lambda chance: chance.where(chance.power_of_two(0.2), 1),
    "xfrac": lambda chance: chance.where(chance.normal(2) * 0.125, 0),
    "brightness": lambda chance: chance.where(chance.normal() * 0.2, 0),
    "contrast": lambda chance: chance.where(chance.power_of_two(0.5), 1),
    "hue": lambda chance: chance.where(chance.angle(), 0),
    "saturation": lambda chance: chance.where(chance.power_of_two(1.0), 1),
    "imgfilter": _imgfilter,
    "noise": lambda chance: chance.where(np.abs(chance.normal()) * 0.1, 0),
    "cutout": _cutout,
}
"""How each operation but `rotate`, which is two, is drawn."""


@dataclass(frozen=True)
class Prepared:
    """The numbers of drawn operations beside the images, None where nothing is to be done; what
    `apply_prepared` does by them waits for nothing and has shapes that do not depend on them.
    """

    margins: tuple[int, int, int, int] = (0, 0, 0, 0)  # left, top, right, bottom of the warp
    theta: Tensor | None = None  # [N, 2, 3], of the warp
    colour: Tensor | None = None  # [N, 4, 4], of one channel [N, 4], of RGBA [N, 5, 5]
    bands: Tensor | None = None  # [N, 43], a filter along each axis
    noise: Tensor | None = None  # [N, C, H, W] ~ N(0, 1)
    strength: Tensor | None = None  # [N]
    squares: Tensor | None = None  # [N, 3]


def prepare(
    values: Mapping[str, Array], like: Tensor, *, noise: Tensor | None = None, fixed: bool = False
) -> Prepared:
    """`values`, as `sample_params` gives them, for images like [N, C, H, W].

    fixed: margins as wide as they can be asked for, so that the shapes of all batches are the same.
    """
    channels, height, width = like.shape[1:]
    found: dict[str, Any] = {}
    if any(name in values for name in GEOMETRIC):
        found["margins"], theta = placed(values, width, height, fixed=fixed)
        found["theta"] = _like(like, theta)
    if any(name in values for name in COLOUR):
        colour = colour_matrices(values, channels)
        if channels == 1:
            colour = colour[:, :3].mean(axis=1)
        elif channels == 4:
            colour = premultiplied_matrices(colour)
        found["colour"] = _like(like, colour)
    if "imgfilter" in values:
        found["bands"] = _like(like, values["imgfilter"] @ wavelets.FILTER_BANK)
    if "noise" in values:
        assert noise is not None
        found |= {"noise": noise, "strength": _like(like, values["noise"])}
    if "cutout" in values:
        found["squares"] = _like(like, values["cutout"])
    return Prepared(**found)


def apply_prepared(images: Tensor, numbers: Prepared) -> Tensor:
    """`images` [N, C, H, W] changed; can be differentiated twice."""
    if numbers.theta is not None:
        images = warp(images, numbers.theta, numbers.margins)
    if numbers.colour is not None:
        images = recolour(images, numbers.colour)
    if numbers.bands is not None:
        images = _filtered(images, numbers.bands)
    if numbers.noise is not None and numbers.strength is not None:
        images = noisy(images, numbers.noise * numbers.strength[:, None, None, None])
    if numbers.squares is not None:
        images = cut_out(images, numbers.squares)
    return images


def apply(images: Tensor, values: Mapping[str, Array], *, noise: Tensor | None = None) -> Tensor:
    """`images` [N, C, H, W] changed by `values` as `sample_params` gives them.

    `noise` [N, C, H, W] ~ N(0, 1) is needed where values has "noise". Can be differentiated twice.
    """
    return apply_prepared(images, prepare(values, images, noise=noise))


# ---- filter and corruption --------------------------------------------------------------------


def band_gains(factors: Array) -> Array:
    """Factors [N, 4] of each band -> gains that keep the expected power."""
    gains = np.ones_like(factors)
    for band in range(factors.shape[1]):
        change = np.ones_like(factors)
        change[:, band] = factors[:, band]
        gains = gains * change / np.sqrt((BAND_POWER * change**2).sum(axis=1, keepdims=True))
    return gains


def filter_bands(images: Tensor, gains: Array) -> Tensor:
    """Each image with its four frequency bands amplified by gains [N, 4]; edges mirrored."""
    return _filtered(images, _like(images, gains @ wavelets.FILTER_BANK))


def _filtered(images: Tensor, kernel: Tensor) -> Tensor:
    """Each image through its filter [N, 43] along both axes."""
    count, channels, height, width = images.shape
    kernel = kernel.repeat_interleave(channels, dim=0)[:, None, None]  # [N * C, 1, 1, 43]
    radius = kernel.shape[3] // 2
    pixels = _mirror(images, radius).reshape(1, count * channels, height + 2 * radius, -1)
    pixels = F.conv2d(pixels, kernel, groups=count * channels)
    pixels = F.conv2d(pixels, kernel.transpose(2, 3), groups=count * channels)
    return pixels.reshape(count, channels, height, width)


def _mirror(images: Tensor, margin: int) -> Tensor:
    """Reflected on all sides, as often as the margin needs on an image smaller than it."""
    while margin > 0:
        step = min(margin, images.shape[2] - 1, images.shape[3] - 1)
        images = reflected(images, [step, step, step, step])
        margin -= step
    return images


def noisy(images: Tensor, noise: Tensor) -> Tensor:
    """Images [N, C, H, W] plus noise; of premultiplied RGBA the colours alone, as they show."""
    if images.shape[1] != 4:
        return images + noise
    shown = (images[:, 3:] + 1) / 2
    return torch.cat([images[:, :3] + noise[:, :3] * shown, images[:, 3:]], dim=1)


def cut_out(images: Tensor, squares: Array | Tensor) -> Tensor:
    """Zero (mid-grey) in a square: squares [N, 3] are centre x, y and side, shares of the size."""
    height, width = images.shape[2:]
    if not isinstance(squares, Tensor):
        squares = _like(images, squares)
    x, y, side = squares.T[:, :, None, None]  # [N, 1, 1] each
    across = (torch.arange(width, device=images.device, dtype=images.dtype) + 0.5) / width
    down = (torch.arange(height, device=images.device, dtype=images.dtype) + 0.5) / height
    outside = ((across - x).abs() >= side / 2) | ((down[:, None] - y).abs() >= side / 2)
    result: Tensor = images * outside[:, None].to(images.dtype)
    return result


def _like(images: Tensor, values: npt.NDArray[np.floating[Any]]) -> Tensor:
    return sent(torch.from_numpy(np.ascontiguousarray(values)).to(images.dtype), images.device)
