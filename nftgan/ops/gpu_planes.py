"""Resampling and bias with activation on a GPU, in one launch each, differentiable to any order."""

from __future__ import annotations

import functools
import logging
import math
import weakref
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from nftgan.ops import choices, gpu_slopes, gpu_tiles
from nftgan.ops.gpu_slopes import Act, constants_of_activation, plain, with_slopes
from nftgan.ops.gpu_tiles import DTYPES, HALVES, Tiles, dense, kernels, like, tiles_of
from nftgan.ops.gradients import wants_weights

log = logging.getLogger(__name__)

MAX_TAPS = 64
"""Of a filter along an axis; with more its time would need another kernel."""


@functools.cache
def usable(device: torch.device) -> bool:
    """Whether the kernels run on this CUDA device, found out by running them; else one log line."""
    if kernels() is None:
        return False
    try:
        x = torch.arange(48.0, device=device).reshape(1, 3, 4, 4)
        f = torch.ones(1, 1, device=device)
        same = resampled(x, f, Resampling((1, 1), (1, 1), (0, 0), (4, 4), 1.0))
        if not torch.equal(same, x) or not torch.equal(activated(x, Act(1.0, 1.0, None)), x):
            raise RuntimeError("they give wrong numbers")
    except torch.OutOfMemoryError:
        raise  # says nothing about the kernels
    except Exception as exc:  # of Triton, its compilers or the driver: nothing here may stop a run
        log.warning("the GPU kernels of resampling are not used, PyTorch is: %s", exc)
        return False
    return True


def takes(x: Tensor) -> bool:
    """Whether the kernels do this tensor."""
    return x.is_cuda and x.dtype in DTYPES and usable(x.device)


def formatted(x: Tensor) -> Tensor:
    """x in the memory format that was chosen: in half precision on a GPU channels may lie side by
    side, as tensor cores want them; the kernels here take both.
    """
    if choices.current().channels_last and x.dtype in HALVES and takes(x):
        return x.contiguous(memory_format=torch.channels_last)
    return x


# ---- resampling ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Resampling:
    """Everything of an `upfirdn2d` but tensors, pairs in the order (x, y): the filter correlates,
    pad is what lies left and above, size is the output's (width, height).
    """

    up: tuple[int, int]
    down: tuple[int, int]
    pad: tuple[int, int]
    size: tuple[int, int]
    gain: float

    def adjoint(self, width: int, height: int, taps_x: int, taps_y: int) -> Resampling:
        """Of the transposed map, of an input of this size: its filter is the flipped one."""
        return Resampling(
            self.down,
            self.up,
            (taps_x - 1 - self.pad[0], taps_y - 1 - self.pad[1]),
            (width, height),
            self.gain,
        )


def resampled(x: Tensor, f: Tensor, r: Resampling) -> Tensor:
    """One launch: x [N, C, H, W], f [h, w] float32 that correlates → [N, C, *size]."""
    x = dense(x)
    n, c, height, width = x.shape
    kind = torch.contiguous_format if x.is_contiguous() else torch.channels_last
    shape = (n, c, r.size[1], r.size[0])
    y = torch.empty(shape, dtype=x.dtype, device=x.device, memory_format=kind)
    tiles = tiles_of(y)
    gpu_tiles.launch(
        gpu_tiles.module().resample_tile,
        tiles.grid(n),
        x,
        *(x, f, y, c, height, width, r.size[1], r.size[0], *r.pad),
        *(tiles.tiles_p, tiles.tiles_c, *x.stride(), *y.stride(), r.gain),
        **constants_of_resampling(r, f, tiles),
    )
    return y


def constants_of_resampling(r: Resampling, f: Tensor, tiles: Tiles) -> dict[str, Any]:
    """What the kernel is compiled for."""
    return {
        "UP_X": r.up[0],
        "UP_Y": r.up[1],
        "DOWN_X": r.down[0],
        "DOWN_Y": r.down[1],
        "TAPS_X": f.shape[1],
        "TAPS_Y": f.shape[0],
        "PIXELS": tiles.block_p,
        "CHANNELS": tiles.block_c,
        "num_warps": 4,
    }


