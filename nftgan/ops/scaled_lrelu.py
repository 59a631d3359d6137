"""filtered_lrelu with its input's and output's channels scaled, in the same launch on a GPU.

A modulated convolution is one convolution with shared weights between two such scales, of its input
and of its output. Both ride in the kernels of the activations around it, which read and write these
tensors anyway.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from nftgan.ops import fused, gpu, gpu_planes, gpu_scales
from nftgan.ops.filtered_lrelu import filtered_lrelu
from nftgan.ops.fused import APPLY_SIGNS, FORWARD, FORWARD_SAVE_SIGNS, KernelPlan
from nftgan.ops.gradients import needs_gradient
from nftgan.ops.upfirdn import Pair, padding_of


def scaled_lrelu(
    x: Tensor,
    fu: Tensor | None,
    fd: Tensor | None,
    b: Tensor | None,
    *,
    before: Tensor | None,
    after: Tensor | None,
    up: int,
    down: int,
    padding: Pair,
    gain: float,
    slope: float,
    clamp: float | None,
) -> Tensor:
    """filtered_lrelu(x * before, ...) * after: before [N, C], after [N, C], neither ever 0."""
    options = (up, down, padding_of(padding), gain, slope, clamp)
    planned = gpu.plan(x, fu, fd, *options) if gpu_planes.takes(x) else None
    if planned is not None:
        return run(planned, x, b, before, after)
    if before is not None:
        x = x * before.to(x.dtype)[:, :, None, None]
    y = filtered_lrelu(x, fu, fd, b, *options)
    return y if after is None else y * after.to(y.dtype)[:, :, None, None]


def run(
    p: KernelPlan, x: Tensor, b: Tensor | None, before: Tensor | None, after: Tensor | None
) -> Tensor:
    """The planned call, by the kernel of `gpu`."""
    if needs_gradient(x, b, before, after):
        y: Tensor = _Scaled.apply(x, b, before, after, p)
        return y
    plain = [None if t is None else t.detach() for t in (b, before, after)]
    return gpu.call(p, x.detach(), plain[0], None, FORWARD, plain[1], plain[2])


class _Scaled(torch.autograd.Function):
    """The first derivative in four launches; where more are wanted, step by step."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        b: Tensor | None,
        before: Tensor | None,
        after: Tensor | None,
        p: KernelPlan,
    ) -> Tensor:
        signs = p.new_signs(x, p)
        y = gpu.call(p, x, b, signs, FORWARD_SAVE_SIGNS, before, after)
        ctx.save_for_backward(x, b, before, after, signs, y)
        ctx.p = p
        return y

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        x, b, before, after, signs, y = ctx.saved_tensors
        if torch.is_grad_enabled():
            return _differentiable(ctx, grads[0])
        g = grads[0].contiguous()
        gx = gpu.call(ctx.p.adjoint(), g, None, signs, APPLY_SIGNS, after, before)
        gb = g_before = g_after = None
        if before is not None:
            # Of gx, which is before * h: sums of h * x, and of h for the bias.
            products, sums = gpu_scales.divided_sums(gx, x, before, one=b is not None)
            g_before = products.to(before.dtype)
            if b is not None and sums is not None:
                gb = sums.to(b.dtype)
        elif b is not None:
            gb = gx.sum((0, 2, 3), dtype=torch.float32).to(b.dtype)
        if after is not None:
            g_after = gpu_scales.divided_sums(y, g, after)[0].to(after.dtype)
        return gx, gb, g_before, g_after, None


def _differentiable(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
    """The same gradients as functions of everything, for the derivative of a derivative."""
    x, b, before, after, _, _ = ctx.saved_tensors
    inputs = (x, b, before, after)
    wanted = [
        one
        for one, needs in zip(inputs, ctx.needs_input_grad, strict=False)
        if one is not None and needs
    ]
    v = x if before is None else x * before.to(x.dtype)[:, :, None, None]
    y = fused.run(ctx.p, v, b)
    if after is not None:
        y = y * after.to(y.dtype)[:, :, None, None]
    found = iter(torch.autograd.grad(y, wanted, g, create_graph=True, allow_unused=True))
    return (
        *(
            next(found) if one is not None and needs else None
            for one, needs in zip(inputs, ctx.needs_input_grad, strict=False)
        ),
        None,
    )
