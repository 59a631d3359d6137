"""The native biased activation against PyTorch's own steps, in values and derivatives."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from nftgan.ops import bias_act, inputs_only, native_activation
from nftgan.ops.gpu_slopes import Act
from nftgan.ops.kernels import library

native = pytest.mark.skipif(library() is None, reason="no C++ compiler is installed")

CASES = [
    ("lrelu", None, False, False),
    ("lrelu", 0.9, True, True),
    ("lrelu", 0.9, False, True),
    ("linear", 0.5, True, False),
]


@pytest.fixture(autouse=True)
def _also_small_tensors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native_activation, "FEW", 0)


def drawn(kind: torch.dtype, *, noise_of_all: bool = False) -> dict[str, Tensor]:
    made = torch.Generator().manual_seed(0)

    def draw(*shape: int) -> Tensor:
        return torch.randn(shape, generator=made, dtype=torch.float64).to(kind)

    return {
        "x": draw(3, 5, 9, 11).requires_grad_(),
        "b": draw(5).requires_grad_(),
        "noise": draw(9, 11) if noise_of_all else draw(3, 1, 9, 11),
        "strength": draw().requires_grad_(),
    }


def options(given: dict[str, Tensor], biased: bool, noisy: bool) -> dict[str, Any]:
    b = given["b"] if biased else None
    return {"b": b} | ({key: given[key] for key in ("noise", "strength")} if noisy else {})


@native
@pytest.mark.parametrize(("act", "clamp", "biased", "noisy"), CASES)
@pytest.mark.parametrize("kind", [torch.float32, torch.float64])
@pytest.mark.parametrize("noise_of_all", [False, True])
def test_values_and_first_derivatives_are_those_of_pytorch(
    act: str,
    clamp: float | None,
    biased: bool,
    noisy: bool,
    kind: torch.dtype,
    noise_of_all: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given = drawn(kind, noise_of_all=noise_of_all)
    others: dict[str, Any] = options(given, biased, noisy)
    wanted = [given["x"], *(t for t in others.values() if t is not None and t.requires_grad)]
    v = torch.randn(given["x"].shape, dtype=kind)

    def run() -> list[Tensor]:
        y = bias_act(given["x"], act=act, clamp=clamp, gain=0.8, **others)
        return [y, *torch.autograd.grad((y * v).sum(), wanted)]

    ours = run()
    monkeypatch.setattr(native_activation, "usable", lambda *_: False)
    for found, expected in zip(ours, run(), strict=True):
        tolerance = 1e-5 if kind == torch.float32 else 1e-13
        torch.testing.assert_close(found, expected, rtol=tolerance, atol=tolerance)


@native
@pytest.mark.parametrize(("act", "clamp", "biased", "noisy"), CASES)
def test_second_derivatives_are_those_of_finite_differences(
    act: str, clamp: float | None, biased: bool, noisy: bool
) -> None:
    given = drawn(torch.float64)
    x = given["x"].detach()[:2, :2, :4, :4].clone().requires_grad_()
    others: dict[str, Tensor] = {}
    if biased:
        others["b"] = given["b"].detach()[:2].clone().requires_grad_()
    if noisy:
        others |= {"noise": given["noise"][:2, :, :4, :4], "strength": given["strength"]}

    def squared(*inputs: Tensor) -> Tensor:
        """Not linear in y, so that every second derivative is there."""
        named: dict[str, Any] = dict(zip(["x", *others], inputs, strict=True))
        return bias_act(act=act, clamp=clamp, **named).square()

    assert native_activation.usable(x, Act(0.2, 1.0, clamp))
    assert torch.autograd.gradgradcheck(squared, (x, *others.values()), atol=1e-5)


@native
def test_gradients_of_the_bias_are_left_out_where_nobody_wants_them() -> None:
    given = drawn(torch.float32)
    y = bias_act(given["x"], given["b"], act="lrelu")
    with inputs_only():
        gx, gb = torch.autograd.grad(y.sum(), (given["x"], given["b"]), allow_unused=True)
    assert gb is None and gx.abs().min() > 0


@native
def test_a_linear_one_has_no_second_derivative_not_even_zeros() -> None:
    """Adam leaves a parameter without a gradient alone, and moves one whose gradient is zero."""
    given = drawn(torch.float32)
    y = bias_act(given["x"] * given["strength"], given["b"], clamp=9.0)
    (first,) = torch.autograd.grad(y.sum(), given["x"], create_graph=True)
    of_scale, of_bias = torch.autograd.grad(
        first.sum(), (given["strength"], given["b"]), allow_unused=True
    )
    assert of_scale is not None and of_bias is None


@native
def test_what_is_not_a_number_stays_none() -> None:
    x = torch.full((1, 1, 8, 8), float("nan"))
    assert bias_act(x, act="lrelu", clamp=1.0).isnan().all()


@native
def test_canonical_images_and_half_precision_are_left_to_pytorch() -> None:
    act = Act(0.2, 1.0, None)
    assert native_activation.usable(torch.zeros(1, 2, 4, 4), act)
    assert not native_activation.usable(torch.zeros(1, 2, 4, 4, dtype=torch.float64), act)
    assert not native_activation.usable(torch.zeros(1, 2, 4, 4, dtype=torch.float16), act)
    assert not native_activation.usable(torch.zeros(1, 2, 4, 4), act, torch.zeros(2).double())
