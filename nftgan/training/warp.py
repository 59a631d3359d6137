"""Bilinear sampling on a fixed grid, differentiable any number of times in the image."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

BILINEAR, ZEROS = 0, 0  # torch's numbers for these modes


def sample_bilinear(images: Tensor, grid: Tensor) -> Tensor:
    """images [N, C, H, W] at grid [N, h, w, 2] in [-1, 1], zeros outside: [N, C, h, w].

    Sampling is linear in the image, so its derivative is the adjoint and the adjoint's derivative
    is sampling again. The grid gets no gradient.
    """
    return _Sample.apply(images, grid)


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
        template = values.new_zeros(shape)
        images, _ = torch.ops.aten.grid_sampler_2d_backward(
            values.contiguous(), template, grid, BILINEAR, ZEROS, False, [True, False]
        )
        return images

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (grid,) = ctx.saved_tensors
        return _Sample.apply(gradients[0], grid), None, None
