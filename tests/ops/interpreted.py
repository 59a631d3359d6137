"""The GPU kernel on the CPU, against the definition; `test_triton.py` runs this by itself.

Triton decides at its import whether it compiles or interprets, so this needs a process of its own,
with TRITON_INTERPRET=1. The interpreter does not know bfloat16's products.
"""

from __future__ import annotations

import math
import os

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from nftgan.ops import fused, gpu, scaled_lrelu
from nftgan.ops.filtered_lrelu import reference
from nftgan.ops.filters import design_lowpass

if os.environ.get("TRITON_INTERPRET") != "1":
    pytest.skip("tests/ops/test_triton.py runs this", allow_module_level=True)

GAIN = math.sqrt(2)
Padding = tuple[int, int, int, int]


def derivatives(y: Tensor, x: Tensor, b: Tensor | None) -> list[Tensor]:
    """y, its gradients, and the derivative of x's gradient by the one that came in."""
    random = torch.Generator().manual_seed(1)
    v = torch.randn(y.shape, generator=random).to(y.dtype).requires_grad_()
    u = torch.randn(x.shape, generator=random).to(y.dtype)
    inputs = [x] if b is None else [x, b]
    gradients = torch.autograd.grad((y * v).sum(), inputs, create_graph=True)
    (gv,) = torch.autograd.grad((gradients[0] * u).sum(), v)
    return [y, *gradients, gv]


def compare(
    size: tuple[int, int],
    fu: Tensor | None,
    fd: Tensor | None,
    up: int,
    down: int,
    padding: Padding,
    clamp: float | None = None,
    *,
    bias: bool = True,
    dtype: torch.dtype = torch.float32,
    tolerances: tuple[float, ...] = (2e-6, 1e-6, 3e-6, 1e-6),
) -> None:
    """Value, gradients of x and bias (a sum of whole planes), second derivative; relative."""
    random = torch.Generator().manual_seed(sum(size))
    x = torch.randn(1, 2, *size, generator=random).to(dtype)
    b = torch.randn(2, generator=random).to(dtype) if bias else None
    options = (up, down, padding, GAIN, 0.2, clamp)
    planned = gpu._planned(x, fu, fd, *options)
    if planned is None:  # nothing is left after cropping
        return
    results = []
    for kind in (torch.float64, dtype):
        own = x.to(kind).requires_grad_()
        own_b = None if b is None else b.to(kind).requires_grad_()
        if kind == dtype:
            y = fused.run(planned, own, own_b)
        else:
            wide = [None if f is None else f.double() for f in (fu, fd)]
            y = reference(own, wide[0], wide[1], own_b, *options)
        results.append(derivatives(y, own, own_b))
    allowed = tolerances if bias else (*tolerances[:2], tolerances[3])
    for expected, found, tolerance in zip(*results, allowed, strict=True):
        assert found.dtype == dtype and found.shape == expected.shape
        scale = expected.abs().max().clamp(min=1e-3)
        assert (found - expected).abs().max() <= tolerance * scale


@settings(max_examples=30, deadline=None, derandomize=True)
@given(
    size=st.tuples(st.integers(1, 24), st.integers(1, 40)),
    up=st.sampled_from([1, 2, 4]),
    down=st.sampled_from([1, 2, 4]),
    taps=st.tuples(st.integers(1, 24), st.integers(1, 24)),
    padding=st.tuples(*[st.integers(-7, 20)] * 4),
    clamp=st.sampled_from([None, 0.5]),
    bias=st.booleans(),
)
def test_value_gradient_and_second_derivative_equal_the_definition(
    size: tuple[int, int],
    up: int,
    down: int,
    taps: tuple[int, int],
    padding: Padding,
    clamp: float | None,
    bias: bool,
) -> None:
    random = torch.Generator().manual_seed(taps[0] * 100 + taps[1])
    fu, fd = (torch.rand(n, generator=random) / n for n in taps)
    compare(size, fu, fd, up, down, padding, clamp, bias=bias)


@pytest.mark.parametrize(
    ("size", "up", "down", "taps", "padding"),
    [
        ((40, 40), 2, 2, (12, 12), (11, 10, 11, 10)),  # StyleGAN3-T's usual layer, two tiles
        ((22, 30), 4, 2, (24, 12), (17, 17, 17, 17)),  # one that doubles the rate
        ((5, 70), 1, 1, (1, 1), (0, 0, 0, 0)),  # ToRGB
        ((9, 33), 2, 1, (12, 1), (6, 5, 6, 5)),
        ((70, 9), 1, 2, (1, 12), (3, 2, 3, 2)),
        ((145, 5), 2, 2, (12, 12), (11, 10, 11, 10)),  # higher than a tile
    ],
)
def test_layers_of_several_tiles_fit_together(
    size: tuple[int, int], up: int, down: int, taps: tuple[int, int], padding: Padding
) -> None:
    fu, fd = (torch.hann_window(n + 2, periodic=False)[1:-1] for n in taps)
    compare(size, fu / fu.sum(), fd / fd.sum(), up, down, padding, 0.8)


