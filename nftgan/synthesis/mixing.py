"""Style mixing: the coarse layers of one seed with the fine layers of another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from torch import Tensor

from nftgan.errors import UsageError
from nftgan.synthesis.finish import apply_finish
from nftgan.synthesis.generate import contact_sheet, to_pixels
from nftgan.synthesis.latents import check_recipe, seeds_to_ws, synthesize
from nftgan.synthesis.model import Model
from nftgan.synthesis.recipe import Recipe

COARSE = 7
"""By default layers 0 to 6 come from the column: pose and shape, not colour; of a small model the
first half, so that something of the row is always left."""


def coarse_layers(count: int) -> list[int]:
    """The layers of a model with `count` that a mix takes from the column by default."""
    return list(range(max(1, min(COARSE, count // 2))))


class Mix:
    """A sized iterable of (row seed, column seed, uint8 [H, W, 3]) in reading order.

    Image (r, c) has the styles of row r, but in `layers` those of column c (Karras et al. 2019,
    3.1), both after truncation. layers: None for `coarse_layers`. Raises UsageError for layers that
    the model does not have and for recipes that it cannot follow.
    """

    def __init__(
        self,
        model: Model,
        rows: Sequence[int],
        columns: Sequence[int],
        recipe: Recipe | None = None,
        *,
        layers: Sequence[int] | None = None,
    ) -> None:
        self._generator = model.generator
        self._recipe = recipe or model.recipe()
        check_recipe(self._generator, self._recipe)
        count = self._generator.num_ws
        self._layers = coarse_layers(count) if layers is None else list(layers)
        for layer in self._layers:
            if not 0 <= layer < count:
                raise UsageError(f"layer {layer} is not one of 0 to {count - 1}")
        if not rows or not columns:
            raise UsageError("a mixing grid needs at least one row and one column")
        self.rows, self.columns = tuple(rows), tuple(columns)

    def __len__(self) -> int:
        return len(self.rows) * len(self.columns)

    def __iter__(self) -> Iterator[tuple[int, int, np.ndarray]]:
        for seed, column, ws in self.latents():
            x = synthesize(self._generator, ws, self._recipe)
            yield seed, column, apply_finish(to_pixels(x)[0], self._recipe.finish)

    def latents(self) -> Iterator[tuple[int, int, Tensor]]:
        """(row seed, column seed, ws [1, num_ws, w_dim]) of each image."""
        across = seeds_to_ws(self._generator, self.columns, self._recipe)  # [C, num_ws, w_dim]
        for seed in self.rows:
            mixed = seeds_to_ws(self._generator, [seed], self._recipe).repeat(
                len(self.columns), 1, 1
            )
            mixed[:, self._layers] = across[:, self._layers]
            for column, ws in zip(self.columns, mixed, strict=True):
                yield seed, column, ws[None]


def grid_of_mixes(
    model: Model,
    rows: Sequence[int],
    columns: Sequence[int],
    recipe: Recipe | None = None,
    *,
    layers: Sequence[int] | None = None,
) -> np.ndarray:
    """uint8 [(R + 1) H, (C + 1) W, 3]: all mixes, under the columns and beside the rows themselves.

    The corner is black; arguments and errors as for `Mix`.
    """
    mixes = Mix(model, rows, columns, recipe, layers=layers)
    recipe = recipe or model.recipe()
    width, height = recipe.size
    tiles = [np.zeros((height, width, 3), dtype=np.uint8)]
    tiles += [image for _, image in model.previews(mixes.columns, recipe)]
    beside = dict(model.previews(mixes.rows, recipe))
    for number, (seed, _, image) in enumerate(mixes):
        if number % len(mixes.columns) == 0:
            tiles.append(beside[seed])
        tiles.append(image)
    return contact_sheet(tiles, columns=len(mixes.columns) + 1)
