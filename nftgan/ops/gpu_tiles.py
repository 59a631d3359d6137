"""How Triton's kernels that take a tensor tile by tile are found, cut and launched on a GPU."""

from __future__ import annotations

import functools
import logging
import math
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from nftgan.compiler import switched_off

log = logging.getLogger(__name__)

HALVES = (torch.float16, torch.bfloat16)
DTYPES = (torch.float16, torch.bfloat16, torch.float32)
TILE = 1024
"""Numbers of a program's tile."""
WIDE = 32
"""Channels of a tile where they lie side by side."""


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


def over_tiles(sums: Tensor) -> Tensor:
    """[N, C] from sums [N, tiles, C]: without a launch where a single tile holds everything."""
    return sums[:, 0] if sums.shape[1] == 1 else sums.sum(1)


def over_all_and_tiles(sums: Tensor) -> tuple[Tensor, Tensor]:
    """[C], the total of sums[0], and [N, C], that of sums[1] over tiles; sums: [rows, N, tiles, C].

    One launch, where a program can hold some channels of all tiles, or where there is one tile.
    """
    _, n, tiles, channels = sums.shape
    rows = _power(n) * _power(tiles)
    if tiles == 1 or n == 0 or rows > TILE:
        return sums[0].sum((0, 1)), over_tiles(sums[1])
    total, by_sample = sums.new_empty(channels), sums.new_empty((n, channels))
    block_c = min(WIDE, 4 * TILE // rows, _power(channels))
    launch(
        module().finish_gradients_tile,
        (math.ceil(channels / block_c),),
        sums,
        *(sums, total, by_sample, n, tiles, channels),
        SAMPLES=_power(n),
        TILES=_power(tiles),
        CHANNELS=block_c,
        num_warps=4,
    )
    return total, by_sample


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


def module() -> Any:
    found = kernels()
    assert found is not None
    return found