class _Resample(torch.autograd.Function):
    """Linear in x, so that the derivative is the adjoint, of any order; f gets no gradient."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, f: Tensor, flipped: Tensor, r: Resampling) -> Tensor:
        ctx.save_for_backward(f, flipped)
        ctx.adjoint = r.adjoint(x.shape[3], x.shape[2], f.shape[1], f.shape[0])
        return resampled(x, f, r)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None, None]:
        f, flipped = ctx.saved_tensors
        return _Resample.apply(grads[0], flipped, f, ctx.adjoint), None, None, None


_filters: dict[tuple[Any, ...], tuple[Any, list[tuple[Tensor, Tensor]]]] = {}


def _prepared(f: Tensor, device: torch.device, flip: bool) -> list[tuple[Tensor, Tensor]]:
    """The passes that make f [n] or [h, w]: each a correlation and its flipped one, float32."""
    version = 0 if f.is_inference() else f._version
    key = (id(f), version, device, flip)
    kept = _filters.get(key)
    if kept is not None and kept[0]() is f:
        return kept[1]
    # Kept, and saved for backward passes later, whatever the mode of this call.
    with torch.inference_mode(False), torch.no_grad():
        wide = f.detach().to(device, torch.float32).clone()
        parts = [wide] if f.ndim == 2 else [wide[None], wide[:, None]]
        passes = []
        for part in parts:
            turned = part.flip([0, 1]).contiguous()
            passes.append((part.contiguous(), turned) if flip else (turned, part.contiguous()))
    if len(_filters) >= 256:
        _filters.clear()
    _filters[key] = weakref.ref(f), passes
    return passes


def resample(
    x: Tensor,
    f: Tensor,
    up: tuple[int, int],
    down: tuple[int, int],
    padding: tuple[int, int, int, int],
    flip: bool,
    gain: float,
) -> Tensor:
    """As `upfirdn2d`; a separable filter takes a launch for each axis."""
    x0, x1, y0, y1 = padding
    passes, gain = _prepared(f, x.device, flip), float(gain)
    if len(passes) == 1:
        ((one, turned),) = passes
        size = (
            (x.shape[3] * up[0] + x0 + x1 - one.shape[1]) // down[0] + 1,
            (x.shape[2] * up[1] + y0 + y1 - one.shape[0]) // down[1] + 1,
        )
        made: Tensor = _Resample.apply(x, one, turned, Resampling(up, down, (x0, y0), size, gain))
        return made
    root = math.sqrt(gain)
    (along_x, turned_x), (along_y, turned_y) = passes
    width = (x.shape[3] * up[0] + x0 + x1 - along_x.shape[1]) // down[0] + 1
    height = (x.shape[2] * up[1] + y0 + y1 - along_y.shape[0]) // down[1] + 1
    across = Resampling((up[0], 1), (down[0], 1), (x0, 0), (width, x.shape[2]), root)
    along = Resampling((1, up[1]), (1, down[1]), (0, y0), (width, height), root)
    x = _Resample.apply(x, along_x, turned_x, across)
    both: Tensor = _Resample.apply(x, along_y, turned_y, along)
    return both


# ---- bias and activation -------------------------------------------------------------------------


def activated(
    x: Tensor,
    act: Act,
    b: Tensor | None = None,
    scale: Tensor | None = None,
    noise: Tensor | None = None,
    strength: Tensor | None = None,
) -> Tensor:
    """One launch, without a gradient; see `activate`."""
    x = dense(x)
    y = torch.empty_like(x)
    tiles = tiles_of(x)
    gpu_tiles.launch(
        gpu_tiles.module().activate_tile,
        tiles.grid(len(x)),
        x,
        *(
            x,
            plain(scale),
            plain(noise),
            plain(strength),
            plain(b),
            y,
        ),
        *(*tiles.sizes(), *tiles.steps, gpu_slopes.noise_step(noise), *act.numbers()),
        **constants_of_activation(tiles, act, b, scale, noise),
    )
    return y


class _Activate(torch.autograd.Function):
    """Remembers its output, and its input only where a scale needs it."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        b: Tensor | None,
        scale: Tensor | None,
        noise: Tensor | None,
        strength: Tensor | None,
        act: Act,
    ) -> Tensor:
        y = activated(x, act, b, scale, noise, strength)
        ctx.save_for_backward(y, None if scale is None else x, b, scale, noise, strength)
        ctx.act = act
        return y

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        y, x, b, scale, noise, strength = ctx.saved_tensors
        if torch.is_grad_enabled():  # a derivative of this may follow
            found = gpu_slopes.gradients(
                grads[0], y.detach(), x, b, scale, noise, strength, ctx.act
            )
            return (*found, None)
        weights = wants_weights() and (ctx.needs_input_grad[1] or ctx.needs_input_grad[4])
        wanted = weights or ctx.needs_input_grad[2]
        gx, sums = with_slopes(grads[0], y, ctx.act, x, scale, noise, sums=wanted)
        if sums is None:
            return gx, None, None, None, None, None
        gb, gs = _finished(sums, b if weights else None, scale)
        gn = None if noise is None or not weights else sums[2].sum().to(strength.dtype)
        return gx, gb, gs, None, gn, None


def _finished(
    sums: Tensor, b: Tensor | None, scale: Tensor | None
) -> tuple[Tensor | None, Tensor | None]:
    """The gradients of b and scale from the sums of tiles that `with_slopes` leaves."""
    if b is not None and scale is not None:
        total, by_sample = gpu_tiles.over_all_and_tiles(sums)
        return total.to(b.dtype), by_sample.to(scale.dtype)
    gb = None if b is None else sums[0].sum((0, 1)).to(b.dtype)
    return gb, None if scale is None else gpu_tiles.over_tiles(sums[1]).to(scale.dtype)


def activate(
    x: Tensor,
    b: Tensor | None,
    act: Act,
    *,
    scale: Tensor | None = None,
    noise: Tensor | None = None,
    strength: Tensor | None = None,
) -> Tensor:
    """act(x * scale + strength * noise + b): x [N, C, ...], b [C], scale [N, C], noise [H, W] or
    [N, 1, H, W], strength []; the noise gets no gradient.
    """
    y: Tensor = _Activate.apply(x, b, scale, noise, strength, act)
    return y


def product_tiles(a: Tensor, b: Tensor, *, one: bool = False) -> Tensor:
    """Sums of a * b over the places of each tile, [1, N, tiles, C] float32, in one launch; with
    `one` [2, N, tiles, C], of a as well.
    """
    a = dense(a)
    b = like(b, a)
    tiles, n = tiles_of(a), len(a)
    rows = 2 if one else 1
    found = a.new_empty((rows, n, tiles.tiles_p, tiles.channels), dtype=torch.float32)
    gpu_tiles.launch(
        gpu_tiles.module().product_sums_tile,
        tiles.grid(n),
        a,
        *(a, b, found, *tiles.sizes(), *tiles.steps),
        ONE=one,
        PIXELS=tiles.block_p,
        CHANNELS=tiles.block_c,
        num_warps=4,
    )
    return found


def product_sums(a: Tensor, b: Tensor, *, one: bool = False) -> Tensor:
    """Sums [1, N, C] of a * b over places, float32, or with `one` [2, N, C], of a as well."""
    return product_tiles(a, b, one=one).sum(2)
