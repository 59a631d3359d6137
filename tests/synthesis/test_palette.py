"""The palette of a finish against its description, followed slowly and literally."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nftgan.synthesis.palette import to_palette
from tests.synthesis.slow_palette import slow_palette

SQUARES = st.integers(1, 9).flatmap(lambda n: arrays(np.uint8, (n, n, 3)))
FEW_LEVELS = st.integers(1, 6).flatmap(
    lambda n: arrays(np.uint8, (n, n, 3), elements=st.sampled_from([0, 1, 2, 90, 91, 255]))
)


@settings(deadline=None, max_examples=60)
@given(SQUARES | FEW_LEVELS, st.integers(2, 9))
def test_the_palette_follows_its_description(image: np.ndarray, limit: int) -> None:
    assert np.array_equal(to_palette(image, limit), slow_palette(image, limit))


def test_a_photograph_sized_palette_has_the_asked_for_colours_and_small_errors() -> None:
    y, x = np.mgrid[:200, :200]
    image = np.stack([x, y, (x + y) // 2], axis=2).astype(np.uint8)
    small = to_palette(image, 64)
    assert len(np.unique(small.reshape(-1, 3), axis=0)) > 50
    assert np.abs(small.astype(int) - image).mean() < 8
