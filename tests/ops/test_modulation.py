"""A convolution with shared weights between scaled channels is the one with each sample's own."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from nftgan.ops import modulated_conv2d
from nftgan.ops.modulation import shared


def normal(*size: int, seed: int = 0) -> Tensor:
    random = torch.Generator().manual_seed(seed)
    return torch.randn(size, generator=random, dtype=torch.float64)


def convolved(x: Tensor, weight: Tensor, styles: Tensor, **options: object) -> Tensor:
    way = shared(weight, styles, **options)  # type: ignore[arg-type]
    y = F.conv2d(x * way.scale_in[:, :, None, None], way.weight, padding=1)
    return y if way.scale_out is None else y * way.scale_out[:, :, None, None]


@pytest.mark.parametrize(("demodulate", "normalize"), [(True, True), (True, False), (False, False)])
def test_it_is_the_same_function_with_the_same_derivatives(
    demodulate: bool, normalize: bool
) -> None:
    x, weight, styles = normal(2, 5, 6, 7), normal(4, 5, 3, 3, seed=1), normal(2, 5, seed=2) + 1
    gain = torch.tensor(0.7, dtype=torch.float64)
    results = []
    for way in (convolved, modulated_conv2d):
        own = [t.clone().requires_grad_() for t in (x, weight, styles)]
        more = {"magnitude": gain**-2}
        if way is modulated_conv2d:
            more = {"padding": 1, "input_gain": gain}
        if normalize or way is modulated_conv2d:
            more["normalize"] = normalize
        y = way(*own, demodulate=demodulate, **more)  # type: ignore[operator]
        gradients = torch.autograd.grad(y.sin().sum(), own, create_graph=True)
        total = torch.stack([g.square().sum() for g in gradients]).sum()
        results.append([y, *gradients, *torch.autograd.grad(total, own)])
    for found, expected in zip(*results, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9)


def test_gradients_of_the_shared_form_are_those_of_finite_differences() -> None:
    x, weight, styles = normal(2, 2, 3, 3), normal(2, 2, 3, 3, seed=1), normal(2, 2, seed=2) + 1
    own = tuple(t.requires_grad_() for t in (x, weight, styles))

    def way(x: Tensor, weight: Tensor, styles: Tensor) -> Tensor:
        return convolved(x, weight, styles, demodulate=True, normalize=True)

    assert torch.autograd.gradcheck(way, own)
    assert torch.autograd.gradgradcheck(way, own)


@pytest.mark.parametrize("size", [1e-4, 1.0, 1e4])
def test_what_lies_between_the_scales_stays_inside_half_s_range(size: float) -> None:
    """However large the weights and styles have grown, at the clamp of the layer before."""
    x = normal(2, 512, 4, 4).clamp(-1, 1) * 256
    way = shared(
        normal(64, 512, 3, 3, seed=1) * size,
        normal(2, 512, seed=2) * size,
        demodulate=True,
        normalize=True,
    )
    scaled = x * way.scale_in[:, :, None, None]
    between = F.conv2d(scaled, way.weight, padding=1)
    assert scaled.abs().max() < 6e4 and between.abs().max() < 6e4
    assert way.scale_out is not None and 0.3 < way.scale_out.min() < way.scale_out.max() < 3
    half = F.conv2d(scaled.half().double(), way.weight.half().double(), padding=1)
    assert (half - between).norm() < 1e-3 * between.norm()


def test_weights_or_styles_of_zeros_give_zeros() -> None:
    for weight, styles in (
        (torch.zeros(2, 3, 3, 3), normal(1, 3).float()),
        (torch.ones(2, 3, 3, 3), torch.zeros(1, 3)),
    ):
        y = convolved(normal(1, 3, 4, 4).float(), weight, styles, demodulate=True)
        assert torch.equal(y, torch.zeros_like(y))
