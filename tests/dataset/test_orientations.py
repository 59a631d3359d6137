"""The eight ways to lay down an image have one key, the one that they had from the start."""

from __future__ import annotations

import numpy as np
import pytest

from nftgan.dataset.orientations import coarse_key, image_key, orientations
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


@pytest.mark.parametrize("shape", [(128, 128, 3), (64, 64)])
def test_the_coarse_key_is_that_of_the_exact_means(shape: tuple[int, ...]) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, shape).astype(np.uint8)
    step = shape[0] // 32
    means = np.empty((32, 32, *shape[2:]), np.uint8)
    for y, x in np.ndindex(32, 32):
        cell = pixels[y * step : (y + 1) * step, x * step : (x + 1) * step]
        means[y, x] = cell.sum(axis=(0, 1), dtype=int) // step**2
    laid = [np.rot90(one, turns) for one in (pixels, np.flip(pixels, 1)) for turns in range(4)]
    assert {coarse_key(np.ascontiguousarray(one)) for one in laid} == {image_key(means)}
    assert coarse_key(255 - pixels) != coarse_key(pixels)


@pytest.mark.parametrize("side", [8192, 16384])
def test_white_is_white_where_sums_reach_16_bits_and_beyond(side: int) -> None:
    white = np.broadcast_to(np.uint8(255), (side, side))  # one byte, however large it looks
    assert coarse_key(white) == image_key(np.full((32, 32), 255, np.uint8))


def test_small_images_have_one_key_by_both_rules() -> None:
    pixels = np.random.default_rng(2).integers(0, 256, (32, 32, 3)).astype(np.uint8)
    assert coarse_key(pixels) == image_key(pixels)
