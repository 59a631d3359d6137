"""filtered_lrelu as one native pass over the planes, differentiable to any order."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any

import torch
from torch import Tensor

from nftgan.ops.gradients import needs_gradient
from nftgan.ops.kernels import address, library, routine

MAX_TAPS = 64
MAX_RANK = 6
NEGLIGIBLE = {torch.float32: 5e-7, torch.float64: 1e-15}
"""Singular value, of the largest, below which a separable term is lost in rounding anyway."""
FORWARD, FORWARD_SAVE_SIGNS, APPLY_SIGNS = 0, 1, 2

DOUBLE_FROM = 1 << 20
"""Upsampled float64 samples. Only canonical images are in float64, one at a time: for small ones
the kernels need not be compiled."""

_NUMBER: dict[torch.dtype, Any] = {torch.float32: ctypes.c_float, torch.float64: ctypes.c_double}


@dataclass(frozen=True)
class Axis:
    """One axis of the pass: u[m] = Σ up_filter[k] xup[m + k - pad], where xup has zeros between
    its samples, and y[q] = Σ down_filter[k] v[q * down + off + k].
    """

    size: int
    mid: int
    out: int
    up: int
    down: int
    pad: int
    off: int

    def adjoint(self, up_taps: int, down_taps: int) -> Axis:
        """The axis of the transposed linear map."""
        return Axis(
            self.out,
            self.mid,
            self.size,
            self.down,
            self.up,
            pad=down_taps - 1 + self.off,
            off=self.pad - (up_taps - 1),
        )

    def numbers(self) -> tuple[int, ...]:
        return self.size, self.mid, self.out, self.up, self.down, self.pad, self.off


@dataclass(frozen=True)
class Filter:
    """A filter as a sum of separable ones: Σ over r of y[r] ⊗ x[r], each [rank, taps].

    Rank one where it is separable; StyleGAN3-R's radial filters need rank two to four, six in
    float64.
    """

    x: Tensor
    y: Tensor

    @property
    def taps(self) -> int:
        return self.x.shape[1]

    def flipped(self, gain: float = 1.0) -> Filter:
        """As a correlation where it was a convolution, times `gain` along each axis."""
        return Filter((self.x.flip(1) * gain).contiguous(), (self.y.flip(1) * gain).contiguous())


@dataclass(frozen=True)
class KernelPlan:
    """Everything but the data: both axes, both filters (as correlations), the activation, and the
    routines that do it, as `_call` and `_new_signs`.
    """

    x: Axis
    y: Axis
    up_filter: Filter
    down_filter: Filter
    gain: float
    slope: float
    clamp: float

    call: Callable[[KernelPlan, Tensor, Tensor | None, Tensor | None, int], Tensor]
    new_signs: Callable[[Tensor, KernelPlan], Tensor]

    def adjoint(self) -> KernelPlan:
        """The transposed linear map, with the signs in place of the activation."""
        return self._adjoint

    @cached_property
    def _adjoint(self) -> KernelPlan:
        return replace(
            self,
            x=self.x.adjoint(self.up_filter.taps, self.down_filter.taps),
            y=self.y.adjoint(self.up_filter.taps, self.down_filter.taps),
            up_filter=self.down_filter.flipped(),
            down_filter=self.up_filter.flipped(),
        )


def separable_decomposition(f: Tensor | None, dtype: torch.dtype = torch.float32) -> Filter | None:
    """`f` [n], [n, n] or None (one tap) as a sum of at most MAX_RANK separable ones; None where
    that is too few or its taps are too many.
    """
    if f is None:
        one = torch.ones(1, 1, dtype=dtype)
        return Filter(one, one)
    if max(f.shape) > MAX_TAPS:
        return None
    f = f.detach().to(dtype).contiguous()
    if f.ndim == 1:
        return Filter(f[None], f[None])
    if f.shape[0] != f.shape[1]:
        return None
    return _decomposed(f.numpy().tobytes(), f.shape[0], dtype)


@lru_cache(maxsize=64)
def _decomposed(data: bytes, side: int, dtype: torch.dtype) -> Filter | None:
    """Rows of `data` run along x. The largest singular values carry almost all of it."""
    matrix = torch.frombuffer(bytearray(data), dtype=dtype).reshape(side, side).double()
    along_y, values, along_x = torch.linalg.svd(matrix)
    rank = max(int((values > NEGLIGIBLE[dtype] * values[0]).sum()), 1)
    if rank > MAX_RANK:
        return None
    root = values[:rank].sqrt()[:, None]
    return Filter(
        (along_x[:rank] * root).to(dtype).contiguous(),
        (along_y.T[:rank] * root).to(dtype).contiguous(),
    )


def plan(
    x: Tensor,
    fu: Tensor | None,
    fd: Tensor | None,
    up: int,
    down: int,
    padding: tuple[int, int, int, int],
    gain: float,
    slope: float,
    clamp: float | None,
) -> KernelPlan | None:
    """How the native pass would do this call, or None when it can't.

    It can for float32 and much float64 on the CPU, with filters of up to 64 taps that are sums of
    at most six separable ones: a symmetric filter of 12 x 12 taps is always one of six.
    """
    if x.device.type != "cpu" or x.dtype not in _NUMBER:
        return None
    if x.dtype == torch.float64 and x.numel() * up * up < DOUBLE_FROM:
        return None
    up_filter, down_filter = (
        separable_decomposition(fu, x.dtype),
        separable_decomposition(fd, x.dtype),
    )
    if up_filter is None or down_filter is None or library() is None:
        return None
    axes = axes_of(x, up_filter.taps, down_filter.taps, up, down, padding)
    if axes is None:
        return None
    limit = math.inf if clamp is None else clamp
    flipped = up_filter.flipped(up), down_filter.flipped()
    return KernelPlan(*axes, *flipped, gain, slope, limit, call=_call, new_signs=_new_signs)


def axes_of(
    x: Tensor, up_taps: int, down_taps: int, up: int, down: int, padding: tuple[int, int, int, int]
) -> tuple[Axis, Axis] | None:
    """Along x and y; None where nothing is left, or more is cropped than a kernel looks at."""
    axes = []
    for size, (before, after) in ((x.shape[3], padding[:2]), (x.shape[2], padding[2:])):
        mid = size * up + before + after - (up_taps - 1)
        out = (mid - (down_taps - 1) + down - 1) // down
        # The kernel keeps 64 zeros before a row for an adjoint that begins left of it.
        if mid < down_taps or out < 1 or before - (up_taps - 1) < -MAX_TAPS:
            return None
        axes.append(Axis(size, mid, out, up, down, pad=before, off=0))
    return axes[0], axes[1]


def _call(p: KernelPlan, x: Tensor, b: Tensor | None, signs: Tensor | None, mode: int) -> Tensor:
    """One native pass: x [N, C, H, W] → [N, C, H', W']; the signs are written or read by `mode`."""
    x = x.contiguous()
    n, c = x.shape[:2]
    y = x.new_empty((n, c, p.y.out, p.x.out))
    axes = (ctypes.c_int * 14)(*p.x.numbers(), *p.y.numbers())
    number = _NUMBER[x.dtype]
    failed = routine("filtered_lrelu", x)(
        address(x),
        address(None if b is None else b.contiguous()),
        address(signs),
        address(y),
        ctypes.c_int64(n * c),
        ctypes.c_int64(c),
        address(p.up_filter.x),
        address(p.up_filter.y),
        p.up_filter.taps,
        p.up_filter.x.shape[0],
        address(p.down_filter.x),
        address(p.down_filter.y),
        p.down_filter.taps,
        p.down_filter.x.shape[0],
        axes,
        mode,
        number(p.gain),
        number(p.slope),
        number(p.clamp),
    )
    assert not failed
    return y


def _new_signs(x: Tensor, p: KernelPlan) -> Tensor:
    """Two bits an upsampled sample: the signs of a vector of planes, then what was clamped."""
    lanes = int(routine("lanes", x)())
    lots = -(-x.shape[0] * x.shape[1] // lanes)
    return torch.empty((lots, p.y.mid, p.x.mid, max(lanes // 4, 1)), dtype=torch.uint8)


class _FilteredLrelu(torch.autograd.Function):
    """The forward pass; saves two bits per upsampled sample."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, b: Tensor | None, p: KernelPlan) -> Tensor:
        signs = p.new_signs(x, p)
        ctx.save_for_backward(signs)
        ctx.p, ctx.bias_dtype = p, None if b is None else b.dtype
        return p.call(p, x, b, signs, FORWARD_SAVE_SIGNS)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor | None, None]:
        (signs,) = ctx.saved_tensors
        gx = _ApplySigns.apply(grads[0], signs, ctx.p.adjoint())
        if ctx.bias_dtype is None:
            return gx, None, None
        return gx, gx.sum(dim=(0, 2, 3), dtype=ctx.bias_dtype), None


