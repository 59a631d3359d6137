"""filtered_lrelu on a GPU: what the Triton kernel can take, and how it is launched."""

from __future__ import annotations

import functools
import logging
import math
import weakref
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from nftgan.ops import fused
from nftgan.ops.fused import ACTIVATE, Axis, Filter, Pass
from nftgan.ops.kernels import switched_off

log = logging.getLogger(__name__)

DTYPES = (torch.float16, torch.bfloat16, torch.float32)
MAX_TAPS = 30
MAX_TERMS = 4
"""More would need more registers than a thread has; StyleGAN3-R's filters have two to four."""
FACTORS = (1, 2, 4)
"""Of up- and downsampling: with these all strips and patches of the kernel begin in one phase."""
OLDEST = (8, 0)
"""Compute capability from which Triton's matrix products run on tensor cores."""
EXACT = "ieee"
"""How float32 is multiplied: as float32. Triton's `tf32` would leave three digits."""
NEGLIGIBLE_IN_HALF = 3e-4
"""Weight of a term, of the largest, below which half precision, good to 5e-4, would not see it."""
KEPT_PLANS = 256

_plans: dict[tuple[Any, ...], tuple[Pass | None, tuple[weakref.ref[Tensor], ...]]] = {}


@functools.cache
def kernel() -> ModuleType | None:
    """The module of the kernel, or None, after one log line with the reason."""
    if switched_off("the GPU kernel is"):
        return None
    try:
        from nftgan.ops import banded
    except ImportError as exc:
        log.warning("the GPU kernel is not used, PyTorch is: %s", exc)
        return None
    return banded


@functools.cache
def usable(device: torch.device) -> bool:
    """Whether the kernel runs on this CUDA device, found out by running it; else one log line.

    A driver, or the C compiler that Triton needs for its launcher, can be missing or too old.
    """
    if kernel() is None:
        return False
    try:
        capability = torch.cuda.get_device_capability(device)
        if capability < OLDEST:
            raise RuntimeError(f"its compute capability is {capability}, {OLDEST} is needed")
        x = torch.ones(1, 1, 4, 4, device=device)
        p = _planned(x, None, None, 1, 1, (0, 0, 0, 0), 1.0, 1.0, None)
        assert p is not None
        if not torch.equal(call(p, x, None, None, ACTIVATE), x):
            raise RuntimeError("it gives wrong numbers")
    except torch.OutOfMemoryError:
        raise  # says nothing about the kernel
    except Exception as exc:  # of Triton, its compilers or the driver: nothing here may stop a run
        log.warning("the GPU kernel is not used on %s, PyTorch is: %s", device, exc)
        return False
    return True


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
    """How the kernel would do this call, or None when it can't. As `fused.plan`, for CUDA tensors.

    It can for half, bfloat16 and single precision, factors of 1, 2 and 4, and filters of up to 30
    taps that are separable or sums of few that are. Plans are kept by the filters' identity: to
    read their numbers would wait for the GPU.
    """
    if x.dtype not in DTYPES or not usable(x.device):
        return None
    return _kept(x, fu, fd, up, down, padding, gain, slope, clamp)


def _kept(x: Tensor, fu: Tensor | None, fd: Tensor | None, *options: Any) -> Pass | None:
    """The plan of an earlier call with the same filters, or a new one."""
    filters = [f for f in (fu, fd) if f is not None]
    versions = [0 if f.is_inference() else f._version for f in filters]
    key = (x.shape[2:], x.dtype, x.device, id(fu), id(fd), *versions, *options)
    kept = _plans.get(key)
    if kept is not None and all(ref() is f for ref, f in zip(kept[1], filters, strict=True)):
        return kept[0]
    made = _planned(x, fu, fd, *options)
    if len(_plans) >= KEPT_PLANS:
        _plans.clear()
    _plans[key] = made, tuple(weakref.ref(f) for f in filters)
    return made


