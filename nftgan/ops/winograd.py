"""3x3 convolution by Winograd's F(4x4, 3x3) (Lavin and Gray 2016), natively on the CPU."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

from nftgan.ops.gradients import wants_weights
from nftgan.ops.kernels import address, library, routine

PRODUCTS = 36
"""Matrix products of [O, I] with the tiles, for 16 outputs of 9 taps each."""

FEW_CHANNELS = 16
"""Below, the transforms cost more than the multiplications that they save."""

FEW_TILES = 64
"""Below, so does the transform of the weights."""

BLOCK_BYTES = 24 << 20
"""Of transformed tiles at once, so that they stay in the cache."""

FEW_SUMS = 128 * 128
"""Of pairs of channels: with more, no thread has room for sums of its own."""

_NEAR, _FAR = 0.5**0.5, 2**0.5
KERNEL = (
    (1, 0, 0),
    (-1 / 1.5, -_NEAR / 1.5, -0.5 / 1.5),
    (-1 / 1.5, _NEAR / 1.5, -0.5 / 1.5),
    (1 / 6, _FAR / 6, 2 / 6),
    (1 / 6, -_FAR / 6, 2 / 6),
    (0, 0, 1),
)
"""G: interpolation at 0, ±sqrt(1/2), ±sqrt(2) and infinity; the kernel's source has B and A."""

DOUBLE_FROM = 1 << 26
"""Multiplications of a float64 convolution: small ones are not worth compiling the kernels for."""


@dataclass(frozen=True)
class Kernels:
    """The kernels of a weight [O, I, 3, 3] as `convolve` takes them."""

    products: Tensor  # [36, O * I]: four times as large
    energy: Tensor  # [O, I]: the sum of the squares of each kernel


_transformed: Any = WeakTensorKeyDictionary()  # weight → (what it was then, its transform)


def usable(x: Tensor, weight: Tensor) -> bool:
    """Whether Winograd can do x [N, I, H, W] with weight [O, I, k, k] here, and is faster."""
    out_channels, in_channels, height, width = weight.shape
    if (height, width) != (3, 3) or x.device.type != "cpu" or weight.dtype != x.dtype:
        return False
    if (
        x.dtype not in (torch.float32, torch.float64)
        or min(out_channels, in_channels) < FEW_CHANNELS
    ):
        return False
    if min(x.shape[2:]) < 3 or x.shape[0] * x.shape[2] * x.shape[3] < 16 * FEW_TILES:
        return False
    work = x.shape[0] * x.shape[2] * x.shape[3] * out_channels * in_channels * 9
    if x.dtype == torch.float64 and work < DOUBLE_FROM:
        return False
    return library() is not None


def transformed(weight: Tensor) -> Kernels:
    """Kept for as long as the weight lives and stays the same."""
    if weight.is_inference():
        return _transform(weight)
    state = weight._version, weight.data_ptr(), weight.dtype
    known = _transformed.get(weight)
    if known is None or known[0] != state:
        known = state, _transform(weight)
        _transformed[weight] = known
    made: Kernels = known[1]
    return made


def _transform(weight: Tensor) -> Kernels:
    return Kernels(_products(weight), weight.detach().square().sum(dim=(2, 3)))


def _products(weight: Tensor, *, transposed: bool = False) -> Tensor:
    """[36, O * I] of weight [O, I, 3, 3]; if back, of the convolution that its gradient is."""
    out_channels, in_channels = weight.shape[:2]
    weight = weight.detach().contiguous()
    u = weight.new_empty(PRODUCTS, out_channels * in_channels)
    outer = (in_channels, out_channels) if transposed else (out_channels, in_channels)
    routine("winograd_weight", weight)(address(weight), address(u), *outer, int(transposed))
    return u


