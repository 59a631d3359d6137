"""Whole-number OKLab against the published float formulas."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from nftgan.oklab import UNIT, _cube_root, _linear_table, oklab


def float_oklab(rgb: np.ndarray) -> np.ndarray:
    """Ottosson (2020), through linear sRGB, in float64."""
    v = rgb / 255
    linear = np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)
    r, g, b = np.moveaxis(linear, -1, 0)
    l_ = np.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b)
    m_ = np.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b)
    s_ = np.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b)
    return np.stack(
        [
            0.2104542553 * l_ + 0.7936177850 * m_ - 0.0040720468 * s_,
            1.9779984951 * l_ - 2.4285922050 * m_ + 0.4505937099 * s_,
            0.0259040371 * l_ + 0.7827717662 * m_ - 0.8086757660 * s_,
        ],
        axis=-1,
    )


def test_whole_numbers_stay_close_to_the_float_formulas() -> None:
    cube = np.stack(np.meshgrid(*[np.arange(0, 256, 15)] * 3), axis=-1).reshape(-1, 3)
    error = np.abs(oklab(cube.astype(np.uint8)) / UNIT - float_oklab(cube))
    # Near black the cube root is steep, and one step of the linear table is many units.
    assert error.max() * UNIT < 5 and error.mean() * UNIT < 1


def test_white_black_and_the_primaries_lie_where_published() -> None:
    rgb = np.array([[255, 255, 255], [0, 0, 0], [255, 0, 0]], dtype=np.uint8)
    expected = [[1, 0, 0], [0, 0, 0], [0.627955, 0.224863, 0.125846]]
    assert np.abs(oklab(rgb) / UNIT - expected).max() < 0.001


@given(st.integers(0, 2**37))
def test_the_cube_root_is_the_exact_floor(value: int) -> None:
    root = int(_cube_root(np.array([value]))[0])
    assert root**3 <= value < (root + 1) ** 3


def test_cubes_and_their_neighbours_are_exact() -> None:
    roots = np.arange(1, 5000)
    assert np.array_equal(_cube_root(roots**3), roots)
    assert np.array_equal(_cube_root(roots**3 - 1), roots - 1)


def test_no_entry_of_the_table_lies_near_a_rounding_step() -> None:
    v = np.arange(256) / 255
    exact = np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4) * 65535
    # So the last bit of a platform's power function cannot change the table.
    assert np.abs(exact - np.floor(exact) - 0.5).min() > 1e-6
    assert np.array_equal(_linear_table()[[0, 255]], [0, 65535])
