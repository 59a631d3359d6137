"""The eight ways to lay down an image have one key, the one that they had from the start."""

from __future__ import annotations

import numpy as np
import pytest

from nftgan.dataset.orientations import image_key, orientations
from nftgan.pixels import pixel_digest


@pytest.mark.parametrize("shape", [(8, 8, 3), (8, 8), (4, 4, 3)])
def test_all_eight_share_the_least_digest_of_their_turns(shape: tuple[int, ...]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    plain = [np.rot90(one, turns) for one in (pixels, np.flip(pixels, 1)) for turns in range(4)]
    laid = list(orientations(pixels))
    assert {one.tobytes() for one in laid} == {one.tobytes() for one in plain}
    assert len(laid) == len({one.tobytes() for one in laid}) == 8
    assert all(one.shape == shape for one in laid)
    assert {image_key(one) for one in plain} == {min(map(pixel_digest, plain))}
    assert image_key(pixels ^ 1) != image_key(pixels)
