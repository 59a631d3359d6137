"""Resampling against the published op, and the convenience forms against their meaning."""

from __future__ import annotations

import pytest
import torch

from nftgan.ops import downsample2d, filter2d, setup_filter, upfirdn2d, upsample2d
from tests.ops.golden import Golden, check

GOLDEN = Golden("ops_upfirdn2d")


@pytest.mark.parametrize("case", GOLDEN.parameters)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-6), (torch.float32, 3e-6)])
def test_values_and_derivatives_equal_the_published_op(
    case: str, dtype: torch.dtype, tolerance: float
) -> None:
    x = GOLDEN.tensor(case, "x").to(dtype).requires_grad_()
    v = GOLDEN.tensor(case, "v").to(dtype).requires_grad_()
    y = upfirdn2d(x, GOLDEN.tensor(case, "f"), **GOLDEN.parameters[case])
    assert y.dtype == dtype
    check(y, GOLDEN.tensor(case, "y"), tolerance)
    (gx,) = torch.autograd.grad((y * v).sum(), x, create_graph=True)
    check(gx, GOLDEN.tensor(case, "gx"), tolerance)
    (gv,) = torch.autograd.grad((gx * GOLDEN.tensor(case, "u").to(dtype)).sum(), v)
    check(gv, GOLDEN.tensor(case, "gv"), tolerance)


def test_a_constant_stays_constant_when_it_is_resampled() -> None:
    f = setup_filter([1, 3, 3, 1])
    x = torch.full((1, 2, 8, 8), 3.0)
    inside = slice(2, -2)
    for y in (upsample2d(x, f), filter2d(x, f), downsample2d(upsample2d(x, f), f)):
        torch.testing.assert_close(
            y[..., inside, inside], torch.full_like(y, 3.0)[..., inside, inside]
        )
    assert upsample2d(x, f).shape == (1, 2, 16, 16)
    assert downsample2d(x, f).shape == (1, 2, 4, 4)
    assert filter2d(x, f).shape == x.shape


def test_a_centred_point_stays_centred_when_it_is_enlarged() -> None:
    x = torch.zeros(1, 1, 5, 5)
    x[..., 2, 2] = 1
    y = upsample2d(x, setup_filter([1, 3, 3, 1]))[0, 0]
    torch.testing.assert_close(y, y.flip(0))
    torch.testing.assert_close(y, y.T)
    assert float(y.sum()) == pytest.approx(4)
