"""Demodulation's definition, which the kernels are compared with, has right derivatives itself.

The kernels are interpreted in `interpreted_scales.py`, which `test_triton_scales.py` runs.
"""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from nftgan.ops import gpu_demodulation, gpu_scales
from nftgan.ops.gpu_demodulation import Demodulation, Kept, definition
from nftgan.ops.modulation import modulated_weights


def given(size: float = 1.0) -> tuple[Tensor, Tensor, Tensor]:
    random = torch.Generator().manual_seed(0)
    weight, styles = (
        torch.randn(n, generator=random, dtype=torch.float64) * size for n in ((3, 4, 2, 2), (2, 4))
    )
    return weight.requires_grad_(), styles.requires_grad_(), torch.tensor(0.7).double()


@pytest.mark.parametrize("normalize", [True, False])
def test_the_definition_is_demodulation_with_right_second_derivatives(normalize: bool) -> None:
    weight, styles, gain = given()
    how = Demodulation(1e-8, 1e-30, normalize, torch.float64)
    y, x, scale = definition(weight, styles, None, how)
    made = y[None] * x[:, None, :, None, None] * scale[:, :, None, None, None]
    torch.testing.assert_close(made, modulated_weights(weight, styles, demodulate=True))
    inputs = weight, styles
    assert torch.autograd.gradcheck(lambda w, s: definition(w, s, gain, how), inputs)
    assert torch.autograd.gradgradcheck(lambda w, s: definition(w, s, gain, how), inputs)


@pytest.mark.parametrize("normalize", [True, False])
def test_what_a_third_derivative_goes_through_is_the_second(normalize: bool) -> None:
    weight, styles, gain = given(1e-3)
    how = Demodulation(1e-8, 1e-30, normalize, torch.float64)
    _, x, scale = definition(weight, styles, gain, how)
    plain = scale / gain
    # Gradients that themselves depend on the styles: what flows through them is not asked for.
    gx, gz = x.square(), scale.square()
    (gs,) = torch.autograd.grad([x, scale], styles, [gx.detach(), gz.detach()], create_graph=True)
    v = torch.linspace(-1, 1, 8, dtype=torch.float64).reshape(2, 4)
    expected = torch.autograd.grad(gs, [weight, styles], v)
    nothing = torch.empty(0)
    kept = Kept(nothing, nothing, nothing, x, plain, scale)
    found = gpu_demodulation._third(weight, styles, gx, gz, v, kept, how, (True,) * 4)
    for mine, exact in zip(found[:2], expected, strict=True):
        torch.testing.assert_close(mine, exact, rtol=1e-8, atol=1e-12)


def test_linear_layers_have_right_second_derivatives() -> None:
    random = torch.Generator().manual_seed(1)
    x, w, b = (
        torch.randn(n, generator=random, dtype=torch.float64).requires_grad_()
        for n in ((3, 4), (2, 4), (2,))
    )
    assert torch.autograd.gradgradcheck(lambda *a: gpu_scales.linear(*a, 0.3, 0.5), (x, w, b))
    expected = x @ w.T * 0.3 + b * 0.5
    torch.testing.assert_close(gpu_scales.linear(x, w, b, 0.3, 0.5), expected)
