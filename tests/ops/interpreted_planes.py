"""The GPU kernels of resampling and bias with activation on the CPU, against the definitions.

`test_triton_planes.py` runs this by itself: Triton decides at its import whether it interprets.
"""

from __future__ import annotations

import os

import pytest
import torch
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from nftgan.ops import gpu_planes, gpu_tiles
from nftgan.ops.gpu_slopes import Act
from nftgan.ops.gradients import inputs_only
from nftgan.ops.upfirdn import reference

if os.environ.get("TRITON_INTERPRET") != "1":
    pytest.skip("tests/ops/test_triton_planes.py runs this", allow_module_level=True)

LAST = torch.channels_last


def formatted(x: Tensor, last: bool) -> Tensor:
    return x.contiguous(memory_format=LAST) if last else x


def derivatives(y: Tensor, inputs: list[Tensor]) -> list[Tensor]:
    """y, the gradients, and the derivative of the first by what came in."""
    random = torch.Generator().manual_seed(1)
    v = torch.randn(y.shape, generator=random).to(y.dtype).requires_grad_()
    u = torch.randn(inputs[0].shape, generator=random).to(y.dtype)
    once = torch.autograd.grad((y * v).sum(), inputs, retain_graph=True)
    gradients = torch.autograd.grad((y * v).sum(), inputs, create_graph=True)
    for a, b in zip(once, gradients, strict=True):
        torch.testing.assert_close(a, b, rtol=2e-3, atol=2e-3 * float(b.detach().abs().max()))
    (second,) = torch.autograd.grad((gradients[0] * u).sum(), v)
    return [y, *once, second]


def compare(found: list[Tensor], expected: list[Tensor], tolerance: float) -> None:
    for mine, exact in zip(found, expected, strict=True):
        assert mine.shape == exact.shape
        scale = exact.abs().max().clamp(min=1e-3)
        if exact.ndim == 0:  # a sum of everything, which may cancel
            tolerance = max(tolerance, 1e-4)
        assert (mine - exact).abs().max() <= tolerance * scale


@settings(max_examples=14, deadline=None, derandomize=True, phases=[Phase.generate])
@given(
    size=st.tuples(st.integers(1, 19), st.integers(1, 23)),
    up=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    down=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    taps=st.tuples(st.integers(1, 7), st.integers(1, 7)),
    padding=st.tuples(*[st.integers(-4, 9)] * 4),
    square=st.booleans(),
    flip=st.booleans(),
    last=st.booleans(),
)
def test_resampling_and_its_derivatives_equal_the_definition(
    size: tuple[int, int],
    up: tuple[int, int],
    down: tuple[int, int],
    taps: tuple[int, int],
    padding: tuple[int, int, int, int],
    square: bool,
    flip: bool,
    last: bool,
) -> None:
    random = torch.Generator().manual_seed(taps[0] * 10 + taps[1])
    f = torch.rand(taps if square else taps[:1], generator=random)
    h, w = taps if square else taps[:1] * 2
    if size[1] * up[0] + sum(padding[:2]) < w or size[0] * up[1] + sum(padding[2:]) < h:
        return
    x = torch.randn(2, 3, *size, generator=random)
    own = formatted(x, last).requires_grad_()
    y = gpu_planes.resample(own, f, up, down, padding, flip, 1.7)
    assert y.is_contiguous(memory_format=LAST) if last else y.is_contiguous()
    exact = x.double().requires_grad_()
    z = reference(exact, f.double(), up, down, padding, flip, 1.7)
    compare(derivatives(y, [own]), derivatives(z, [exact]), 2e-6)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_resampling_in_half_precision_sums_in_single(dtype: torch.dtype) -> None:
    x = torch.randn(1, 2, 9, 9).to(dtype)
    f = torch.rand(4, 4)
    y = gpu_planes.resample(x, f, (2, 2), (1, 1), (2, 1, 2, 1), False, 4.0)
    exact = reference(x.double(), f.double(), 2, 1, (2, 1, 2, 1), gain=4.0)
    assert y.dtype == dtype
    compare([y], [exact], torch.finfo(dtype).eps)


