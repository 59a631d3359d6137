"""Style mixing: which layers come from where."""

from __future__ import annotations

import numpy as np
import pytest
from tiny import stylegan3

from nftgan.errors import UsageError
from nftgan.synthesis.mixing import Mix, coarse_layers, grid_of_mixes
from nftgan.synthesis.recipe import Finish


def test_no_layer_gives_the_row_and_all_layers_the_column() -> None:
    model = stylegan3()
    row, column = model.generate([1]).astype(int)[0], model.generate([2]).astype(int)[0]
    for layers, expected in (((), row), (range(8), column)):
        [(r, c, image)] = Mix(model, [1], [2], layers=layers)
        assert (r, c) == (1, 2)
        assert np.abs(image - expected).max() <= 1


def test_mixing_layers_changes_the_image_away_from_both() -> None:
    model = stylegan3()
    [(_, _, mixed)] = Mix(model, [1], [2], layers=range(4))
    for seed in (1, 2):
        assert np.abs(mixed.astype(int) - model.generate([seed])[0]).mean() > 1


def test_the_grid_shows_columns_above_rows_beside_and_a_black_corner() -> None:
    model = stylegan3()
    recipe = model.recipe(finish=Finish(8, 4, 1))
    sheet = grid_of_mixes(model, [5, 6], [7, 8, 9], recipe)
    assert sheet.shape == (3 * 8, 4 * 8, 3)
    assert not sheet[:8, :8].any()
    assert np.array_equal(sheet[:8, 16:24], model.generate([7, 8, 9], recipe)[1])
    assert np.array_equal(sheet[16:, :8], model.generate([5, 6], recipe)[1])
    cells = [image for _, _, image in Mix(model, [5, 6], [7, 8, 9], recipe)]
    assert np.array_equal(sheet[16:, 24:], cells[5])


def test_impossible_mixes_are_refused() -> None:
    model = stylegan3()
    with pytest.raises(UsageError, match="layer 8 is not one of 0 to 7"):
        Mix(model, [1], [2], layers=[0, 8])
    with pytest.raises(UsageError, match="at least one row"):
        Mix(model, [], [2])
    assert len(Mix(model, [1, 2], [3, 4, 5])) == 6


@pytest.mark.parametrize(("count", "taken"), [(1, 1), (2, 1), (7, 3), (8, 4), (16, 7), (18, 7)])
def test_by_default_a_mix_takes_half_the_layers_and_never_all(count: int, taken: int) -> None:
    assert coarse_layers(count) == list(range(taken))


def test_a_default_mix_of_a_small_model_differs_from_row_and_column() -> None:
    model = stylegan3()
    [(_, _, mixed)] = Mix(model, [1], [2])
    for seed in (1, 2):
        assert np.abs(mixed.astype(int) - model.generate([seed])[0]).max() > 1
