"""Biased activations of a training step on a processor, natively: one pass over memory each way."""

from __future__ import annotations

import ctypes
from typing import Any

import torch
from torch import Tensor

from nftgan.ops.gpu_slopes import Act, noise_step
from nftgan.ops.gradients import needs_gradient, wants_weights
from nftgan.ops.kernels import address, library, routine

FEW = 1 << 12
"""Numbers of a tensor for which calling out costs as much as PyTorch's passes."""

_NUMBER: dict[torch.dtype, Any] = {torch.float32: ctypes.c_float, torch.float64: ctypes.c_double}


def usable(x: Tensor, act: Act, *others: Tensor | None) -> bool:
    """Whether x [N, C, H, W] can go this way and is large enough.

    float64 only where a gradient is wanted: canonical images stay with PyTorch's own operators.
    """
    if x.device.type != "cpu" or x.ndim != 4 or x.numel() < FEW or act.gain <= 0 or act.slope <= 0:
        return False
    kinds = x.dtype == torch.float32 or (x.dtype == torch.float64 and needs_gradient(x, *others))
    return kinds and all(t is None or t.dtype == x.dtype for t in others) and library() is not None


def activate(
    x: Tensor, b: Tensor | None, act: Act, noise: Tensor | None, strength: Tensor | None
) -> Tensor:
    """`act` of x [N, C, H, W] + strength [] * noise ([H, W] or [N, 1, H, W], without a gradient) +
    b [C]; differentiable to any order.
    """
    y: Tensor = _Activate.apply(x, b, noise, strength, act)
    return y


def _sizes(x: Tensor) -> tuple[Any, ...]:
    n, channels, height, width = x.shape
    return tuple(map(ctypes.c_int64, (n * channels, channels, height * width)))


def _numbers(x: Tensor, act: Act) -> tuple[Any, ...]:
    return tuple(map(_NUMBER[x.dtype], act.numbers()))


class _Activate(torch.autograd.Function):
    """Keeps its output alone: its sign says which slope, what lies on the clamp was clamped."""

    @staticmethod
    def forward(ctx: Any, *given: Any) -> Tensor:
        x, b, noise, strength, act = given
        x = x.detach().contiguous()
        b, noise = (None if t is None else t.detach().contiguous() for t in (b, noise))
        y = torch.empty_like(x)
        by = 0.0 if noise is None else strength.item()
        step = ctypes.c_int64(noise_step(noise))
        tensors = [*map(address, (x, b, noise)), step, _NUMBER[x.dtype](by), address(y)]
        routine("activate", x)(*tensors, *_sizes(x), *_numbers(x, act))
        ctx.save_for_backward(y, noise)
        ctx.act = act
        return y

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        y, noise = ctx.saved_tensors
        if ctx.act.slope == 1:
            y = y.detach()  # of a linear one no second derivative exists, not even one of zeros
        wanted = [needs and wants_weights() for needs in ctx.needs_input_grad[1:4]]
        bias, strength = wanted[0], wanted[2]
        gx = gb = gs = None
        if torch.is_grad_enabled():
            gx = _Slopes.apply(grads[0], y, ctx.act)
            gb = gx.sum((0, 2, 3)) if bias else None
            gs = (gx * noise).sum() if strength else None
        else:
            sums = y.new_empty(y.shape[:2]) if bias or strength else None
            products = y.new_empty(y.shape[:2]) if strength else None
            gx = _with_slopes(grads[0], y, ctx.act, noise, sums, products)
            gb = sums.sum(0) if bias and sums is not None else None
            gs = None if products is None else products.sum()
        return gx, gb, None, gs, None


class _Slopes(torch.autograd.Function):
    """g times the slopes by which y was made: linear in g, and constant almost everywhere in y."""

    @staticmethod
    def forward(ctx: Any, g: Tensor, y: Tensor, act: Act) -> Tensor:
        ctx.save_for_backward(y)
        ctx.act = act
        return _with_slopes(g, y, act)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        (y,) = ctx.saved_tensors
        return _Slopes.apply(grads[0], y, ctx.act), None, None


def _with_slopes(
    g: Tensor,
    y: Tensor,
    act: Act,
    noise: Tensor | None = None,
    sums: Tensor | None = None,
    products: Tensor | None = None,
) -> Tensor:
    """gx [N, C, H, W]; to sums [N, C] those of gx go, to products [N, C] those of gx * noise."""
    g, y = g.detach().contiguous(), y.detach()
    gx, step = torch.empty_like(g), ctypes.c_int64(noise_step(noise))
    tensors = [*map(address, (g, y, noise)), step, *map(address, (gx, sums, products))]
    routine("slopes", g)(*tensors, *_sizes(g), *_numbers(g, act))
    return gx
