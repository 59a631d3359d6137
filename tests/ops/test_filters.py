"""Filter design against scipy's numbers, and the preparation of taps."""

from __future__ import annotations

import pytest
import torch

from nftgan.ops import design_lowpass, setup_filter
from tests.ops.golden import Golden, check

GOLDEN = Golden("ops_misc")


@pytest.mark.parametrize("case", [name for name in GOLDEN.parameters if name.startswith("design")])
def test_designed_filters_equal_the_published_ones(case: str) -> None:
    p = GOLDEN.parameters[case]
    f = design_lowpass(
        p["numtaps"],
        cutoff=p["cutoff"],
        half_width=p["width"] / 2,
        rate=p["fs"],
        radial=p["radial"],
    )
    assert f.dtype == torch.float32
    check(f, GOLDEN.tensor(case, "f"), 1e-7)


def test_a_single_tap_is_no_filter() -> None:
    assert design_lowpass(1, cutoff=1, half_width=1, rate=4) is None


def test_short_filters_become_squares_and_long_ones_stay_separable() -> None:
    square = setup_filter([1, 3, 3, 1])
    assert square.shape == (4, 4)
    assert square[1, 2] * 64 == pytest.approx(9)
    long = setup_filter(list(range(1, 13)), gain=4)
    assert long.shape == (12,)
    assert float(long.sum()) == pytest.approx(2)  # one of two axes
    assert setup_filter(None).tolist() == [[1.0]]