def convolve(
    x: Tensor,
    kernels: Kernels,
    *,
    padding: int,
    scale_in: Tensor | None = None,
    scale_out: Tensor | None = None,
) -> Tensor:
    """x [N, I, H, W] correlated with the `transformed` kernels, without a gradient.

    scale_in [N, I] multiplies the input, scale_out [N, O] the output; padding: 0 to 2.
    Returns [N, O, H + 2 * padding - 2, W + 2 * padding - 2]. In float32 the error is about five
    times that of a direct convolution.
    """
    return _run(x, kernels.products, len(kernels.energy), padding, scale_in, scale_out)


def _run(
    x: Tensor,
    products: Tensor,
    out_channels: int,
    padding: int,
    scale_in: Tensor | None = None,
    scale_out: Tensor | None = None,
) -> Tensor:
    n, in_channels, h, w = x.shape
    x, before, after = _contiguous(x, scale_in, scale_out)
    y = x.new_empty(n, out_channels, h + 2 * padding - 2, w + 2 * padding - 2)
    tensors = [address(one) for one in (x, products, before, after, y)]
    sizes = map(ctypes.c_int, (n, in_channels, out_channels, h, w, padding))
    failed = routine("winograd", x)(*tensors, *sizes)
    assert not failed
    return y


def _contiguous(x: Tensor, *others: Tensor | None) -> Any:
    """They as the native routines read them: contiguous, all of the type of x."""
    kind = x.dtype
    return tuple(t if t is None else t.detach().to(kind).contiguous() for t in (x, *others))


def convolve_with_gradient(x: Tensor, weight: Tensor, *, padding: int) -> Tensor:
    """`convolve` with [O, I, 3, 3], differentiable to any order."""
    y: Tensor = _Convolve.apply(x, weight, padding, False)
    return y


def convolve_scaled(
    x: Tensor, weight: Tensor, scale_in: Tensor, scale_out: Tensor, *, padding: int
) -> Tensor:
    """`convolve_with_gradient` of x * scale_in [N, I], times scale_out [N, O], which is never 0."""
    y: Tensor = _Scaled.apply(x, weight, scale_in, scale_out, padding)
    return y


class _Scaled(torch.autograd.Function):
    """The first derivative in few passes over memory; where more are wanted, step by step."""

    @staticmethod
    def forward(ctx: Any, *given: Any) -> Tensor:
        x, weight, scale_in, scale_out, padding = given
        y = _run(x, _products(weight), len(weight), padding, scale_in, scale_out)
        ctx.save_for_backward(x, weight, scale_in, scale_out, y)
        ctx.padding = padding
        return y

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, scale_in, scale_out, y = ctx.saved_tensors
        if torch.is_grad_enabled():
            recomputed = convolve_with_gradient(
                x * scale_in[:, :, None, None], weight, padding=ctx.padding
            )
            inputs = (x, weight, scale_in, scale_out)
            inputs_with_grad = [
                one for one, needs in zip(inputs, ctx.needs_input_grad, strict=False) if needs
            ]
            found = iter(
                torch.autograd.grad(
                    recomputed * scale_out[:, :, None, None],
                    inputs_with_grad,
                    grads[0],
                    create_graph=True,
                    allow_unused=True,
                )
            )
            return *(next(found) if needs else None for needs in ctx.needs_input_grad[:4]), None
        g = grads[0].contiguous()
        gx = _run(g, _products(weight, transposed=True), x.shape[1], 2 - ctx.padding, scale_out)
        gw = None
        if ctx.needs_input_grad[1] and wants_weights():
            gw = weight_gradient(x, g, padding=ctx.padding, scale_in=scale_in, scale_out=scale_out)
        before = _scale_and_sum(x, gx, scale_in)
        after = _scale_and_sum(y, g) / scale_out
        return gx, gw, before.to(scale_in.dtype), after.to(scale_out.dtype), None


def _scale_and_sum(x: Tensor, y: Tensor, scale: Tensor | None = None) -> Tensor:
    """Sums [N, C] of x * y [N, C, H, W]; y is then multiplied by scale [N, C], if there is one."""
    x, scale = _contiguous(x, scale)
    sums = x.new_empty(x.shape[:2])
    native, size = routine("winograd_settle", x), x.shape[2] * x.shape[3]
    native(*map(address, (x, y, scale, sums)), ctypes.c_int(sums.numel()), ctypes.c_int(size))
    return sums


