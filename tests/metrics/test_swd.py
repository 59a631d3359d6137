"""Sliced Wasserstein distance: zero for equal sets, known for shifts, and it sees each scale."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from nftgan.errors import UsageError
from nftgan.metrics.swd import SCALE, Patches, _distance, level_distances, pyramid, swd


def smooth(count: int, seed: int, side: int = 64) -> np.ndarray:
    """uint8 [N, 3, S, S] of soft colourful clouds."""
    random = np.random.default_rng(seed)
    small = torch.from_numpy(random.uniform(40, 215, (count, 3, 5, 5)))
    wide = torch.nn.functional.interpolate(small, (side, side), mode="bicubic")
    return wide.clamp(0, 255).numpy().astype(np.uint8)


def patches(images: np.ndarray, seed: int = 0) -> Patches:
    found = Patches(seed=seed)
    for start in range(0, len(images), 7):
        found.add(images[start : start + 7])
    return found


def test_a_set_is_at_distance_zero_from_itself() -> None:
    images = smooth(16, 0)
    same = swd(patches(images), patches(images))
    assert same.value == 0 and same.error == 0
    other = swd(patches(images, seed=1), patches(images))
    assert 0 < other.value < 200  # other places of the same images


def test_the_pyramid_can_be_put_together_again() -> None:
    x = torch.rand(2, 3, 64, 64, dtype=torch.float32) * 255
    levels = pyramid(x)
    assert [level.shape[-1] for level in levels] == [64, 32, 16]
    constant = pyramid(torch.full((1, 3, 64, 64), 9.0))
    assert all(float(level.abs().max()) < 1e-4 for level in constant[:-1])
    torch.testing.assert_close(constant[-1], torch.full((1, 3, 16, 16), 9.0))


def test_one_dimension_is_the_known_distance() -> None:
    random = np.random.default_rng(0)
    a = random.standard_normal((40, 5, 2)).astype(np.float32)
    assert _distance(a, a + np.float32(0.25)) == pytest.approx(250, rel=1e-4)
    # E|F^-1(u) - G^-1(u)| of two centred Gaussians is |s - t| sqrt(2 / pi).
    x, y = (random.standard_normal((4000, 10, 1)).astype(np.float32) for _ in range(2))
    assert _distance(x, 1.5 * y) == pytest.approx(SCALE * 0.5 * math.sqrt(2 / math.pi), rel=0.03)


def test_sets_of_other_sizes_are_compared_at_equal_ranks() -> None:
    line = np.linspace(0, 1, 6001, dtype=np.float32)[:, None, None]
    assert _distance(line[::3], line) == pytest.approx(0, abs=0.2)
    assert _distance(line, line[::5] + np.float32(0.5)) == pytest.approx(500, abs=1)
    assert _distance(line[::5] + np.float32(0.5), line) == pytest.approx(500, abs=1)


def test_a_wrong_texture_shows_in_its_level_only() -> None:
    images = smooth(24, 0)
    noise = np.random.default_rng(2).integers(-12, 13, images.shape)
    grainy = (images + noise).clip(0, 255).astype(np.uint8)
    fine, *_, coarse = level_distances(patches(grainy), patches(images))
    assert fine > 20 * coarse


def test_wrong_colours_count() -> None:
    images = smooth(24, 0)
    reddish = images.copy()
    reddish[:, 0] = (reddish[:, 0] * 0.5 + 127).astype(np.uint8)
    floor = swd(patches(smooth(24, 1)), patches(images))
    found = swd(patches(reddish), patches(images))
    assert found.value > floor.value + 3 * max(floor.error, found.error)


def test_the_error_is_about_the_spread_of_repetitions() -> None:
    found = [swd(patches(smooth(24, 2 * s), 1), patches(smooth(24, 2 * s + 1))) for s in range(12)]
    spread = np.std([f.value for f in found])
    assert spread / 4 < np.mean([f.error for f in found]) < 4 * spread


def test_grey_images_count_as_equal_channels() -> None:
    grey = smooth(9, 0)[:, :1]
    assert swd(patches(grey), patches(grey.repeat(3, axis=1))).value == 0


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(UsageError, match="16 is the least"):
        patches(np.zeros((8, 3, 8, 8), np.uint8))
    with pytest.raises(UsageError, match="at least 8"):
        swd(patches(smooth(7, 0)), patches(smooth(9, 0)))
    with pytest.raises(UsageError, match="images of one size"):
        swd(patches(smooth(9, 0, side=32)), patches(smooth(9, 0)))
    mixed = patches(smooth(9, 0))
    with pytest.raises(UsageError, match="must have one size"):
        mixed.add(smooth(2, 0, side=32))
