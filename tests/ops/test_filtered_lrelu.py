"""The filtered activation against the published op: values, gradients, second derivatives."""

from __future__ import annotations

import sys
from typing import Any

import pytest
import torch

from nftgan.ops import design_lowpass, filtered_lrelu
from tests.ops.golden import Golden, check

GOLDEN = Golden("ops_filtered_lrelu")


@pytest.mark.parametrize("case", GOLDEN.parameters)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-6), (torch.float32, 4e-6)])
def test_values_and_derivatives_equal_the_published_op(
    case: str, dtype: torch.dtype, tolerance: float
) -> None:
    def numbers(name: str) -> Any:
        found = GOLDEN.tensor(case, name)
        return found if found is None else found.to(dtype)

    options = dict(GOLDEN.parameters[case])
    options.pop("f32_minus_f64_maxabs")
    fu, fd = GOLDEN.tensor(case, "fu"), GOLDEN.tensor(case, "fd")
    if options.pop("flip_filter"):
        fu, fd = fu.flip(0), fd.flip(0)
    x, v, b = numbers("x").requires_grad_(), numbers("v").requires_grad_(), numbers("b")
    inputs = [x] if b is None else [x, b.requires_grad_()]
    y = filtered_lrelu(x, fu=fu, fd=fd, b=b, **options)
    assert y.dtype == dtype
    check(y, numbers("y"), tolerance)
    gradients = torch.autograd.grad((y * v).sum(), inputs, create_graph=True)
    for gradient, name in zip(gradients, ("gx", "gb"), strict=False):
        check(gradient, numbers(name), tolerance)
    with_u = [(g * numbers(u)).sum() for g, u in zip(gradients, ("ux", "ub"), strict=False)]
    (gv,) = torch.autograd.grad(sum(with_u), v)
    check(gv, numbers("gv"), tolerance)


def test_one_tap_filters_leave_bias_activation_gain_clamp() -> None:
    x = torch.tensor([[[[-3.0, -1.0, 0.5, 2.0]]]])
    y = filtered_lrelu(x, b=torch.tensor([1.0]), gain=2.0, slope=0.5, clamp=3.0)
    assert y.flatten().tolist() == [-2.0, 0.0, 3.0, 3.0]


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("batch", [1, 2])
def test_a_few_channels_at_a_time_give_the_same(
    bias: bool, batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = sys.modules["nftgan.ops.filtered_lrelu"]
    random = torch.Generator().manual_seed(0)
    x = torch.randn(batch, 7, 20, 20, generator=random, dtype=torch.float64)
    b = torch.randn(7, generator=random, dtype=torch.float64) if bias else None
    f = design_lowpass(12, cutoff=4, half_width=2, rate=16)
    whole = filtered_lrelu(x, f, f, b, up=2, down=2, padding=10)
    calls: list[int] = []
    reference = module.reference

    def counted(part: torch.Tensor, *rest: Any) -> torch.Tensor:
        calls.append(part.shape[1])
        return reference(part, *rest)

    monkeypatch.setattr(module, "reference", counted)
    monkeypatch.setattr(sys.modules["nftgan.ops.parts"], "PART_BYTES", batch * 3 * 40 * 40 * 8)
    parts = filtered_lrelu(x, f, f, b, up=2, down=2, padding=10)
    assert calls == [3, 3, 1]
    torch.testing.assert_close(parts, whole, rtol=0, atol=1e-14)
    filtered_lrelu(x.requires_grad_(), f, f, b, up=2, down=2, padding=10)
    assert calls[3:] == [7]  # a gradient keeps everything anyway