class _ApplySigns(torch.autograd.Function):
    """The linear map that the activation is once its signs are fixed; derived by its adjoint."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, signs: Tensor, p: KernelPlan) -> Tensor:
        ctx.save_for_backward(signs)
        ctx.p = p
        return p.call(p, x, None, signs, APPLY_SIGNS)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        (signs,) = ctx.saved_tensors
        return _ApplySigns.apply(grads[0], signs, ctx.p.adjoint()), None, None


class _Resample(torch.autograd.Function):
    """The pass without its activation, which is linear: the derivative is the adjoint."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, p: KernelPlan) -> Tensor:
        ctx.p = p
        return p.call(p, x, None, None, FORWARD)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        return _Resample.apply(grads[0], ctx.p.adjoint()), None


def resample(p: KernelPlan, x: Tensor) -> Tensor:
    """The pass that was planned with a slope and a gain of 1 and no clamp."""
    y: Tensor = _Resample.apply(x, p)
    return y


def run(p: KernelPlan, x: Tensor, b: Tensor | None) -> Tensor:
    """The planned call; keeps the signs only when a gradient may be asked for."""
    if needs_gradient(x, b):
        result: Tensor = _FilteredLrelu.apply(x, b, p)
        return result
    return p.call(p, x.detach(), None if b is None else b.detach(), None, FORWARD)
