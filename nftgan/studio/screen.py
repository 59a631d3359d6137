"""Images as the browser gets them: small files, tiles of the grid, and without enlargement."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
from PIL import Image

from nftgan.synthesis.recipe import Finish, Recipe

TILE = 256  # pixels a side of an image in the grid, at most
CONTOUR_SIDE = 256  # pixels to which plain colours are enlarged for the screen
LOSSLESS = 96  # pixels a side up to which PNG is as small as WebP


def encode(image: np.ndarray) -> bytes:
    """uint8 [H, W, 3 or 4] as a small PNG, or WebP where that is much smaller."""
    buffer = io.BytesIO()
    pil_image = Image.fromarray(image)
    if max(image.shape[:2]) <= LOSSLESS:
        pil_image.save(buffer, "PNG", compress_level=4)
    else:
        pil_image.save(buffer, "WEBP", quality=90, method=1)
    return buffer.getvalue()


def tile(image: np.ndarray) -> np.ndarray:
    """uint8 [H, W, 3 or 4], made smaller where it is larger than the grid shows it."""
    if max(image.shape[:2]) <= TILE:
        return image
    side = (TILE, TILE)
    return np.asarray(Image.fromarray(image).resize(side, Image.Resampling.LANCZOS))


def image_type(data: bytes) -> str:
    """The media type of what `encode` made."""
    return "image/png" if data.startswith(b"\x89PNG") else "image/webp"


def raw_key(seed: int, recipe: Recipe) -> tuple[object, ...]:
    """Names the image of `seed` before any finish."""
    told = recipe.condition if recipe.class_idx is None else recipe.class_idx
    return seed, recipe.trunc, recipe.cutoff, told, recipe.translate, recipe.rotate


def screen_recipe(recipe: Recipe) -> Recipe:
    """`recipe` without its enlargement: the browser enlarges, and without blur."""
    if recipe.finish is None:
        return recipe
    side = recipe.size[0] // recipe.finish.upscale
    finish = screen_finish(recipe.finish, side)
    return replace(recipe, finish=finish, size=(side * finish.upscale,) * 2)


def screen_finish(finish: Finish, side: int) -> Finish:
    """`finish` as the browser gets it; only contour, which no browser knows, enlarges a little.

    side: pixels before the enlargement.
    """
    if finish.filter != "contour":
        return finish.without_enlargement
    return replace(finish, upscale=min(finish.upscale, max(2, CONTOUR_SIDE // side)))
