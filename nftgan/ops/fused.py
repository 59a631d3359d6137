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
MAX_TERMS = 6
NEGLIGIBLE = {torch.float32: 5e-7, torch.float64: 1e-15}
"""Singular value, of the largest, below which a term of a filter is lost in rounding anyway."""
ACTIVATE, ACTIVATE_AND_REMEMBER, RECALL = 0, 1, 2

DOUBLE_FROM = 1 << 20
"""Raised float64 samples. Only canonical images are in float64, one at a time: for small ones the
kernels need not be compiled."""

_NUMBER: dict[torch.dtype, Any] = {torch.float32: ctypes.c_float, torch.float64: ctypes.c_double}


@dataclass(frozen=True)
class Axis:
    """One axis of the pass: u[m] = Σ h1[k] xup[m+k-pad], y[q] = Σ h2[k] v[q*down+off+k]."""

    size: int
    mid: int
    out: int
    up: int
    down: int
    pad: int
    off: int

    def adjoint(self, taps1: int, taps2: int) -> Axis:
        """The axis of the transposed linear map."""
        return Axis(
            self.out,
            self.mid,
            self.size,
            self.down,
            self.up,
            pad=taps2 - 1 + self.off,
            off=self.pad - (taps1 - 1),
        )

    def numbers(self) -> tuple[int, ...]:
        return self.size, self.mid, self.out, self.up, self.down, self.pad, self.off


@dataclass(frozen=True)
class Filter:
    """A filter as a sum of separable ones: Σ over terms of y[term] ⊗ x[term], each [terms, taps].

    One term where it is separable; StyleGAN3-R's radial filters need two to four, six in float64.
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
class Pass:
    """Everything but the data: both axes, both filters (as correlations), the activation, and the
    routines that do it, as `_call` and `_new_mask`.
    """

    x: Axis
    y: Axis
    h1: Filter
    h2: Filter
    gain: float
    slope: float
    clamp: float

    call: Callable[[Pass, Tensor, Tensor | None, Tensor | None, int], Tensor]
    new_mask: Callable[[Tensor, Pass], Tensor]

    def adjoint(self) -> Pass:
        """The transposed linear map, with the mask in place of the activation."""
        return self._adjoint

    @cached_property
    def _adjoint(self) -> Pass:
        return replace(
            self,
            x=self.x.adjoint(self.h1.taps, self.h2.taps),
            y=self.y.adjoint(self.h1.taps, self.h2.taps),
            h1=self.h2.flipped(),
            h2=self.h1.flipped(),
        )


def in_terms(f: Tensor | None, dtype: torch.dtype = torch.float32) -> Filter | None:
    """`f` [n], [n, n] or None (one tap) as a sum of at most MAX_TERMS; None where that is too few
    or its taps are too many.
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
    terms = max(int((values > NEGLIGIBLE[dtype] * values[0]).sum()), 1)
    if terms > MAX_TERMS:
        return None
    root = values[:terms].sqrt()[:, None]
    return Filter(
        (along_x[:terms] * root).to(dtype).contiguous(),
        (along_y.T[:terms] * root).to(dtype).contiguous(),
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
) -> Pass | None:
    """How the native pass would do this call, or None when it can't.

    It can for float32 and much float64 on the CPU, with filters of up to 64 taps that are sums of
    at most six separable ones: a symmetric filter of 12 x 12 taps is always one of six.
    """
    if x.device.type != "cpu" or x.dtype not in _NUMBER:
        return None
    if x.dtype == torch.float64 and x.numel() * up * up < DOUBLE_FROM:
        return None
    h1, h2 = in_terms(fu, x.dtype), in_terms(fd, x.dtype)
    if h1 is None or h2 is None or library() is None:
        return None
    axes = axes_of(x, h1.taps, h2.taps, up, down, padding)
    if axes is None:
        return None
    limit = math.inf if clamp is None else clamp
    flipped = h1.flipped(up), h2.flipped()
    return Pass(*axes, *flipped, gain, slope, limit, call=_call, new_mask=_new_mask)


