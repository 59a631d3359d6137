"""The GPU kernels of weight normalisation and demodulation on the CPU, against the definition.

`test_triton_scales.py` runs this by itself: Triton decides at its import whether it interprets.
"""

from __future__ import annotations

import math
import os

import pytest
import torch
from torch import Tensor

from nftgan.networks import build_generator, stylegan2, stylegan3
from nftgan.networks.architecture import GeneratorConfig, StyleGAN2Config, StyleGAN3Config
from nftgan.ops import gpu_demodulation, gpu_scales, modulation
from nftgan.ops.gpu_demodulation import Demodulation
from nftgan.ops.gradients import inputs_only

if os.environ.get("TRITON_INTERPRET") != "1":
    pytest.skip("tests/ops/test_triton_scales.py runs this", allow_module_level=True)


def normal(*size: int, seed: int = 0) -> Tensor:
    return torch.randn(size, generator=torch.Generator().manual_seed(seed + sum(size)))


def close(found: Tensor | None, expected: Tensor | None, tolerance: float = 3e-6) -> None:
    assert found is not None and expected is not None and found.shape == expected.shape
    scale = expected.abs().max().clamp(min=1e-6)
    assert (found - expected).abs().max() <= tolerance * scale


def both(
    weight: Tensor, styles: Tensor, magnitude: Tensor | None, how: Demodulation
) -> list[tuple[list[Tensor], tuple[Tensor, ...]]]:
    """Inputs and results, by the kernels in float32 and by the definition in float64."""
    wide = Demodulation(how.least, how.tiny, how.normalize, torch.float64)
    found = []
    for dtype, made in ((torch.float32, how), (torch.float64, wide)):
        own = [t.to(dtype).clone().requires_grad_() for t in (weight, styles)]
        if dtype == torch.float32:
            y = gpu_demodulation.demodulated(own[0], own[1], magnitude, made)
        else:
            gain = None if magnitude is None else magnitude.double().rsqrt()
            y = gpu_demodulation.definition(own[0], own[1], gain, made)
        found.append((own, y))
    return found


@pytest.mark.parametrize(
    ("normalize", "gain", "n", "o", "i", "k", "size"),
    [  # every pair of choices once
        (True, True, 3, 5, 70, 3, 1.0),
        (False, False, 3, 5, 70, 3, 1.0),
        (True, False, 2, 37, 6, 1, 1.0),
        (False, True, 2, 37, 6, 1, 1.0),
        (True, True, 1, 3, 4, 3, 1e-4),
        (False, False, 1, 3, 4, 3, 1e-4),
    ],
)
def test_scales_and_their_gradients_equal_the_definition(
    normalize: bool, gain: bool, n: int, o: int, i: int, k: int, size: float
) -> None:
    # Small weights and styles let the least be seen, where it is divided by both.
    weight, styles = normal(o, i, k, k) * size, normal(n, i, seed=1) * size
    magnitude = torch.tensor(0.37) if gain else None
    how = Demodulation(1e-8 / (i * k * k if normalize else 1), 1e-30, normalize, torch.float32)
    (mine, y), (exact, z) = both(weight, styles, magnitude, how)
    for found, expected in zip(y, z, strict=True):
        close(found, expected)
    v = [normal(*one.shape, seed=5) for one in z]
    for chosen in ((0, 1, 2), (0,), (1,), (2,)):
        a, b = (
            torch.autograd.grad(
                sum((made[c] * v[c].to(made[c].dtype)).sum() for c in chosen),
                own,
                retain_graph=True,
                allow_unused=True,
            )
            for own, made in ((mine, y), (exact, z))
        )
        for found, expected in zip(a, b, strict=True):
            if expected is None:
                assert found is None or not found.any()
            else:
                close(found, expected, 2e-5)


@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("chosen", [(1, 2), (1,), (2,)])
@pytest.mark.parametrize(
    ("n", "o", "i", "k", "size"), [(3, 5, 70, 3, 1.0), (2, 37, 6, 1, 1.0), (2, 3, 4, 3, 1e-4)]
)
def test_a_derivative_of_the_gradient_equals_that_of_the_definition(
    normalize: bool, chosen: tuple[int, ...], n: int, o: int, i: int, k: int, size: float
) -> None:
    """As the path length penalty takes it: by styles first, then by all that it is made of."""
    how = Demodulation(1e-8 / (i * k * k if normalize else 1), 1e-30, normalize, torch.float32)
    weight, styles = normal(o, i, k, k) * size, normal(n, i, seed=1) * size
    results = []
    for own, made in both(weight, styles, torch.tensor(0.5), how):
        outputs = [made[c] for c in chosen]
        grads = [normal(*y.shape, seed=5).to(y.dtype).requires_grad_() for y in outputs]
        with inputs_only():
            (g,) = torch.autograd.grad(outputs, [own[1]], grads, create_graph=True)
        v = normal(*g.shape, seed=7).to(g.dtype)
        results.append(torch.autograd.grad(g, [*own, *grads], v, allow_unused=True))
    for found, expected in zip(*results, strict=True):
        if expected is None or not expected.any():
            assert found is None or not found.any()
        else:
            close(found, expected, 4e-5)


