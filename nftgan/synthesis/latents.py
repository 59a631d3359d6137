"""From a seed and a recipe to what a generator eats: z, class, truncation, moved input."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from nftgan.errors import UsageError
from nftgan.networks.protocols import Generator
from nftgan.networks.sampling import latents
from nftgan.synthesis.finish import refuse_opaque_steps
from nftgan.synthesis.recipe import Recipe


def one_hot(class_idx: int | None, c_dim: int, count: int = 1) -> np.ndarray | None:
    """float64 [count, c_dim] with class `class_idx` set; None for an unconditional model.

    Raises UsageError when a conditional model gets no class, an unknown one, or an unconditional
    model gets one.
    """
    if c_dim == 0:
        if class_idx is not None:
            raise UsageError(f"the model has no classes, so there is no class {class_idx}")
        return None
    if class_idx is None:
        raise UsageError(
            f"the model has {c_dim} classes and the recipe names none",
            hint=f"choose one: --class 0 to {c_dim - 1}",
        )
    if not 0 <= class_idx < c_dim:
        raise UsageError(f"class {class_idx} is not one of 0 to {c_dim - 1}")
    row = np.zeros((count, c_dim))
    row[:, class_idx] = 1
    return row


def told(
    class_idx: int | None, condition: Sequence[float] | None, c_dim: int, count: int = 1
) -> np.ndarray | None:
    """float64 [count, c_dim], what a model is told for each image: `condition`, else the class.

    None for an unconditional model. Raises UsageError for what the model does not take.
    """
    if condition is None:
        return one_hot(class_idx, c_dim, count)
    if c_dim == 0:
        raise UsageError("the model was trained without labels: it takes no conditions")
    if len(condition) != c_dim:
        raise UsageError(f"the model takes {c_dim} numbers; given were {len(condition)}")
    return np.tile(np.asarray(condition, np.float64), (count, 1))


def inverse_input_transform(translate: tuple[float, float], rotate: float) -> np.ndarray:
    """float64 [3, 3]: what the generator's input applies so that one sees the asked-for move.

    translate: to the right and down, in image widths and heights; rotate: degrees. The inverse of
    [[cos, sin, x], [-sin, cos, y], [0, 0, 1]]; exactly the identity when nothing moves.
    """
    x, y = translate
    angle = math.radians(rotate)
    cos, sin = math.cos(angle), math.sin(angle)
    inverse = [[cos, -sin, sin * y - cos * x], [sin, cos, -sin * x - cos * y], [0.0, 0.0, 1.0]]
    return np.array(inverse) + 0.0


def check_recipe(generator: Generator, recipe: Recipe) -> None:
    """Raises UsageError when `generator` cannot follow `recipe`."""
    told(recipe.class_idx, recipe.condition, generator.c_dim)
    if recipe.cutoff is not None and recipe.cutoff > generator.num_ws:
        raise UsageError(
            f"the cutoff {recipe.cutoff} is above the model's {generator.num_ws} layers"
        )
    if generator.img_channels not in (1, 3, 4):
        raise UsageError(
            f"the model makes {generator.img_channels} channels, not RGB, RGBA or grey"
        )
    moved = recipe.translate != (0.0, 0.0) or recipe.rotate != 0.0
    if moved and not generator.movable:
        raise UsageError(
            "only StyleGAN3 models can be moved or turned",
            hint="leave translate and rotate at 0",
        )
    side = generator.img_resolution
    expected = recipe.finish.size(side) if recipe.finish else side
    if recipe.size != (expected, expected):
        raise UsageError(
            f"the recipe makes {recipe.size[0]}x{recipe.size[1]} images,"
            f" the model {expected}x{expected}"
        )
    if recipe.finish is not None and recipe.finish.grid > side:
        raise UsageError(
            f"a pixel grid of {recipe.finish.grid} is finer than the model's {side} pixels",
            hint=f"use a grid up to {side}",
        )
    if generator.img_channels == 4:
        refuse_opaque_steps(recipe.finish)


def input_transform(generator: Generator, recipe: Recipe) -> Tensor | None:
    """float64 [3, 3] for the synthesis of a model that can be moved: as `recipe` says."""
    if not generator.movable:
        return None
    return torch.from_numpy(inverse_input_transform(recipe.translate, recipe.rotate))


def synthesize(generator: Generator, ws: Tensor, recipe: Recipe) -> Tensor:
    """Images [N, C, R, R], about [-1, 1], of ws [N, num_ws, w_dim], moved as `recipe` says."""
    with torch.no_grad():
        move = input_transform(generator, recipe)
        return generator.synthesis(ws, noise_mode="const", transform=move)


def seeds_to_ws(generator: Generator, seeds: Sequence[int], recipe: Recipe) -> Tensor:
    """ws [N, num_ws, w_dim] of `seeds` after truncation, in the generator's precision.

    Where a number stands for a latent of `recipe`, that latent as it is. Raises UsageError where
    its values are not known, or the generator takes others.
    """
    stored = {seed: recipe.latent_of(seed) for seed in seeds if recipe.named_latent(seed)}
    drawn = [seed for seed in seeds if seed not in stored]
    ws = map_latents(generator, latents(drawn, generator.z_dim), recipe) if drawn else None
    if not stored and ws is not None:
        return ws
    place, mapped = next(generator.parameters()), iter(() if ws is None else ws)
    rows = []
    for seed in seeds:
        latent = stored.get(seed)
        if latent is None:
            rows.append(next(mapped))
        else:
            own = latent.ws(generator.num_ws, generator.w_dim)
            rows.append(torch.from_numpy(own.copy()).to(place))
    return torch.stack(rows) if rows else place.new_empty(0, generator.num_ws, generator.w_dim)


def map_latents(
    generator: Generator, rows: np.ndarray, recipe: Recipe, classes: np.ndarray | None = None
) -> Tensor:
    """ws [N, num_ws, w_dim] of the latents z, float64 [N, z_dim], as `seeds_to_ws`.

    classes: float64 [N, c_dim], weights of the classes of each row, instead of the recipe's.
    """
    own = next(generator.parameters())
    z = torch.from_numpy(rows).to(own)
    row = classes
    if row is None:
        row = told(recipe.class_idx, recipe.condition, generator.c_dim, len(rows))
    c = None if row is None else torch.from_numpy(row).to(own)
    with torch.no_grad():
        return generator.mapping(z, c, truncation_psi=recipe.trunc, truncation_cutoff=recipe.cutoff)
