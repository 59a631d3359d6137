"""Renderer f64-1: the same seed and recipe give the same pixels on every machine.

One image at a time, everything in float64 (latents, filters and weights upcast), constant noise,
then floor(clamp(127.5 x + 128, 0, 255)), grey repeated to three channels, premultiplied RGBA made
straight in whole numbers (`nftgan.alpha.straight`), then the integer-only finish. Between
processors, libraries, thread counts and devices a float64 image differs by some 1e-12 grey levels;
only a value that close to a step could change. `Rendered.margin` says how far the closest value was
from a step, so that the chance is a measured distance, not a hope.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

import numpy as np
import torch

from nftgan.alpha import straight
from nftgan.networks.protocols import Generator
from nftgan.pixels import quantize
from nftgan.synthesis.finish import apply_finish
from nftgan.synthesis.latents import check_recipe, seeds_to_ws, synthesize
from nftgan.synthesis.recipe import Recipe

SAFE_MARGIN = 1e-9
"""Grey levels. An image nearer to a rounding step should be left out of a collection."""


@dataclass(frozen=True)
class Rendered:
    """A canonical image and how safe its rounding was."""

    image: np.ndarray  # uint8 [H, W, 3], or straight RGBA [H, W, 4]
    margin: float  # grey levels from the nearest value to the nearest rounding step

    @property
    def safe(self) -> bool:
        return self.margin >= SAFE_MARGIN


def upcast(generator: Generator) -> Generator:
    """A float64 copy of `generator` in evaluation mode; the original is untouched."""
    return copy.deepcopy(generator).double().eval().requires_grad_(False)


def rounding_margin(levels: np.ndarray) -> float:
    """Smallest distance from a value to one of the steps 1, 2, …, 255 where the pixel changes."""
    steps = np.clip(np.rint(levels), 1, 255)
    return float(np.abs(levels - steps).min())


def grey_levels(generator: Generator, seed: int, recipe: Recipe) -> np.ndarray:
    """float64 [H, W, C] of values 127.5 x + 128, before rounding; see `render`."""
    if next(generator.parameters()).dtype != torch.float64:
        raise ValueError("the canonical renderer needs a float64 generator")
    check_recipe(generator, recipe)
    x = synthesize(generator, seeds_to_ws(generator, [seed], recipe), recipe)
    levels: np.ndarray = x[0].cpu().numpy().transpose(1, 2, 0) * 127.5 + 128
    return levels


def render(generator: Generator, seed: int, recipe: Recipe) -> Rendered:
    """The canonical image of `seed`. `generator` must be in float64 (see `upcast`).

    Raises UsageError when the generator cannot follow the recipe.
    """
    levels = grey_levels(generator, seed, recipe)
    image = quantize(levels)
    if image.shape[2] == 1:
        image = image.repeat(3, axis=2)
    elif image.shape[2] == 4:
        image = straight(image)
    return Rendered(apply_finish(image, recipe.finish), rounding_margin(levels))