class _Convolve(torch.autograd.Function):
    """back: from O channels to I, with the weight's taps in reverse, as gradients go."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, padding: int, transposed: bool) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.padding, ctx.transposed = padding, transposed
        return _run(
            x,
            _products(weight, transposed=transposed),
            weight.shape[1 if transposed else 0],
            padding,
        )

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        x, weight = ctx.saved_tensors
        gx = gw = None
        if ctx.needs_input_grad[0]:
            gx = _Convolve.apply(grads[0], weight, 2 - ctx.padding, not ctx.transposed)
        if ctx.needs_input_grad[1] and wants_weights():
            pair = (grads[0], x, 2 - ctx.padding) if ctx.transposed else (x, grads[0], ctx.padding)
            gw = _WeightGradient.apply(*pair)
        return gx, gw, None, None


class _WeightGradient(torch.autograd.Function):
    """Σ over samples and places of the output's gradient times the input beneath a kernel."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, y: Tensor, padding: int) -> Tensor:
        ctx.save_for_backward(x, y)
        ctx.padding = padding
        return weight_gradient(x, y, padding=padding)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        x, y = ctx.saved_tensors
        gx = gy = None
        if ctx.needs_input_grad[0]:
            gx = _Convolve.apply(y, grads[0], 2 - ctx.padding, True)
        if ctx.needs_input_grad[1]:
            gy = _Convolve.apply(x, grads[0], ctx.padding, False)
        return gx, gy, None


def weight_gradient(
    x: Tensor,
    y: Tensor,
    *,
    padding: int,
    scale_in: Tensor | None = None,
    scale_out: Tensor | None = None,
) -> Tensor:
    """Gradient [O, I, 3, 3] of (convolve(x) * y).sum(); x [N, I, H, W], y [N, O, H', W'].

    scale_in [N, I] multiplies x first, scale_out [N, O] y.
    """
    n, in_channels, h, w = x.shape
    out_channels = y.shape[1]
    x, y, before, after = _contiguous(x, y, scale_in, scale_out)
    if in_channels * out_channels > FEW_SUMS:
        x = x if before is None else x * before[:, :, None, None]
        return _in_blocks(x, y if after is None else y * after[:, :, None, None], padding)
    made = x.new_empty(out_channels, in_channels, 3, 3)
    tensors = [address(one) for one in (x, y, before, after, made)]
    routine("winograd_correlate", x)(
        *tensors, *map(ctypes.c_int, (n, in_channels, out_channels, h, w, padding))
    )
    return made


def _in_blocks(x: Tensor, y: Tensor, padding: int) -> Tensor:
    """Many channels: each of the products is a large one of matrices, over blocks of tiles."""
    n, in_channels, h, w = x.shape
    out_channels = y.shape[1]
    tiles = n * -(-y.shape[2] // 4) * -(-y.shape[3] // 4)
    most = max(1, BLOCK_BYTES // (x.element_size() * PRODUCTS * (in_channels + out_channels)))
    total = x.new_zeros(PRODUCTS, out_channels, in_channels)
    native = routine("winograd_spread", x)
    for first in range(0, tiles, most):
        count = min(most, tiles - first)
        v, z = (x.new_empty(PRODUCTS, channels, count) for channels in (in_channels, out_channels))
        tensors = [address(one) for one in (x, y, v, z)]
        native(
            *tensors, *map(ctypes.c_int, (in_channels, out_channels, h, w, padding, first, count))
        )
        total.baddbmm_(z, v.transpose(1, 2))
    kernel = total.new_tensor(KERNEL)
    return torch.einsum(
        "ak,aboi,bl->oikl", kernel, total.view(6, 6, out_channels, in_channels), kernel
    )
