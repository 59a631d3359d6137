"""Winograd's convolution against the direct one, in values and in what it leaves to others."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from nftgan.ops import modulated_conv2d, modulated_weights, winograd
from nftgan.ops.kernels import library
from nftgan.ops.modulation import grouped_conv2d

native = pytest.mark.skipif(library() is None, reason="no C++ compiler is installed")
ATOL = {torch.float32: 4e-5, torch.float64: 1e-13}


def draw(*shape: int, seed: int, dtype: torch.dtype) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype)


@native
@settings(deadline=None, max_examples=60)
@given(
    n=st.integers(1, 3),
    channels=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    sides=st.tuples(st.integers(3, 23), st.integers(3, 23)),
    padding=st.integers(0, 2),
    dtype=st.sampled_from([torch.float32, torch.float64]),
    scaled=st.booleans(),
    seed=st.integers(0, 2**20),
)
def test_equals_the_direct_convolution(
    n: int,
    channels: tuple[int, int],
    sides: tuple[int, int],
    padding: int,
    dtype: torch.dtype,
    scaled: bool,
    seed: int,
) -> None:
    in_channels, out = channels
    x = draw(n, in_channels, *sides, seed=seed, dtype=dtype)
    weight = draw(out, in_channels, 3, 3, seed=seed + 1, dtype=dtype) / (3 * in_channels**0.5)
    before, after = (
        draw(n, count, seed=seed + count, dtype=dtype) if scaled else None for count in channels
    )
    y = winograd.convolve(
        x, winograd.transformed(weight), padding=padding, scale_in=before, scale_out=after
    )
    wide = x.double()
    if before is not None and after is not None:
        wide = wide * before[:, :, None, None].double()
    expected = F.conv2d(wide, weight.double(), padding=padding)
    if after is not None:
        expected = expected * after[:, :, None, None].double()
    assert y.shape == expected.shape and y.dtype == dtype
    torch.testing.assert_close(y.double(), expected, rtol=0, atol=ATOL[dtype])


@native
@pytest.mark.parametrize("channels", [20, 64, 160])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_an_image_is_the_same_alone_and_in_a_batch(dtype: torch.dtype, channels: int) -> None:
    """Also where a tile of tiles holds the end of one and the beginning of the next."""
    x = draw(5, channels, 36, 38, seed=0, dtype=dtype)
    kernels = winograd.transformed(draw(64, channels, 3, 3, seed=1, dtype=dtype))
    batch = winograd.convolve(x, kernels, padding=2)
    for k in range(5):
        assert torch.equal(batch[k : k + 1], winograd.convolve(x[k : k + 1], kernels, padding=2))


@native
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("demodulate", [True, False])
@pytest.mark.parametrize("normalize", [True, False])
def test_modulation_is_the_same_with_and_without_a_gradient(
    dtype: torch.dtype, demodulate: bool, normalize: bool
) -> None:
    x, styles = draw(3, 64, 40, 44, seed=0, dtype=dtype), draw(3, 64, seed=1, dtype=dtype)
    weight = draw(72, 64, 3, 3, seed=2, dtype=dtype).requires_grad_()
    options: dict[str, Any] = {
        "demodulate": demodulate,
        "normalize": normalize,
        "padding": 2,
        "input_gain": 0.7,
    }
    slow = modulated_weights(
        weight * weight.square().mean(dim=(1, 2, 3), keepdim=True).rsqrt() if normalize else weight,
        styles * styles.square().mean(dim=1, keepdim=True).rsqrt() if normalize else styles,
        demodulate=demodulate,
    )
    expected = grouped_conv2d(x, slow * 0.7, padding=2).detach()
    direct = modulated_conv2d(x, weight, styles, **options)
    assert winograd.usable(x, weight)
    with torch.no_grad():
        fast = modulated_conv2d(x, weight, styles, **options)
    size = expected.abs().max()
    for found in (direct.detach(), fast):
        torch.testing.assert_close(found / size, expected / size, rtol=0, atol=ATOL[dtype] / 10)


@native
def test_a_changed_weight_is_transformed_anew() -> None:
    x, weight = draw(1, 3, 8, 8, seed=0, dtype=torch.float32), torch.ones(2, 3, 3, 3)
    first = winograd.convolve(x, winograd.transformed(weight), padding=1)
    weight.mul_(2)
    second = winograd.convolve(x, winograd.transformed(weight), padding=1)
    weight.data = weight.data * 2
    third = winograd.convolve(x, winograd.transformed(weight), padding=1)
    assert torch.equal(second, 2 * first) and torch.equal(third, 4 * first)


@native
def test_what_it_cannot_do_is_left_to_others() -> None:
    x, weight = torch.zeros(1, 64, 32, 32), torch.zeros(64, 64, 3, 3)
    assert winograd.usable(x, weight)
    assert not winograd.usable(x, weight[:, :, :1, :1])
    assert not winograd.usable(x.half(), weight.half())
    assert not winograd.usable(x.double(), weight)
    assert not winograd.usable(x[:, :8], weight[:, :8])
    assert not winograd.usable(x[..., :8, :8], weight)
    assert not winograd.usable(x[..., :2].repeat(4, 1, 4, 1), weight)


@native
@pytest.mark.parametrize("padding", [0, 1, 2])
def test_both_derivatives_equal_those_of_the_direct_convolution(padding: int) -> None:
    x = draw(2, 5, 9, 14, seed=0, dtype=torch.float64).requires_grad_()
    weight = draw(4, 5, 3, 3, seed=1, dtype=torch.float64).requires_grad_()

    def derivatives(y: torch.Tensor) -> list[torch.Tensor]:
        loss = (y * y.detach().cos()).sum()
        first = torch.autograd.grad(loss, (x, weight), create_graph=True)
        second = torch.autograd.grad(sum(one.pow(3).sum() for one in first), (x, weight))
        return [*first, *second]

    ours = derivatives(winograd.convolve_with_gradient(x, weight, padding=padding))
    direct = derivatives(F.conv2d(x, weight, padding=padding))
    for found, expected in zip(ours, direct, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-11, atol=1e-9)


@native
@pytest.mark.parametrize("padding", [0, 1, 2])
def test_scaled_channels_have_the_derivatives_of_each_step(padding: int) -> None:
    def drawn(*shape: int, seed: int) -> torch.Tensor:
        return draw(*shape, seed=seed, dtype=torch.float64).requires_grad_()

    x, weight, before = drawn(3, 5, 9, 14, seed=0), drawn(7, 5, 3, 3, seed=1), drawn(3, 5, seed=2)
    after = (draw(3, 7, seed=3, dtype=torch.float64).abs() + 0.1).requires_grad_()
    inputs = (x, weight, before, after)

    def derivatives(y: torch.Tensor) -> list[torch.Tensor]:
        loss = (y * y.detach().cos()).sum()
        plain = torch.autograd.grad(loss, inputs, retain_graph=True)
        first = torch.autograd.grad(loss, inputs, create_graph=True)
        second = torch.autograd.grad(sum(one.pow(3).sum() for one in first), inputs)
        return [y.detach(), *plain, *first, *second]

    ours = derivatives(winograd.convolve_scaled(x, weight, before, after, padding=padding))
    steps = F.conv2d(x * before[:, :, None, None], weight, padding=padding)
    direct = derivatives(steps * after[:, :, None, None])
    for found, expected in zip(ours, direct, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-9)


@native
@pytest.mark.parametrize("channels", [17, 64, 144])
def test_gradients_are_as_exact_in_float32(channels: int) -> None:
    x, y = (draw(4, channels, 34, 34, seed=k, dtype=torch.float32) for k in (0, 1))
    found = winograd.weight_gradient(x, y, padding=1)
    size = [channels, channels, 3, 3]
    expected = torch.nn.grad.conv2d_weight(x.double(), size, y.double(), padding=1)
    assert (found - expected).abs().max() < 3e-6 * expected.abs().max()
