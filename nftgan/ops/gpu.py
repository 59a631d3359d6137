"""filtered_lrelu on a GPU: what the Triton kernel can take, and how it is launched."""

from __future__ import annotations

import functools
import logging
import math
import weakref
from contextvars import ContextVar
from dataclasses import replace
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from nftgan.compiler import switched_off
from nftgan.ops import choices, fused, upfirdn
from nftgan.ops.fused import FORWARD, Axis, Filter, KernelPlan

log = logging.getLogger(__name__)

DTYPES = (torch.float16, torch.bfloat16, torch.float32)
MAX_TAPS = 30
MAX_RANK = 4
"""More would need more registers than a thread has; StyleGAN3-R's filters have two to four."""
FACTORS = (1, 2, 4)
"""Of up- and downsampling: with these all tiles and column blocks begin in one phase."""
OLDEST = (8, 0)
"""Compute capability from which Triton's matrix products run on tensor cores."""
EXACT_ERROR = 2e-6
"""Of the largest value: what float32 may lose. Three products of tf32 keep it, one does not."""
NEGLIGIBLE_IN_HALF = 3e-4
"""Weight of a term, of the largest, below which half precision, good to 5e-4, would not see it."""
KEPT_PLANS = 256

_probing: ContextVar[bool] = ContextVar("probing", default=False)

_plans: dict[tuple[Any, ...], tuple[KernelPlan | None, tuple[weakref.ref[Tensor], ...]]] = {}


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
        if not torch.equal(call(p, x, None, None, FORWARD), x):
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
) -> KernelPlan | None:
    """How the kernel would do this call, or None when it can't. As `fused.plan`, for CUDA tensors.

    It can for half, bfloat16 and single precision, factors of 1, 2 and 4, and filters of up to 30
    taps that are separable or sums of few that are. Plans are kept by the filters' identity: to
    read their numbers would wait for the GPU.
    """
    if x.dtype not in DTYPES or not usable(x.device):
        return None
    return _kept(x, fu, fd, up, down, padding, gain, slope, clamp)


def _kept(x: Tensor, fu: Tensor | None, fd: Tensor | None, *options: Any) -> KernelPlan | None:
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


def _planned(x: Tensor, fu: Tensor | None, fd: Tensor | None, *options: Any) -> KernelPlan | None:
    up, down, padding, gain, slope, clamp = options
    if up not in FACTORS or down not in FACTORS or gain <= 0 or not 0 <= slope <= 1:
        return None
    least = 0.0 if x.dtype == torch.float32 else NEGLIGIBLE_IN_HALF
    up_filter, down_filter = (_like(x, f, least) for f in (fu, fd))
    if up_filter is None or down_filter is None or max(up_filter.taps, down_filter.taps) > MAX_TAPS:
        return None
    if max(len(up_filter.x), len(down_filter.x)) > MAX_RANK:
        return None
    axes = fused.axes_of(x, up_filter.taps, down_filter.taps, up, down, padding)
    if axes is None:
        return None
    limit = math.inf if clamp is None else clamp
    flipped = up_filter.flipped(up), down_filter.flipped()
    return KernelPlan(*axes, *flipped, gain, slope, limit, call=call, new_signs=new_signs)


def _like(x: Tensor, f: Tensor | None, least: float) -> Filter | None:
    """`f` decomposed, without the terms below `least` of the largest, where x is and as exact."""
    separable = fused.separable_decomposition(None if f is None else f.cpu())
    if separable is None:
        return None
    weights = separable.x.norm(dim=1) * separable.y.norm(dim=1)
    kept = weights >= least * weights.max()
    return Filter(separable.x[kept].to(x), separable.y[kept].to(x))


@functools.cache
def _tf32_is_exact(device: torch.device) -> bool:
    """Whether three products of tf32 are as exact here as float32 must be: tried, not believed."""
    x = torch.linspace(-3, 3, 2 * 40 * 40, device=device).sin().reshape(1, 2, 40, 40)
    f = torch.hann_window(14, periodic=False, device=device)[1:-1]
    f = f / f.sum()
    options = (2, 2, (11, 10, 11, 10), math.sqrt(2), 0.2, None)
    p = _planned(x, f, f, *options)
    assert p is not None
    token = _probing.set(True)
    try:
        with choices.using(replace(choices.current(), exact=choices.TF32X3)):
            found = call(p, x, None, None, FORWARD).double()
    except torch.OutOfMemoryError:
        raise  # says nothing about the products
    except Exception as exc:  # of Triton or the driver
        log.warning("float32 is multiplied without tensor cores on %s: %s", device, exc)
        return False
    finally:
        _probing.reset(token)
    wide = x.double()
    upsampled = upfirdn.reference(wide, f.double(), up=2, padding=options[2], gain=4)
    upsampled = torch.nn.functional.leaky_relu(upsampled, 0.2) * math.sqrt(2)
    expected = upfirdn.reference(upsampled, f.double(), down=2)
    return bool((found - expected).abs().max() <= EXACT_ERROR * expected.abs().max())


