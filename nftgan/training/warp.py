"""Bilinear sampling on a fixed grid, differentiable any number of times in the image."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from nftgan.ops.device import on_gpu

BILINEAR, ZEROS = 0, 0  # torch's numbers for these modes


def sample_bilinear(images: Tensor, grid: Tensor) -> Tensor:
    """images [N, C, H, W] at grid [N, h, w, 2] in [-1, 1], zeros outside: [N, C, h, w].

    Sampling is linear in the image, so its derivative is the adjoint and the adjoint's derivative
    is sampling again. The grid gets no gradient.
    """
    result: Tensor = _Sample.apply(images, grid)
    return result


FIXED_POINT_BITS = 44
"""Of the largest value. 2^18 of such sums still fit into 64 bits."""


@contextmanager
def _any_order() -> Iterator[None]:
    """Integers may be added in any order: PyTorch need not sort them, as it would for floats."""
    strict = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    torch.use_deterministic_algorithms(False)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(strict, warn_only=warn_only)


def scattered_exactly(values: Tensor, grid: Tensor, shape: torch.Size) -> Tensor:
    """The adjoint of sampling in fixed point: sums of integers do not depend on their order.

    values [N, C, h, w], grid [N, h, w, 2] → [N, C, H, W]; a NaN or infinity makes all of it NaN.
    """
    n, c, height, width = shape
    shifted = grid.double() + 1
    # By numbers of Python: a tensor made of them would wait for the card.
    x, y = (shifted[..., 0] * width - 1) / 2, (shifted[..., 1] * height - 1) / 2
    largest = values.abs().amax()
    scale = torch.exp2((FIXED_POINT_BITS - largest.double().clamp(min=1e-300).log2()).floor())
    numbers = values.double() * scale
    total = torch.zeros(n, c, height * width, dtype=torch.int64, device=values.device)
    for right in (0, 1):
        for below in (0, 1):
            column, row = x.floor() + right, y.floor() + below
            weight = (1 - (x - column).abs()) * (1 - (y - row).abs())
            inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
            place = torch.where(inside, row * width + column, 0).long().reshape(n, 1, -1)
            weight = torch.where(inside, weight, 0)
            parts = (numbers * weight[:, None]).round().long().reshape(n, c, -1)
            with _any_order():
                total.scatter_add_(2, place.expand(n, c, -1), parts)
    found = total.double() / scale + (largest * 0).double()
    return found.to(values.dtype).reshape(shape)


def reflected(images: Tensor, sides: Sequence[int]) -> Tensor:
    """F.pad(images, [left, right, top, bottom], "reflect"), whose gradient is deterministic on a
    GPU too: PyTorch's adds it with atomics there.
    """
    if not on_gpu(images):
        return F.pad(images, list(sides), mode="reflect")
    return mirrored(images, sides)


def mirrored(images: Tensor, sides: Sequence[int]) -> Tensor:
    """The same of flipped slices."""
    for axis, (before, after) in ((3, sides[:2]), (2, sides[2:])):
        size = images.shape[axis]
        parts = [images]
        if before:
            parts.insert(0, images.narrow(axis, 1, before).flip(axis))
        if after:
            parts.append(images.narrow(axis, size - 1 - after, after).flip(axis))
        images = torch.cat(parts, dim=axis)
    return images


class _Sample(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, images: Tensor, grid: Tensor) -> Tensor:
        ctx.save_for_backward(grid)
        ctx.shape = images.shape
        return F.grid_sample(images, grid, "bilinear", "zeros", align_corners=False)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (grid,) = ctx.saved_tensors
        return _Scatter.apply(gradients[0], grid, ctx.shape), None


class _Scatter(torch.autograd.Function):
    """The adjoint of sampling: each value back to the four pixels that it was read from."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, grid: Tensor, shape: torch.Size) -> Tensor:
        ctx.save_for_backward(grid)
        if on_gpu(values) and torch.are_deterministic_algorithms_enabled():
            return scattered_exactly(values, grid, shape)
        template = values.new_zeros(shape)
        images, _ = torch.ops.aten.grid_sampler_2d_backward(
            values.contiguous(), template, grid, BILINEAR, ZEROS, False, [True, False]
        )
        result: Tensor = images
        return result

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (grid,) = ctx.saved_tensors
        return _Sample.apply(gradients[0], grid), None, None