def axes_of(
    x: Tensor, taps1: int, taps2: int, up: int, down: int, padding: tuple[int, int, int, int]
) -> tuple[Axis, Axis] | None:
    """Along x and y; None where nothing is left, or more is cropped than a kernel looks at."""
    axes = []
    for size, (before, after) in ((x.shape[3], padding[:2]), (x.shape[2], padding[2:])):
        mid = size * up + before + after - (taps1 - 1)
        out = (mid - (taps2 - 1) + down - 1) // down
        # The kernel keeps 64 zeros before a row for an adjoint that begins left of it.
        if mid < taps2 or out < 1 or before - (taps1 - 1) < -MAX_TAPS:
            return None
        axes.append(Axis(size, mid, out, up, down, pad=before, off=0))
    return axes[0], axes[1]


def _call(p: Pass, x: Tensor, b: Tensor | None, mask: Tensor | None, mode: int) -> Tensor:
    """One native pass: x [N, C, H, W] → [N, C, H', W']; the mask is written or read by `mode`."""
    x = x.contiguous()
    n, c = x.shape[:2]
    y = x.new_empty((n, c, p.y.out, p.x.out))
    axes = (ctypes.c_int * 14)(*p.x.numbers(), *p.y.numbers())
    number = _NUMBER[x.dtype]
    failed = routine("filtered_lrelu", x)(
        address(x),
        address(None if b is None else b.contiguous()),
        address(mask),
        address(y),
        ctypes.c_int64(n * c),
        ctypes.c_int64(c),
        address(p.h1.x),
        address(p.h1.y),
        p.h1.taps,
        p.h1.x.shape[0],
        address(p.h2.x),
        address(p.h2.y),
        p.h2.taps,
        p.h2.x.shape[0],
        axes,
        mode,
        number(p.gain),
        number(p.slope),
        number(p.clamp),
    )
    assert not failed
    return y


def _new_mask(x: Tensor, p: Pass) -> Tensor:
    """Two bits per raised sample: the signs of a vector of planes, then what of it was clamped."""
    lanes = int(routine("lanes", x)())
    lots = -(-x.shape[0] * x.shape[1] // lanes)
    return torch.empty((lots, p.y.mid, p.x.mid, max(lanes // 4, 1)), dtype=torch.uint8)


class _Activate(torch.autograd.Function):
    """The forward pass; remembers two bits per raised sample."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, b: Tensor | None, p: Pass) -> Tensor:
        mask = p.new_mask(x, p)
        ctx.save_for_backward(mask)
        ctx.p, ctx.bias_dtype = p, None if b is None else b.dtype
        return p.call(p, x, b, mask, ACTIVATE_AND_REMEMBER)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor | None, None]:
        (mask,) = ctx.saved_tensors
        gx = _Recall.apply(grads[0], mask, ctx.p.adjoint())
        if ctx.bias_dtype is None:
            return gx, None, None
        return gx, gx.sum(dim=(0, 2, 3), dtype=ctx.bias_dtype), None


class _Recall(torch.autograd.Function):
    """The linear map that the activation is once its mask is fixed; derived by its adjoint."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, mask: Tensor, p: Pass) -> Tensor:
        ctx.save_for_backward(mask)
        ctx.p = p
        return p.call(p, x, None, mask, RECALL)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        (mask,) = ctx.saved_tensors
        return _Recall.apply(grads[0], mask, ctx.p.adjoint()), None, None


class _Resample(torch.autograd.Function):
    """The pass without its activation, which is linear: the derivative is the adjoint."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, p: Pass) -> Tensor:
        ctx.p = p
        return p.call(p, x, None, None, ACTIVATE)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        return _Resample.apply(grads[0], ctx.p.adjoint()), None


def resample(p: Pass, x: Tensor) -> Tensor:
    """The pass that was planned with a slope and a gain of 1 and no clamp."""
    y: Tensor = _Resample.apply(x, p)
    return y


def run(p: Pass, x: Tensor, b: Tensor | None) -> Tensor:
    """The planned call; keeps a mask only when a gradient may be asked for."""
    if needs_gradient(x, b):
        return _Activate.apply(x, b, p)
    return p.call(p, x.detach(), None if b is None else b.detach(), None, ACTIVATE)
