"""The taps of an enlarged line lie around its centre."""

from __future__ import annotations

from fractions import Fraction

import pytest

from nftgan.synthesis.taps import taps


@pytest.mark.parametrize("factor", [1, 2, 5, 16, 64])
def test_each_line_lies_between_its_two_inner_taps_where_its_centre_is(factor: int) -> None:
    found = list(taps(factor))
    assert len(found) == factor
    for r, (p, q, first) in enumerate(found):
        assert 0 <= p < q
        centre = Fraction(2 * r + 1, 2 * factor) - Fraction(1, 2)  # of line j's centre
        assert centre == first + 1 + Fraction(p, q)
