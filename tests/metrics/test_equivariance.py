"""Equivariance measured on images whose motion is known exactly."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from nftgan.errors import UsageError
from nftgan.metrics import equivariance
from nftgan.metrics.equivariance import (
    band_kernel,
    eq_r,
    eq_t,
    octagon,
    rotation_error,
    translation_error,
)
from nftgan.networks import build_generator
from nftgan.networks.architecture import StyleGAN2Config, StyleGAN3Config, stylegan3_r

SIZE = 32
Sampler = Callable[[np.ndarray], torch.Tensor]


def waves(highest: float, *, glued: float = 0.0, size: int = SIZE) -> Sampler:
    """An ideal sampler: plane waves below `highest` cycles a pixel, sampled where they moved.

    `glued` is the amplitude of a pattern that stays on its pixels.
    """
    random = np.random.default_rng(1)
    angles, radii = random.uniform(0, 2 * math.pi, 12), highest * np.sqrt(random.uniform(0, 1, 12))
    f = size * radii[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    phase = random.uniform(0, 2 * math.pi, 12)
    pattern = glued * random.choice([-1.0, 1.0], (size, size))

    def sample(transform: np.ndarray) -> torch.Tensor:
        u = (np.arange(size) + 0.5) / size - 0.5
        x, y = np.meshgrid(u, u)
        places = np.stack([x, y, np.ones_like(x)], axis=-1) @ transform.T  # [S, S, 3]
        image = np.sin(2 * math.pi * places[..., :2] @ f.T + phase).mean(axis=-1) + pattern
        return torch.from_numpy(image)[None, None]

    return sample


def decibels(error: tuple[float, int]) -> float:
    return math.inf if error[0] == 0 else 10 * math.log10(4 * error[1] / error[0])


def test_an_ideal_sampler_follows_whole_pixels_to_rounding() -> None:
    error = translation_error(waves(0.5), np.array([0.11, -0.07]), fractional=False)
    assert decibels(error) > 280
    assert error[1] == (SIZE - 4) * (SIZE - 2)  # rounded to 4 right and 2 up


def test_an_ideal_sampler_follows_fractions_as_far_as_lanczos_can_tell() -> None:
    for shift in ([0.11, -0.07], [-0.016, 0.1], [0.125, 0.0]):
        assert decibels(translation_error(waves(0.1), np.array(shift), fractional=True)) > 55


@pytest.mark.parametrize("degrees", [0, 1, 30, 45, 90, 133, 180, -77])
def test_an_ideal_sampler_follows_rotations(degrees: float) -> None:
    assert decibels(rotation_error(waves(0.25, size=48), math.radians(degrees))) > 60


@pytest.mark.parametrize("degrees", [30, 90, -120])
def test_rotating_the_wrong_way_is_seen(degrees: float) -> None:
    sample = waves(0.25, size=48)

    def wrong(transform: np.ndarray) -> torch.Tensor:
        return sample(np.linalg.inv(transform))

    assert decibels(rotation_error(wrong, math.radians(degrees))) < 30


def test_a_glued_pattern_costs_what_its_amplitude_says() -> None:
    # Two independent patterns of +-a differ by 2 a^2 on average: 10 log10(4 / (2 a^2)) dB.
    for amplitude in (0.01, 0.1, 1.0):
        sample = waves(0.2, glued=amplitude, size=256)
        error = translation_error(sample, np.array([0.1, 0.05]), fractional=False)
        assert decibels(error) == pytest.approx(10 * math.log10(2 / amplitude**2), abs=0.3)
    assert decibels(rotation_error(waves(0.2, glued=0.1, size=64), 0.6)) < 30


def test_a_shift_of_nothing_is_compared_on_every_pixel() -> None:
    sample = waves(0.3)
    for fractional in (False, True):
        total, count = translation_error(sample, np.zeros(2), fractional=fractional)
        assert (total, count) == (0, SIZE * SIZE)


@pytest.mark.parametrize("degrees", [0, 7, 30, 45, 80, 90, 200, -60])
def test_the_kernel_is_the_fourier_integral_of_what_both_grids_hold(degrees: float) -> None:
    a = math.radians(degrees)
    turn = np.array([[math.cos(a), -math.sin(a)], [math.sin(a), math.cos(a)]])
    corners = octagon(turn)
    f = (np.arange(1000) + 0.5) / 1000 - 0.5
    grid = np.stack(np.meshgrid(f, f), axis=-1).reshape(-1, 2)
    inside = grid[(np.abs(grid @ turn.T) <= 0.5).all(axis=1)]
    offsets = np.array([[0.0, 0.0], [1e-7, 0.0], [0.3, -0.8], [2.0, 1.0], [-4.1, 3.7]])
    sums = np.cos(2 * math.pi * offsets @ inside.T).sum(axis=1) / 1e6
    np.testing.assert_allclose(band_kernel(offsets, corners), sums, atol=5e-4)


def test_without_a_rotation_the_kernel_is_the_product_of_two_sincs() -> None:
    v = np.random.default_rng(0).uniform(-6, 6, (500, 2))
    expected = np.sinc(v[:, 0]) * np.sinc(v[:, 1])
    np.testing.assert_allclose(band_kernel(v, octagon(np.eye(2))), expected, atol=1e-12)


SMALL = {"z_dim": 16, "w_dim": 16, "channel_base": 1024, "channel_max": 16}
T = StyleGAN3Config(32, **SMALL)  # type: ignore[arg-type]
R = stylegan3_r(32, **SMALL)


def test_stylegan3_t_follows_translation_and_stylegan3_r_also_rotation() -> None:
    t, r = (build_generator(config, seed=0).eval().requires_grad_(False) for config in (T, R))
    assert eq_t(t, samples=8) > 60
    assert eq_t(r, samples=8) > 60
    assert eq_r(r, samples=8) > 40
    assert eq_r(r, samples=8) > eq_r(t, samples=8) + 10
    assert eq_t(t, samples=8, fractional=True) > 55


def test_a_seed_decides_the_figure_and_the_transform_stays() -> None:
    G = build_generator(T, seed=0).eval().requires_grad_(False)
    before = torch.eye(3) * 2 - 1
    G.synthesis.input.transform.copy_(before)
    first = eq_t(G, samples=3, seed=5, batch=2)
    assert first == eq_t(G, samples=3, seed=5, batch=2)
    assert first != eq_t(G, samples=3, seed=6, batch=2)
    assert torch.equal(G.synthesis.input.transform, before)


def test_every_class_can_be_measured() -> None:
    small = StyleGAN3Config(32, c_dim=3, **SMALL)  # type: ignore[arg-type]
    G = build_generator(small, seed=0).eval().requires_grad_(False)
    assert math.isfinite(eq_t(G, samples=2))


def test_what_cannot_be_moved_or_measured_is_refused() -> None:
    G = build_generator(StyleGAN2Config(32, **SMALL), seed=0).eval()  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="only StyleGAN3"):
        eq_t(G)
    with pytest.raises(UsageError, match="measure nothing"):
        eq_r(build_generator(T, seed=0).eval(), samples=0)
    with pytest.raises(UsageError, match="too small"):
        rotation_error(waves(0.2, size=8), 0.5)
    with pytest.raises(UsageError, match="too small"):
        translation_error(waves(0.2, size=4), np.array([0.1, 0.1]), fractional=True)


class Still:
    """A generator that is told of a move and does not follow it."""

    movable = True

    def __init__(self, generator: Any) -> None:
        self.generator = generator

    def __getattr__(self, name: str) -> Any:
        return getattr(self.generator, name)

    def synthesis(self, ws: torch.Tensor, *, transform: torch.Tensor, **options: Any) -> Any:
        return self.generator.synthesis(ws, **options)


def test_a_generator_that_ignores_the_move_scores_low() -> None:
    G = build_generator(StyleGAN2Config(32, **SMALL), seed=0).eval().requires_grad_(False)  # type: ignore[arg-type]
    # StyleGAN2 has no input to move: its details stay where they are.
    still = Still(G)
    assert eq_t(still, samples=4) < 40
    assert eq_r(still, samples=4) < 40


def test_the_range_of_an_image_is_two() -> None:
    mean = equivariance._Mean()
    mean.add(0.0004, 100)
    assert mean.decibels() == pytest.approx(60)