@settings(max_examples=12, deadline=None, derandomize=True, phases=[Phase.generate])
@given(
    shape=st.tuples(st.integers(1, 3), st.integers(1, 70), st.integers(1, 6), st.integers(1, 40)),
    parts=st.tuples(*[st.booleans()] * 4),
    act=st.sampled_from([Act(0.2, 1.4, 0.8), Act(0.2, 2**0.5, None), Act(1.0, 1.0, 0.5)]),
    last=st.booleans(),
)
def test_activation_and_its_derivatives_equal_the_definition(
    shape: tuple[int, int, int, int], parts: tuple[bool, ...], act: Act, last: bool
) -> None:
    random = torch.Generator().manual_seed(sum(shape))
    n, c, h, w = shape

    def normal(*size: int) -> Tensor:
        return torch.randn(size, generator=random)

    x = normal(*shape)
    b = normal(c) if parts[0] else None
    scale = normal(n, c).abs() + 0.1 if parts[1] else None
    noise = (normal(n, 1, h, w) if parts[3] else normal(h, w)) if parts[2] else None
    strength = normal() if parts[2] else None
    results = []
    for dtype in (torch.float32, torch.float64):
        given = [x, b, scale, strength]
        own = [None if t is None else t.to(dtype).clone().requires_grad_() for t in given]
        assert own[0] is not None
        mine = formatted(own[0].detach(), last).requires_grad_()
        if dtype == torch.float32:
            y = gpu_planes.activate(mine, own[1], act, scale=own[2], noise=noise, strength=own[3])
            assert y.stride() == mine.stride()
        else:
            v = mine if own[2] is None else mine * own[2][:, :, None, None]
            if noise is not None:
                assert own[3] is not None
                v = v + noise.double() * own[3]
            v = v if own[1] is None else v + own[1][:, None, None]
            y = F.leaky_relu(v, act.slope) * act.gain
            y = y if act.clamp is None else y.clamp(-act.clamp, act.clamp)
        results.append(derivatives(y, [mine, *(t for t in own[1:] if t is not None)]))
    compare(*results, 5e-6)


def test_activation_of_vectors_and_in_half_precision() -> None:
    x, b = torch.randn(3, 70).half(), torch.randn(70)
    y = gpu_planes.activate(x, b, Act(0.2, 2**0.5, None))
    exact = F.leaky_relu(x.double() + b.double(), 0.2) * 2**0.5
    assert y.dtype == torch.float16
    compare([y], [exact], 1e-3)


def test_a_nan_stays_one() -> None:
    x = torch.tensor([[[[float("nan"), 1.0, -1.0]]]])
    y = gpu_planes.activate(x, None, Act(0.2, 1.0, 0.5))
    assert y[0, 0, 0, 0].isnan() and y[0, 0, 0, 1:].tolist() == pytest.approx([0.5, -0.2])


def test_the_second_derivative_in_x_and_scale_of_the_generator_s_activation() -> None:
    """As the path length penalty takes it: the gradient of a function of the gradient."""
    random = torch.Generator().manual_seed(0)
    x, s, b = (torch.randn(n, generator=random) for n in ((2, 3, 4, 5), (2, 3), (3,)))
    s = s.abs() + 0.3
    act, results = Act(0.2, 1.4, 2.0), []
    for dtype in (torch.float32, torch.float64):
        own = [t.to(dtype).clone().requires_grad_() for t in (x, s, b)]
        if dtype == torch.float32:
            y = gpu_planes.activate(own[0], own[2], act, scale=own[1])
        else:
            v = own[0] * own[1][:, :, None, None] + own[2][:, None, None]
            y = (F.leaky_relu(v, 0.2) * 1.4).clamp(-2, 2)
        v = torch.linspace(-1, 1, y.numel(), dtype=dtype).reshape(y.shape)
        gradients = torch.autograd.grad((y * v).sum(), own, create_graph=True)
        total = sum((g.square() * 0.5).sum() for g in gradients)
        assert isinstance(total, Tensor)
        results.append(list(torch.autograd.grad(total, own[:2])))
    compare(*results, 1e-5)


CLAMPED, LINEAR = Act(0.2, 1.4, 1.5), Act(1.0, 1.0, None)