def test_a_third_derivative_equals_that_of_the_definition() -> None:
    how, results = Demodulation(1e-8, 1e-30, False, torch.float32), []
    for own, made in both(normal(4, 6, 3, 3), normal(2, 6), torch.tensor(0.5), how):
        total = (made[1] * made[1] * made[1]).sum() + made[2].square().sum()
        with inputs_only():
            (g,) = torch.autograd.grad(total, [own[1]], create_graph=True)
            (g,) = torch.autograd.grad(g.square().sum(), [own[1]], create_graph=True)
        results.append(torch.autograd.grad(g.square().sum(), own))
    for found, expected in zip(*results, strict=True):
        close(found, expected, 1e-4)


def test_weights_come_out_in_half_precision() -> None:
    how = Demodulation(1e-8, 1e-30, True, torch.float16)
    weight, styles = normal(3, 5, 3, 3).requires_grad_(), normal(2, 5).requires_grad_()
    y, _, _ = gpu_demodulation.demodulated(weight, styles, None, how)
    assert y.dtype == torch.float16
    close(y.float().square().sum((1, 2, 3)), torch.ones(3), 2e-3)
    y.sum().backward()
    assert weight.grad is not None and weight.grad.dtype == torch.float32


def test_a_kernel_of_zeros_and_styles_of_zeros_stay_numbers() -> None:
    how = Demodulation(1e-8 / 45, 1e-30, True, torch.float32)
    weight, styles = torch.zeros(2, 5, 3, 3).requires_grad_(), torch.zeros(1, 5).requires_grad_()
    made = gpu_demodulation.demodulated(weight, styles, None, how)
    sum(one.sum() for one in made).backward()  # type: ignore[union-attr]
    for one in (*made, weight.grad, styles.grad):
        assert one is not None and one.isfinite().all()


@pytest.mark.parametrize("scaled", [True, False])
def test_the_average_of_magnitudes_moves_as_defined(scaled: bool) -> None:
    x, scale = normal(3, 5, 7, 6), normal(3, 5).abs() + 0.1
    out = normal(3, 11).abs() if scaled else None
    ema = torch.tensor(0.7)
    gained = gpu_scales.magnitude_moved(x, scale, out, 11, ema, 0.9)
    seen = (x / scale[:, :, None, None]).double().square().mean()
    expected = seen + (0.7 - seen) * 0.9
    close(ema, expected)
    whole = torch.ones(3, 11) if out is None else out
    close(gained, whole.double() / math.sqrt(expected))


@pytest.mark.parametrize("one", [True, False])
@pytest.mark.parametrize("last", [True, False])
def test_sums_over_places_are_divided_by_the_scale(one: bool, last: bool) -> None:
    a, b, scale = normal(3, 37, 40, 41), normal(3, 37, 40, 41, seed=3), normal(3, 37).abs() + 0.5
    if last:
        a = a.contiguous(memory_format=torch.channels_last)
    products, ones = gpu_scales.divided_sums(a, b, scale, one=one)
    close(products, (a.double() * b.double()).sum((2, 3)) / scale)
    if one:
        close(ones, (a.double().sum((2, 3)) / scale).sum(0))
    else:
        assert ones is None


def test_a_shared_convolution_by_the_kernels_is_the_modulated_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gpu_scales, "takes", lambda weight, styles: True)
    weight, styles, x = normal(4, 6, 3, 3), normal(2, 6), normal(2, 6, 8, 8)
    way = modulation.shared(weight, styles, demodulate=True, normalize=True)
    assert way.scale_out is not None
    y = torch.nn.functional.conv2d(x * way.scale_in[:, :, None, None], way.weight, padding=2)
    expected = modulation.modulated_conv2d(
        x, weight, styles, demodulate=True, normalize=True, padding=2
    )
    close(y * way.scale_out[:, :, None, None], expected)


@pytest.mark.parametrize("kind", ["stylegan3-t", "stylegan2"])
def test_a_generator_by_the_kernels_is_the_one_without(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (stylegan2, stylegan3):
        monkeypatch.setattr(module, "dense", lambda x: True)
    small = {"img_resolution": 16, "channel_base": 64, "channel_max": 8, "z_dim": 8, "w_dim": 8}
    config: GeneratorConfig = StyleGAN2Config(**small)  # type: ignore[arg-type]
    if kind == "stylegan3-t":
        config = StyleGAN3Config(**small, num_layers=4, margin_size=2)  # type: ignore[arg-type]
    results = []
    for kernels in (False, True):
        monkeypatch.setattr(gpu_scales, "takes", lambda weight, styles, on=kernels: on)
        G = build_generator(config, seed=1)
        with torch.no_grad():  # moves the averages
            moved = G(normal(2, 8), update_emas=True)
        images = G(normal(2, 8, seed=9))
        gradients = torch.autograd.grad(images.square().sum(), list(G.parameters()))
        averages = [b.clone() for name, b in G.named_buffers() if name.endswith("magnitude_ema")]
        results.append([moved, images, *gradients, *averages])
    for found, expected in zip(*results, strict=True):
        close(found, expected, 3e-5)
