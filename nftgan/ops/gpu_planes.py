"""Resampling and bias with activation on a GPU, in one launch each, differentiable to any order."""

from __future__ import annotations

import functools
import logging
import math
import weakref
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from nftgan.ops import choices
from nftgan.ops.gradients import wants_weights
from nftgan.ops.kernels import switched_off

log = logging.getLogger(__name__)

HALVES = (torch.float16, torch.bfloat16)
DTYPES = (torch.float16, torch.bfloat16, torch.float32)
TILE = 1024
"""Numbers of a program's tile."""
WIDE = 32
"""Channels of a tile where they lie side by side."""
MAX_TAPS = 64
"""Of a filter along an axis; with more its time would need another kernel."""


@functools.cache
def kernels() -> ModuleType | None:
    """The module of the kernels, or None, after one log line with the reason."""
    if switched_off("the GPU kernels of resampling are"):
        return None
    try:
        from nftgan.ops import triton_planes
    except ImportError as exc:
        log.warning("the GPU kernels of resampling are not used, PyTorch is: %s", exc)
        return None
    return triton_planes


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


@dataclass(frozen=True)
class Tiles:
    """How a tensor [N, C, ...] is cut: strides of sample, channel and place, sides of a tile."""

    channels: int
    pixels: int
    steps: tuple[int, int, int]
    block_p: int
    block_c: int

    @property
    def tiles_p(self) -> int:
        return math.ceil(self.pixels / self.block_p)

    @property
    def tiles_c(self) -> int:
        return math.ceil(self.channels / self.block_c)

    def grid(self, samples: int) -> tuple[int]:
        return (samples * self.tiles_p * self.tiles_c,)

    def sizes(self) -> tuple[int, ...]:
        return self.channels, self.pixels, self.tiles_p, self.tiles_c


def dense(x: Tensor) -> Tensor:
    """x in one of the two memory formats, without a copy where it is in one."""
    if x.is_contiguous() or (x.ndim == 4 and x.is_contiguous(memory_format=torch.channels_last)):
        return x
    return x.contiguous()


def like(g: Tensor, y: Tensor) -> Tensor:
    """g with the strides of y, which is `dense`."""
    if g.stride() == y.stride():
        return g
    last = not y.is_contiguous()
    return g.contiguous(memory_format=torch.channels_last if last else torch.contiguous_format)