def precision(device: torch.device) -> str:
    """How the kernel multiplies float32 on this device, of what is chosen and what is exact."""
    chosen = choices.current().exact
    if chosen == choices.IEEE or device.type != "cuda" or _probing.get():
        return chosen
    return chosen if _tf32_is_exact(device) else choices.IEEE


def start(axis: Axis, skew: int) -> tuple[int, int]:
    """(first, phase) of a tile that begins `skew` upsampled samples left of what it uses: upsampled
    sample j of tile 0 is the sum over i of up_filter[i * up - phase - j] * x[first + i].
    """
    return divmod(axis.off - skew - axis.pad, axis.up)


def new_signs(x: Tensor, p: KernelPlan) -> Tensor:
    """Two bits per upsampled sample of x [N, C, H, W], four neighbours of a row in a byte."""
    return x.new_empty((*x.shape[:2], p.y.mid, math.ceil(p.x.mid / 4)), dtype=torch.uint8)


def call(
    p: KernelPlan,
    x: Tensor,
    b: Tensor | None,
    signs: Tensor | None,
    mode: int,
    before: Tensor | None = None,
    after: Tensor | None = None,
) -> Tensor:
    """One launch: x [N, C, H, W] → [N, C, H', W']; the signs are written or read by `mode`.

    before, after: float32 [N, C]; they multiply the input, before the bias, and the output.
    """
    module = kernel()
    assert module is not None
    x = x.contiguous()
    n, c = x.shape[:2]
    y = x.new_empty((n, c, p.y.out, p.x.out))
    if y.numel() == 0:
        return y
    skew = p.x.off % 4
    tile = module.tile_for(p, skew)
    tiles_x, tiles_y = math.ceil(p.x.out / tile.x), math.ceil(p.y.out / tile.y)
    first_x, phase_x = start(p.x, skew)
    first_y, phase_y = start(p.y, 0)
    arguments = (
        *(
            x,
            b if b is None else b.contiguous(),
            signs,
            y,
            _single(before),
            _single(after),
            p.up_filter.x,
            p.up_filter.y,
            p.down_filter.x,
            p.down_filter.y,
        ),
        *(c, tiles_x, tiles_y, p.x.size, p.y.size, p.x.mid, p.y.mid, p.x.out, p.y.out),
        *(first_x, first_y, phase_x, phase_y, (p.x.off - skew) // 4, skew, p.y.off),
        *(tile.y, tile.row_blocks),
        *(p.gain, p.slope, p.clamp),
    )

    scales = before is not None, after is not None
    constants = constants_of(p, x.element_size() == 2, b is not None, mode, scales)
    kernel_of_grid = module.filtered_lrelu_tile[(n * c * tiles_x * tiles_y,)]
    if x.is_cuda:
        with torch.cuda.device(x.device):
            kernel_of_grid(*arguments, **constants)
    else:  # Triton's interpreter
        kernel_of_grid(*arguments, **constants)
    return y


def _single(scale: Tensor | None) -> Tensor | None:
    return None if scale is None else scale.to(torch.float32).contiguous()


def constants_of(
    p: KernelPlan, half: bool, bias: bool, mode: int, scales: tuple[bool, bool] = (False, False)
) -> dict[str, Any]:
    """What the kernel is compiled for: its constants, warps and stages."""
    module = kernel()
    assert module is not None
    tile = module.tile_for(p, p.x.off % 4)
    return {
        "UP": p.x.up,
        "DOWN": p.x.down,
        "UP_TAPS": p.up_filter.taps,
        "DOWN_TAPS": p.down_filter.taps,
        "UP_RANK": p.up_filter.x.shape[0],
        "DOWN_RANK": p.down_filter.x.shape[0],
        "UP_RANK_BLOCK": module.rank_block_for(p.up_filter.x.shape[0]),
        "DOWN_RANK_BLOCK": module.rank_block_for(p.down_filter.x.shape[0]),
        "MODE": mode,
        "BIAS": bias,
        "BEFORE": scales[0],
        "AFTER": scales[1],
        "CLAMP": p.clamp != math.inf,
        "TILE_X": tile.x,
        "OUT_X": tile.block_x,
        "MID": module.MID,
        "ROWS": tile.rows,
        "COLUMN_BLOCK": module.COLUMN_BLOCK,
        "KX": module.reach(p.x.up, p.up_filter.taps),
        "PRECISION": precision(p.up_filter.x.device),
        "num_warps": module.warps_for(half),
        "num_stages": module.STAGES,
    }