def _planned(x: Tensor, fu: Tensor | None, fd: Tensor | None, *options: Any) -> Pass | None:
    up, down, padding, gain, slope, clamp = options
    if up not in FACTORS or down not in FACTORS or gain <= 0 or not 0 <= slope <= 1:
        return None
    least = 0.0 if x.dtype == torch.float32 else NEGLIGIBLE_IN_HALF
    h1, h2 = (_like(x, f, least) for f in (fu, fd))
    if h1 is None or h2 is None or max(h1.taps, h2.taps) > MAX_TAPS:
        return None
    if max(len(h1.x), len(h2.x)) > MAX_TERMS:
        return None
    axes = fused.axes_of(x, h1.taps, h2.taps, up, down, padding)
    if axes is None:
        return None
    limit = math.inf if clamp is None else clamp
    flipped = h1.flipped(up), h2.flipped()
    return Pass(*axes, *flipped, gain, slope, limit, call=call, new_mask=new_mask)


def _like(x: Tensor, f: Tensor | None, least: float) -> Filter | None:
    """`f` in terms, without those below `least` of the largest, where x is and as exact."""
    terms = fused.in_terms(None if f is None else f.cpu())
    if terms is None:
        return None
    weights = terms.x.norm(dim=1) * terms.y.norm(dim=1)
    kept = weights >= least * weights.max()
    return Filter(terms.x[kept].to(x), terms.y[kept].to(x))


def start(axis: Axis, skew: int) -> tuple[int, int]:
    """(first, phase) of a strip that begins `skew` raised samples left of what it uses: raised
    sample j of strip 0 is the sum over i of h1[i * up - phase - j] * x[first + i].
    """
    return divmod(axis.off - skew - axis.pad, axis.up)


def new_mask(x: Tensor, p: Pass) -> Tensor:
    """Two bits per raised sample of x [N, C, H, W], four neighbours of a row in a byte."""
    return x.new_empty((*x.shape[:2], p.y.mid, math.ceil(p.x.mid / 4)), dtype=torch.uint8)


def call(p: Pass, x: Tensor, b: Tensor | None, mask: Tensor | None, mode: int) -> Tensor:
    """One launch: x [N, C, H, W] → [N, C, H', W']; the mask is written or read by `mode`."""
    module = kernel()
    assert module is not None
    x = x.contiguous()
    n, c = x.shape[:2]
    y = x.new_empty((n, c, p.y.out, p.x.out))
    if y.numel() == 0:
        return y
    skew = p.x.off % 4
    strip = module.strip_for(p, skew)
    strips_x, strips_y = math.ceil(p.x.out / strip.x), math.ceil(p.y.out / strip.y)
    first_x, phase_x = start(p.x, skew)
    first_y, phase_y = start(p.y, 0)
    arguments = (
        *(x, b if b is None else b.contiguous(), mask, y, p.h1.x, p.h1.y, p.h2.x, p.h2.y),
        *(c, strips_x, strips_y, p.x.size, p.y.size, p.x.mid, p.y.mid, p.x.out, p.y.out),
        *(first_x, first_y, phase_x, phase_y, (p.x.off - skew) // 4, skew, p.y.off),
        *(strip.y, strip.bands),
        *(p.gain, p.slope, p.clamp),
    )

    constants = constants_of(p, x.element_size() == 2, b is not None, mode)
    kernel_of_grid = module.filtered_lrelu_strip[(n * c * strips_x * strips_y,)]
    if x.is_cuda:
        with torch.cuda.device(x.device):
            kernel_of_grid(*arguments, **constants)
    else:  # Triton's interpreter
        kernel_of_grid(*arguments, **constants)
    return y


def constants_of(p: Pass, half: bool, bias: bool, mode: int) -> dict[str, Any]:
    """What the kernel is compiled for: its constants, warps and stages."""
    module = kernel()
    assert module is not None
    strip = module.strip_for(p, p.x.off % 4)
    return {
        "UP": p.x.up,
        "DOWN": p.x.down,
        "TAPS1": p.h1.taps,
        "TAPS2": p.h2.taps,
        "TERMS1": p.h1.x.shape[0],
        "TERMS2": p.h2.x.shape[0],
        "SLOTS1": module.slots_for(p.h1.x.shape[0]),
        "SLOTS2": module.slots_for(p.h2.x.shape[0]),
        "MODE": mode,
        "BIAS": bias,
        "CLAMP": p.clamp != math.inf,
        "STRIP_X": strip.x,
        "OUT_X": strip.block_x,
        "MID": module.MID,
        "ROWS": strip.rows,
        "PATCH": module.PATCH,
        "KX": module.reach(p.x.up, p.h1.taps),
        "PRECISION": EXACT,
        "num_warps": module.warps_for(half),
        "num_stages": module.STAGES,
    }