def tiles_of(x: Tensor) -> Tiles:
    """x is `dense`: [N, C] or [N, C, H, W]."""
    channels, pixels = x.shape[1], math.prod(x.shape[2:])
    last = not x.is_contiguous() or pixels == 1
    block_c = min(WIDE, _power(channels)) if last else 1
    block_p = min(TILE // block_c, _power(pixels))
    step_p = channels if last else 1
    return Tiles(
        channels, pixels, (channels * pixels, 1 if last else pixels, step_p), block_p, block_c
    )


def _power(n: int) -> int:
    return 1 << max(n - 1, 0).bit_length()


def launch(kernel: Any, grid: tuple[int], like: Tensor, *arguments: Any, **constants: Any) -> None:
    """Run a kernel on the device of `like`."""
    if grid[0] == 0:
        return
    if like.is_cuda:
        with torch.cuda.device(like.device):
            kernel[grid](*arguments, **constants)
    else:  # Triton's interpreter
        kernel[grid](*arguments, **constants)


def _module() -> Any:
    found = kernels()
    assert found is not None
    return found


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
    launch(
        _module().resample_tile,
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


@dataclass(frozen=True)
class Act:
    """gain * (x above 0, else slope * x), clamped."""

    slope: float
    gain: float
    clamp: float | None

    def numbers(self) -> tuple[float, float, float]:
        return self.slope, self.gain, math.inf if self.clamp is None else self.clamp


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
    launch(
        _module().activate_tile,
        tiles.grid(len(x)),
        x,
        *(x, _plain(scale), _plain(noise), _plain(strength), _plain(b), y),
        *(*tiles.sizes(), *tiles.steps, _noise_step(noise), *act.numbers()),
        **constants_of_activation(tiles, act, b, scale, noise),
    )
    return y


def constants_of_activation(
    tiles: Tiles, act: Act, b: Tensor | None, scale: Tensor | None, noise: Tensor | None
) -> dict[str, Any]:
    return {
        "SCALE": scale is not None,
        "NOISE": noise is not None,
        "BIAS": b is not None,
        "CLAMP": act.clamp is not None,
        "PIXELS": tiles.block_p,
        "CHANNELS": tiles.block_c,
        "num_warps": 4,
    }


def _plain(one: Tensor | None) -> Tensor | None:
    return None if one is None else one.detach().to(torch.float32).contiguous()


def _noise_step(noise: Tensor | None) -> int:
    """One field for all samples, or one for each."""
    return 0 if noise is None or noise.ndim == 2 or len(noise) == 1 else noise[0].numel()


def with_slopes(
    g: Tensor,
    y: Tensor,
    act: Act,
    x: Tensor | None = None,
    scale: Tensor | None = None,
    noise: Tensor | None = None,
    *,
    sums: bool,
) -> tuple[Tensor, Tensor | None]:
    """One launch: the gradient of x, and sums [3, N, tiles, C] of h, h * x and h * noise.

    h is the gradient before the bias; rows whose tensor is missing are not written.
    """
    g = like(g, y)
    gx = torch.empty_like(y)
    tiles, n = tiles_of(y), len(y)
    found = None
    if sums:
        rows = 3 if noise is not None else 2 if scale is not None else 1
        found = y.new_empty((rows, n, tiles.tiles_p, tiles.channels), dtype=torch.float32)
    constants = constants_of_activation(tiles, act, None, scale, noise) | {"SUMS": sums}
    del constants["BIAS"]
    launch(
        _module().apply_slopes_tile,
        tiles.grid(n),
        y,
        *(g, y, None if x is None else like(x, y), _plain(scale), _plain(noise), gx, found),
        *(*tiles.sizes(), *tiles.steps, _noise_step(noise), *act.numbers()),
        **constants,
    )
    return gx, found


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
            h = _ApplySlopes.apply(grads[0], y.detach(), ctx.act)
            gx = h if scale is None else h * scale[:, :, None, None].to(h.dtype)
            axes = (0, *range(2, h.ndim))
            wide = h.float()
            gs = None if scale is None else (wide * x).sum((2, 3)).to(scale.dtype)
            if not wants_weights():
                return gx, None, gs, None, None, None
            gb = None if b is None else wide.sum(axes).to(b.dtype)
            if noise is None:
                return gx, gb, gs, None, None, None
            gn = (wide.sum(1) * _fields(noise)).sum().to(strength.dtype)
            return gx, gb, gs, None, gn, None
        weights = wants_weights() and (ctx.needs_input_grad[1] or ctx.needs_input_grad[4])
        wanted = weights or ctx.needs_input_grad[2]
        gx, sums = with_slopes(grads[0], y, ctx.act, x, scale, noise, sums=wanted)
        if sums is None:
            return gx, None, None, None, None, None
        gb = None if b is None else sums[0].sum((0, 1)).to(b.dtype)
        gs = None if scale is None else sums[1].sum(1).to(scale.dtype)
        gn = None if noise is None else sums[2].sum().to(strength.dtype)
        return gx, gb, gs, None, gn, None


def _fields(noise: Tensor) -> Tensor:
    """[1 or N, H, W]"""
    return noise.reshape(-1, *noise.shape[-2:])


class _ApplySlopes(torch.autograd.Function):
    """The linear map that the activation is where its output is known."""

    @staticmethod
    def forward(ctx: Any, g: Tensor, y: Tensor, act: Act) -> Tensor:
        ctx.save_for_backward(y)
        ctx.act = act
        return with_slopes(g, y, act, sums=False)[0]

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        (y,) = ctx.saved_tensors
        return _ApplySlopes.apply(grads[0], y, ctx.act), None, None


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
    launch(
        _module().product_sums_tile,
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