@pytest.mark.parametrize(("up", "down"), [(2, 2), (4, 2)])
def test_a_radial_filter_is_decomposed(up: int, down: int) -> None:
    fd = design_lowpass(12, cutoff=16, half_width=6, rate=64, radial=True)
    assert fd is not None
    compare((14, 19), torch.rand(6 * up) / 6, fd, up, down, (9, 8, 10, 7), 0.9)
    separable = fused.separable_decomposition(fd)
    assert separable is not None and separable.x.shape[0] > 1


@pytest.mark.parametrize("clamp", [None, 0.5])
def test_half_precision_stays_within_its_own_rounding(clamp: float | None) -> None:
    f = torch.hann_window(14, periodic=False)[1:-1]
    f = (f / f.sum()).half().float()  # both sides see the same taps
    # A sample that rounds to the other side of zero or clamp changes its gradient outright.
    half = (3e-3, 0.1, 0.1, 0.1)
    compare((20, 30), f, f, 2, 2, (11, 10, 11, 10), clamp, dtype=torch.float16, tolerances=half)


def test_the_signs_take_two_bits_a_sample() -> None:
    x = torch.tensor([[[[-3.0, 1.0, 2.0, 9.0, 0.0, -9.0, 1.0]]]])
    p = gpu._planned(x, None, None, 1, 1, (0, 0, 0, 0), 1.0, 0.5, 4.0)
    assert p is not None
    signs = p.new_signs(x, p)
    y = p.call(p, x, None, signs, fused.FORWARD_SAVE_SIGNS)
    assert y.flatten().tolist() == [-1.5, 1.0, 2.0, 4.0, 0.0, -4.0, 1.0]
    assert signs.shape == (1, 1, 1, 2)
    bits = [int(byte) >> shift & 3 for byte in signs.flatten() for shift in (0, 2, 4, 6)]
    # Not above zero: bit 0. Clamped, or right of the signal: bit 1.
    assert bits[:7] == [1, 0, 0, 2, 1, 3, 0] and bits[7] & 2


def test_a_nan_stays_one_and_spoils_one_tile() -> None:
    x = torch.ones(1, 1, 8, 60)
    x[0, 0, 4, 4] = math.nan
    p = gpu._planned(x, torch.ones(4) / 4, None, 2, 1, (2, 2, 2, 2), 1.0, 0.2, 0.5)
    assert p is not None
    y = fused.run(p, x, None)
    assert y[0, 0, 9, 9].isnan()
    assert not y[..., 64:].isnan().any()


def test_each_plane_takes_its_channel_s_bias() -> None:
    x, b = torch.zeros(3, 2, 4, 4), torch.tensor([1.0, 2.0])
    p = gpu._planned(x, None, None, 1, 1, (0, 0, 0, 0), 1.0, 0.2, None)
    assert p is not None
    assert fused.run(p, x, b)[:, :, 1, 1].tolist() == [[1.0, 2.0]] * 3


@pytest.mark.parametrize("scales", [(True, True), (True, False), (False, True)])
def test_scales_of_input_and_output_ride_along(scales: tuple[bool, bool]) -> None:
    """Value, gradients by both backward ways, and the second derivative, against float64."""
    random = torch.Generator().manual_seed(3)
    f = torch.hann_window(14, periodic=False)[1:-1]
    f = f / f.sum()
    shape, options = (2, 3, 20, 23), (2, 2, (9, 8, 9, 8), GAIN, 0.2, 0.9)
    x, b = torch.randn(shape, generator=random), torch.randn(3, generator=random)
    before, after = (
        torch.rand(2, 3, generator=random) + 0.5 if wanted else None for wanted in scales
    )
    p = gpu._planned(x, f, f, *options)
    assert p is not None
    results = []
    for kind in (torch.float32, torch.float64):
        given = [x, b, *(t for t in (before, after) if t is not None)]
        own = [t.to(kind).clone().requires_grad_() for t in given]
        rest = iter(own[2:])
        mine = [None if t is None else next(rest) for t in (before, after)]
        if kind == torch.float32:
            y = scaled_lrelu.run(p, own[0], own[1], *mine)
        else:
            v = own[0] if mine[0] is None else own[0] * mine[0][:, :, None, None]
            y = reference(v, f.double(), f.double(), own[1], *options)
            y = y if mine[1] is None else y * mine[1][:, :, None, None]
        w = torch.linspace(-1, 1, y.numel(), dtype=kind).reshape(y.shape)
        once = torch.autograd.grad((y * w).sum(), own, retain_graph=True)
        twice = torch.autograd.grad((y * w).sum(), own, create_graph=True)
        for a, c in zip(once, twice, strict=True):
            assert (a - c).abs().max() <= 3e-6 * c.abs().max()
        total = torch.stack([g.square().sum() for g in twice]).sum()
        seconds = torch.autograd.grad(total, own, allow_unused=True)
        nothing = torch.zeros(())
        results.append([y, *once, *(nothing if g is None else g for g in seconds)])
    for found, expected in zip(*results, strict=True):
        assert (found - expected).abs().max() <= 1e-5 * expected.abs().max()
