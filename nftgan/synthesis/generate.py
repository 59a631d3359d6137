"""Preview images in batches of float32, and the contact sheet that shows many at once."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from nftgan.alpha import over_board, straight
from nftgan.errors import UsageError
from nftgan.files import atomic_path
from nftgan.networks.protocols import Generator
from nftgan.networks.sampling import to_uint8
from nftgan.synthesis.finish import apply_finish
from nftgan.synthesis.latents import check_recipe, seeds_to_ws, synthesize
from nftgan.synthesis.recipe import Recipe

BATCH = 8


def to_pixels(x: Tensor) -> np.ndarray:
    """A generator's output [N, 1, 3 or 4, H, W] as uint8 [N, H, W, 3]: floor(127.5 x + 128).

    Of 4 channels, which are premultiplied, [N, H, W, 4] with straight colours.
    """
    pixels = to_uint8(x)
    if pixels.shape[1] == 1:
        pixels = pixels.repeat(1, 3, 1, 1)
    made = pixels.permute(0, 2, 3, 1).contiguous().cpu().numpy()
    return straight(made) if made.shape[3] == 4 else made


class Previews:
    """A sized iterable of (seed, uint8 [H, W, C]): near the canonical image, not always equal.

    C is 3, or 4 (straight RGBA) of a generator that makes transparent images.

    Each iteration renders anew, `batch` images at a time. Raises UsageError at once when the
    generator cannot follow the recipe.
    """

    def __init__(
        self, generator: Generator, seeds: Sequence[int], recipe: Recipe, *, batch: int = BATCH
    ) -> None:
        if batch < 1:
            raise UsageError(f"a batch of {batch} images is not possible", hint="use 1 or more")
        check_recipe(generator, recipe)
        self.seeds = tuple(int(seed) for seed in seeds)
        self._generator, self._recipe, self._batch = generator, recipe, batch

    def __len__(self) -> int:
        return len(self.seeds)

    def __iter__(self) -> Iterator[tuple[int, np.ndarray]]:
        for start in range(0, len(self.seeds), self._batch):
            seeds = self.seeds[start : start + self._batch]
            for seed, image in zip(seeds, self._render(seeds), strict=True):
                yield seed, apply_finish(image, self._recipe.finish)

    def _render(self, seeds: Sequence[int]) -> np.ndarray:
        ws = seeds_to_ws(self._generator, seeds, self._recipe)
        return to_pixels(synthesize(self._generator, ws, self._recipe))


def images_of_ws(
    generator: Generator, ws: np.ndarray | Tensor, recipe: Recipe, *, batch: int = BATCH
) -> Iterator[np.ndarray]:
    """The uint8 [H, W, 3 or 4] of each of the latents [N, num_ws, w_dim], moved and finished.

    Truncation and class are those that the latents were mapped with, so the recipe's have no
    effect. Raises UsageError at once for another shape or a recipe that cannot be followed.
    """
    rows = torch.as_tensor(ws)
    shape = (generator.num_ws, generator.w_dim)
    if rows.ndim != 3 or tuple(rows.shape[1:]) != shape:
        raise UsageError(
            f"the latents are {list(rows.shape)}, the model takes [N, {shape[0]}, {shape[1]}]",
            hint="model.ws(seeds) gives such latents",
        )
    check_recipe(generator, recipe)
    return _images_of_ws(generator, rows, recipe, batch)


def _images_of_ws(
    generator: Generator, rows: Tensor, recipe: Recipe, batch: int
) -> Iterator[np.ndarray]:
    own = next(generator.parameters())
    for start in range(0, len(rows), batch):
        part = rows[start : start + batch]
        pixels = to_pixels(synthesize(generator, part.to(own), recipe))
        for image in pixels:
            yield apply_finish(image, recipe.finish)


def write_sheet(path: Path, image: np.ndarray) -> None:
    """`path` holds uint8 [H, W, 3] as a small PNG; a sheet is looked at and never hashed."""
    with atomic_path(path) as temporary:
        Image.fromarray(image).save(temporary, format="PNG", optimize=True)


def contact_sheet(
    images: Sequence[np.ndarray] | np.ndarray, columns: int | None = None, gap: int = 0
) -> np.ndarray:
    """uint8 [H, W, 3] with all `images` (each uint8 [h, w, 3]) in reading order on white.

    RGBA [h, w, 4] lies over a checkerboard.

    columns: None for a sheet about as wide as high; gap: white pixels between images.
    """
    if len(images) == 0:
        raise UsageError("there are no images to put on a sheet")
    columns = columns or math.ceil(math.sqrt(len(images)))
    columns = min(columns, len(images))
    rows = math.ceil(len(images) / columns)
    height, width = images[0].shape[:2]
    shape = (rows * (height + gap) - gap, columns * (width + gap) - gap, 3)
    sheet = np.full(shape, 255, dtype=np.uint8)
    for number, image in enumerate(images):
        image = over_board(image, cell=max(8, height // 32))
        if image.shape != (height, width, 3):
            raise UsageError(f"image {number} of the sheet has another size")
        y, x = (number // columns) * (height + gap), (number % columns) * (width + gap)
        sheet[y : y + height, x : x + width] = image
    return sheet
