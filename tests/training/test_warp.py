"""Sampling's adjoint in fixed point, and mirrored edges, as a GPU computes them."""

from __future__ import annotations

import math

import torch
from torch.nn import functional as F

from nftgan.training import warp


def sampled(shape: tuple[int, ...] = (2, 3, 9, 11)) -> tuple[torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(0)
    values = torch.randn(2, 3, 14, 12, generator=random)
    grid = torch.rand(2, 14, 12, 2, generator=random) * 2.6 - 1.3  # also outside
    return values, grid


def test_sums_in_fixed_point_are_those_of_floats() -> None:
    values, grid = sampled()
    shape = torch.Size((2, 3, 9, 11))
    images = torch.zeros(shape, dtype=torch.float64, requires_grad=True)
    y = F.grid_sample(images, grid.double(), "bilinear", "zeros", align_corners=False)
    (expected,) = torch.autograd.grad(y, images, values.double())
    found = warp.scattered_exactly(values, grid, shape)
    assert found.dtype == torch.float32
    assert (found - expected).abs().max() <= 3e-7 * expected.abs().max()
    tiny = warp.scattered_exactly(values * 1e-30, grid, shape)
    assert (tiny * 1e30 - expected).abs().max() <= 1e-6 * expected.abs().max()


def test_they_do_not_depend_on_the_order_of_places() -> None:
    values, grid = sampled()
    shape = torch.Size((2, 3, 9, 11))
    order = torch.randperm(14, generator=torch.Generator().manual_seed(1))
    first = warp.scattered_exactly(values, grid, shape)
    assert torch.equal(first, warp.scattered_exactly(values[:, :, order], grid[:, order], shape))


def test_nothing_and_what_is_no_number_stay_what_they_are() -> None:
    values, grid = sampled()
    shape = torch.Size((2, 3, 9, 11))
    assert not warp.scattered_exactly(values * 0, grid, shape).any()
    values[0, 0, 0, 0] = math.inf
    assert warp.scattered_exactly(values, grid, shape).isnan().all()


def test_the_choice_of_algorithms_is_as_before_afterwards() -> None:
    strict = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(True)
    try:
        warp.scattered_exactly(*sampled(), torch.Size((2, 3, 9, 11)))
        assert torch.are_deterministic_algorithms_enabled()
    finally:
        torch.use_deterministic_algorithms(strict)


def test_mirrored_edges_and_their_gradient_are_those_of_padding() -> None:
    x = torch.randn(2, 3, 7, 9, dtype=torch.float64, requires_grad=True)
    for sides in ([0, 0, 0, 0], [3, 0, 0, 5], [8, 8, 6, 6], [1, 2, 3, 4]):
        found, expected = warp.mirrored(x, sides), F.pad(x, sides, mode="reflect")
        assert torch.equal(found, expected)
        v = torch.randn_like(expected)
        gradients = [torch.autograd.grad(y, x, v)[0] for y in (found, expected)]
        torch.testing.assert_close(*gradients)
