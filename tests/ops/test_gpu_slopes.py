"""The step-by-step derivative of an activation's gradient is what PyTorch finds of the definition.

The kernels are interpreted in `interpreted_planes.py`, which `test_triton_planes.py` runs.
"""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from nftgan.ops import gpu_slopes
from nftgan.ops.gpu_slopes import Act


def slopes(g: Tensor, y: Tensor, act: Act) -> Tensor:
    limit = torch.inf if act.clamp is None else act.clamp
    return g * torch.where(y > 0, act.gain, act.gain * act.slope) * (y.abs() < limit)


@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (2, 3)])
@pytest.mark.parametrize("taken", [(0, 1), (0,), (1,)])
def test_the_second_derivative_of_a_scaled_activation(
    shape: tuple[int, ...], taken: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpu_slopes, "sloped", slopes)
    random = torch.Generator().manual_seed(0)

    def normal(*size: int) -> Tensor:
        return torch.randn(size, generator=random, dtype=torch.float64).requires_grad_()

    x, s, g, v, u = normal(*shape), normal(2, 3), normal(*shape), normal(*shape), normal(2, 3)
    act = Act(0.2, 1.4, 1.5)
    scale = s[(..., *[None] * (len(shape) - 2))]
    y = (F.leaky_relu(x * scale, act.slope) * act.gain).clamp(-1.5, 1.5)
    once = torch.autograd.grad(y, [x, s], g, create_graph=True)
    expected = torch.autograd.grad(
        [once[k] for k in taken], [g, x, s], [(v, u)[k] for k in taken], allow_unused=True
    )
    given = [one if k in taken else None for k, one in enumerate((v, u))]
    gg, gy, gx, gs = gpu_slopes._third(g, y, x, s, *given, act)
    assert gy is None
    for mine, exact in zip((gg, gx, gs), expected, strict=True):
        if exact is None or mine is None:
            assert (exact is None or not exact.any()) and (mine is None or not mine.any())
        else:
            torch.testing.assert_close(mine, exact, check_dtype=False)