@pytest.mark.parametrize(
    ("last", "noisy", "taken", "act"),
    [  # every pair of choices once
        (False, False, (0, 1), CLAMPED),
        (True, True, (0, 1), LINEAR),
        (True, False, (0,), CLAMPED),
        (False, True, (0,), LINEAR),
        (False, True, (1,), CLAMPED),
        (True, False, (1,), LINEAR),
    ],
)
def test_the_second_derivative_by_inputs_alone_takes_few_launches(
    last: bool, noisy: bool, taken: tuple[int, ...], act: Act, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `inputs_only` asks for it: first by x and the scale, then by all that is in these."""
    random = torch.Generator().manual_seed(3)
    shape = (2, 37, 6, 7)
    x, s, b, g, v, u = (
        torch.randn(n, generator=random) for n in (shape, (2, 37), (37,), shape, shape, (2, 37))
    )
    noise, strength = torch.randn(6, 7, generator=random), torch.tensor(0.3)
    s, launched, results = s.abs() + 0.3, [0], []
    plain = gpu_tiles.launch

    def launch(*arguments: object, **constants: object) -> None:
        launched[0] += 1
        plain(*arguments, **constants)  # type: ignore[arg-type]

    monkeypatch.setattr(gpu_tiles, "launch", launch)
    for dtype in (torch.float32, torch.float64):
        own = [formatted(x, last), s, g]
        own = [t.to(dtype).detach().clone().requires_grad_() for t in own]
        if dtype == torch.float32:
            y = gpu_planes.activate(
                own[0],
                b,
                act,
                scale=own[1],
                noise=noise if noisy else None,
                strength=strength if noisy else None,
            )
        else:
            w = own[0] * own[1][:, :, None, None] + b[:, None, None]
            w = F.leaky_relu(w + noise * strength if noisy else w, act.slope) * act.gain
            y = w if act.clamp is None else w.clamp(-act.clamp, act.clamp)
        launched[0] = 0
        with inputs_only():
            once = torch.autograd.grad(y, own[:2], own[2], create_graph=True)
        second = torch.autograd.grad(
            [once[k] for k in taken],
            own,
            [formatted((v, u)[k], last and k == 0).to(dtype) for k in taken],
            allow_unused=True,
        )
        assert launched[0] <= 2  # the sums of tiles are PyTorch's
        filled = [torch.zeros_like(o) if t is None else t for t, o in zip(second, own, strict=True)]
        results.append([*once, *filled])
    compare(*results, 2e-5)


def test_the_third_derivative_of_an_activation() -> None:
    random, results = torch.Generator().manual_seed(4), []
    x, s, g = (torch.randn(n, generator=random) for n in ((2, 3, 4, 5), (2, 3), (2, 3, 4, 5)))
    for dtype in (torch.float32, torch.float64):
        own = [t.to(dtype).clone().requires_grad_() for t in (x, s, g)]
        if dtype == torch.float32:
            y = gpu_planes.activate(own[0], None, Act(0.2, 1.4, None), scale=own[1])
        else:
            y = F.leaky_relu(own[0] * own[1][:, :, None, None], 0.2) * 1.4
        with inputs_only():
            once = torch.autograd.grad(y, own[:2], own[2], create_graph=True)
            total = sum((one**3).sum() for one in once)
            assert isinstance(total, Tensor)
            twice = torch.autograd.grad(total, own, create_graph=True)
        total = sum((one**2).sum() for one in twice)
        assert isinstance(total, Tensor)
        results.append(list(torch.autograd.grad(total, own)))
    compare(*results, 1e-4)


@pytest.mark.parametrize(
    ("n", "tiles", "channels"), [(3, 5, 37), (1, 2, 1), (16, 64, 9), (2, 1, 5)]
)
def test_sums_of_tiles_are_finished_for_bias_and_scale(n: int, tiles: int, channels: int) -> None:
    sums = torch.randn(3, n, tiles, channels, generator=torch.Generator().manual_seed(5))
    total, by_sample = gpu_tiles.over_all_and_tiles(sums)
    wide = sums.double()
    compare([total, by_sample], [wide[0].sum((0, 1)), wide[1].sum(1)], 1e-6)


def test_gradients_of_bias_and_scale_of_many_tiles() -> None:
    """Both are finished in one launch, on planes of several tiles."""
    random = torch.Generator().manual_seed(6)
    own = [torch.randn(n, generator=random) for n in ((2, 3, 40, 41), (2, 3), (3,))]
    results = []
    for dtype in (torch.float32, torch.float64):
        x, s, b = [t.to(dtype).clone().requires_grad_() for t in own]
        v = torch.linspace(-1, 1, x.numel(), dtype=dtype).reshape(x.shape)
        if dtype == torch.float32:
            assert gpu_tiles.tiles_of(x).tiles_p > 1
            y = gpu_planes.activate(x, b, Act(0.2, 1.4, None), scale=s)
        else:
            y = F.leaky_relu(x * s[:, :, None, None] + b[:, None, None], 0.2) * 1.4
        results.append(list(torch.autograd.grad(y, [x, s, b], v)))
    compare(*results, 1e-5)


@pytest.mark.parametrize("last", [False, True])
def test_sums_of_products_over_places(last: bool) -> None:
    a, b = torch.randn(2, 5, 30, 41), torch.randn(2, 5, 30, 41)
    products, ones = gpu_planes.product_sums(formatted(a, last), b, one=True)
    compare(
        [products, ones],
        [(a.double() * b.double()).sum((2, 3)), a.double().sum((2, 3))],
        2e-6,
    )


def test_a_filter_first_seen_in_inference_mode_serves_training_later() -> None:
    f = torch.rand(4, 4)
    x = torch.randn(1, 1, 6, 6)
    options = ((1, 1), (1, 1), (2, 1, 2, 1), False, 1.0)
    with torch.inference_mode():
        y = gpu_planes.resample(x, f, *options)
    own = x.clone().requires_grad_()
    z = gpu_planes.resample(own, f, *options)
    z.square().sum().backward()
    assert torch.equal(y, z) and own.grad is not None and own.grad.abs().sum() > 0
