"""What scales the channels of modulated convolutions on a GPU, in few launches: running magnitudes
(Karras et al. 2021), sums of gradients, and the linear layers that make styles.
"""

from __future__ import annotations

import functools
import math
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from nftgan.ops import gpu_planes, gpu_tiles
from nftgan.ops.gradients import wants_weights

SINGLE = 2048
"""Numbers at once of a program that is alone."""


@functools.cache
def _kernels() -> Any:
    from nftgan.ops import triton_scales, triton_second

    return SimpleNamespace(**{**vars(triton_scales), **vars(triton_second)})


def launch(name: str, programs: int, like: Tensor, *arguments: Any, **constants: Any) -> None:
    """Run a kernel of `triton_scales` or `triton_second` on the device of `like`."""
    gpu_tiles.launch(getattr(_kernels(), name), (programs,), like, *arguments, **constants)


def takes(weight: Tensor, styles: Tensor) -> bool:
    """Whether the kernels of scales do these: float32 where the kernels of activations run."""
    single = weight.dtype == styles.dtype == torch.float32
    return single and gpu_planes.takes(styles)


def tile(channels: int, most: int) -> int:
    """Side of a tile: a power of two, no larger than it must be."""
    return min(most, 1 << max(channels - 1, 0).bit_length())


def magnitude_moved(
    x: Tensor, scale_in: Tensor, scale_out: Tensor | None, outputs: int, ema: Tensor, beta: float
) -> Tensor:
    """Move the average `ema` [] of the mean square of x / scale_in; no gradient.

    x [N, C, H, W], scale_in [N, C] → scale_out [N, outputs] (None: 1) over the root of the average.
    """
    tiny = 1e-12
    squares = gpu_planes.product_sums(x.detach(), x.detach())[0]
    gained = squares.new_empty(len(x), outputs)
    launch(
        "magnitude_tile",
        1,
        x,
        *(squares, scale_in.detach().contiguous()),
        *(None if scale_out is None else scale_out.detach().contiguous(), ema, gained),
        *(len(x), x.shape[1], outputs, 1 / x.numel(), beta, tiny),
        SCALE=scale_out is not None,
        BLOCK=SINGLE,
        num_warps=8,
    )
    return gained


def divided_sums(
    a: Tensor, b: Tensor, scale: Tensor, *, one: bool = False
) -> tuple[Tensor, Tensor | None]:
    """Sums of a * b over places divided by the scale, [N, C], and with `one` those of a, of all
    samples, [C]: two launches. a, b [N, C, H, W], scale [N, C] float32.
    """
    found = gpu_planes.product_tiles(a, b, one=one)  # [rows, N, tiles, C]
    _, samples, tiles, channels = found.shape
    products = found.new_empty(samples, channels)
    ones = found.new_empty(channels) if one else None
    block = tile(channels, 32)
    launch(
        "finish_sums_tile",
        math.ceil(channels / block),
        found,
        *(found, scale.float().contiguous(), products, ones, samples, channels, tiles),
        ONE=one,
        ROWS=tile(tiles, 32),
        CHANNELS=block,
    )
    return products, ones


class _Linear(torch.autograd.Function):
    """x [N, I], weight [O, I], bias [O] → x weight^T * gain + bias * bias_gain, in one launch and,
    for the gradients, four at most.
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, gain: float, bias_gain: float
    ) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.gains = gain, bias_gain
        return torch.addmm(bias, x, weight.T, beta=bias_gain, alpha=gain)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        (g,), (gain, bias_gain), needs = grads, ctx.gains, ctx.needs_input_grad
        gx = product(g, weight, gain) if needs[0] else None
        gw = product(g.T, x, gain) if needs[1] and wants_weights() else None
        gb = None
        if needs[2] and wants_weights():
            gb = g.sum(0) if bias_gain == 1 else g.sum(0) * bias_gain
        return gx, gw, gb, None, None


class _Product(torch.autograd.Function):
    """a b * gain in one launch, and so the gradients, of any order."""

    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor, gain: float) -> Tensor:
        ctx.save_for_backward(a, b)
        ctx.gain = gain
        # With beta 0 the first argument is not read.
        return torch.addmm(a.new_empty(()), a, b, beta=0, alpha=gain)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        (a, b), (g,), needs = ctx.saved_tensors, grads, ctx.needs_input_grad
        ga = product(g, b.T, ctx.gain) if needs[0] else None
        return ga, product(a.T, g, ctx.gain) if needs[1] else None, None


def product(a: Tensor, b: Tensor, gain: float) -> Tensor:
    """a [N, I] b [I, O] * gain."""
    made: Tensor = _Product.apply(a, b, gain)
    return made


def linear(x: Tensor, weight: Tensor, bias: Tensor, gain: float, bias_gain: float) -> Tensor:
    """x [N, I], weight [O, I], bias [O], all of one type → [N, O]."""
    y: Tensor = _Linear.apply(x, weight, bias, gain, bias_gain)
    return y


class _ScaledAll(torch.autograd.Function):
    """Each tensor times its number, all in one launch; so is the gradient, of any order."""

    @staticmethod
    def forward(ctx: Any, gains: tuple[float, ...], *tensors: Tensor) -> tuple[Tensor, ...]:
        ctx.gains = gains
        ctx.set_materialize_grads(False)
        return tuple(torch._foreach_mul(list(tensors), list(gains)))

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, ...]:
        there = [
            (k, g) for k, g in enumerate(grads) if g is not None and ctx.needs_input_grad[k + 1]
        ]
        found: list[Tensor | None] = [None] * len(grads)
        if there:
            gains = tuple(ctx.gains[k] for k, _ in there)
            for (k, _), made in zip(
                there, _ScaledAll.apply(gains, *(g for _, g in there)), strict=True
            ):
                found[k] = made
        return (None, *found)


def scaled_all(tensors: list[Tensor], gains: list[float]) -> list[Tensor]:
    """The products of each tensor with its number."""
    return list(_ScaledAll.apply(tuple(gains), *tensors))
