"""Gradients of biased, scaled activations on a GPU, differentiable themselves: path lengths (Karras
et al. 2020, equation 4) are made of such.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from nftgan.ops import gpu_tiles
from nftgan.ops.gradients import wants_weights


@dataclass(frozen=True)
class Act:
    """gain * (x above 0, else slope * x), clamped."""

    slope: float
    gain: float
    clamp: float | None

    def numbers(self) -> tuple[float, float, float]:
        return self.slope, self.gain, math.inf if self.clamp is None else self.clamp


def constants_of_activation(
    tiles: gpu_tiles.Tiles, act: Act, b: Tensor | None, scale: Tensor | None, noise: Tensor | None
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


def plain(one: Tensor | None) -> Tensor | None:
    return None if one is None else one.detach().to(torch.float32).contiguous()


def noise_step(noise: Tensor | None) -> int:
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
    g = gpu_tiles.like(g, y)
    gx = torch.empty_like(y)
    tiles, n = gpu_tiles.tiles_of(y), len(y)
    found = None
    if sums:
        rows = 3 if noise is not None else 2 if scale is not None else 1
        found = y.new_empty((rows, n, tiles.tiles_p, tiles.channels), dtype=torch.float32)
    constants = constants_of_activation(tiles, act, None, scale, noise) | {"SUMS": sums}
    del constants["BIAS"]
    gpu_tiles.launch(
        gpu_tiles.module().apply_slopes_tile,
        tiles.grid(n),
        y,
        *(g, y, None if x is None else gpu_tiles.like(x, y), plain(scale), plain(noise), gx, found),
        *(*tiles.sizes(), *tiles.steps, noise_step(noise), *act.numbers()),
        **constants,
    )
    return gx, found


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


def sloped(g: Tensor, y: Tensor, act: Act) -> Tensor:
    """g times the activation's slope where its output is y; linear in g, so of any order."""
    h: Tensor = _ApplySlopes.apply(g, y, act)
    return h


class _SlopesGradient(torch.autograd.Function):
    """g [N, C, ...], y its output, x its input, scale [N, C] → the gradients of x and scale.

    Both are linear in g; the scale's is bilinear with x. Two launches, and two for the derivative.
    """

    @staticmethod
    def forward(
        ctx: Any, g: Tensor, y: Tensor, x: Tensor, scale: Tensor, act: Act
    ) -> tuple[Tensor, Tensor]:
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(g, y, x, scale)
        ctx.act = act
        gx, sums = with_slopes(g, y, act, x, scale, sums=True)
        assert sums is not None
        return gx, gpu_tiles.over_tiles(sums[1]).to(scale.dtype)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, ...]:
        g, y, x, scale = ctx.saved_tensors
        v, u = grads
        if v is None and u is None:
            return None, None, None, None, None
        act: Act = ctx.act
        if torch.is_grad_enabled():  # a third derivative, step by step
            return (*_third(g, y, x, scale, v, u, act), None)
        g = gpu_tiles.like(g, y)
        tiles, samples = gpu_tiles.tiles_of(y), len(y)
        gg = torch.empty_like(y)
        gx = None if u is None else torch.empty_like(y)
        sums = None
        if v is not None:
            sums = y.new_empty((samples, tiles.tiles_p, tiles.channels), dtype=torch.float32)
        gpu_tiles.launch(
            gpu_tiles.module().second_slopes_tile,
            tiles.grid(samples),
            y,
            None if v is None else gpu_tiles.like(v, y),
            None if u is None else u.float().contiguous(),
            *(g, y, gpu_tiles.like(x, y), scale.float().contiguous(), gg, gx, sums),
            *(*tiles.sizes(), *tiles.steps, *act.numbers()),
            MOVED=v is not None,
            SUMMED=u is not None,
            CLAMP=act.clamp is not None,
            PIXELS=tiles.block_p,
            CHANNELS=tiles.block_c,
            num_warps=4,
        )
        gs = None if sums is None else gpu_tiles.over_tiles(sums).to(scale.dtype)
        return gg, None, gx, gs, None


def _third(
    g: Tensor, y: Tensor, x: Tensor, scale: Tensor, v: Tensor | None, u: Tensor | None, act: Act
) -> tuple[Tensor | None, ...]:
    places = (slice(None), slice(None), *[None] * (y.ndim - 2))
    axes = tuple(range(2, y.ndim))
    inner = y.new_zeros(()) if v is None else v * scale[places].to(y.dtype)
    if u is not None:
        inner = inner + u[places].to(y.dtype) * x
    gg = sloped(inner.expand_as(y), y, act)
    h = sloped(g, y, act)
    gx = None if u is None else u[places].to(y.dtype) * h
    gs = None
    if v is not None:
        products = v.float() * h
        gs = (products.sum(axes) if axes else products).to(scale.dtype)
    return gg, None, gx, gs


def slopes_gradient(
    g: Tensor, y: Tensor, x: Tensor, scale: Tensor, act: Act
) -> tuple[Tensor, Tensor]:
    """The gradients of x [N, C, ...] and scale [N, C] of y = act(x * scale + …), given that of y.

    May be differentiated by g, x and scale; almost everywhere y has no share in it.
    """
    made: tuple[Tensor, Tensor] = _SlopesGradient.apply(g, y, x, scale, act)
    return made


def gradients(
    g: Tensor,
    y: Tensor,
    x: Tensor | None,
    b: Tensor | None,
    scale: Tensor | None,
    noise: Tensor | None,
    strength: Tensor | None,
    act: Act,
) -> tuple[Tensor | None, ...]:
    """The gradients of x, b, scale, noise and strength of an activation as functions of g, x and
    the scale: those that the inputs alone need, in few launches.
    """
    if not wants_weights():
        if scale is None or x is None:
            return sloped(g, y, act), None, None, None, None
        both = slopes_gradient(g, y, x, scale, act)
        return both[0], None, both[1], None, None
    h = sloped(g, y, act)
    gx = h if scale is None else h * scale[:, :, None, None].to(h.dtype)
    wide = h.float()
    gs = None
    if scale is not None and x is not None:
        gs = (wide * x).sum((2, 3)).to(scale.dtype)
    gb = None if b is None else wide.sum((0, *range(2, h.ndim))).to(b.dtype)
    if noise is None or strength is None:
        return gx, gb, gs, None, None
    gn = (wide.sum(1) * _fields(noise)).sum().to(strength.dtype)
    return gx, gb, gs, None, gn


def _fields(noise: Tensor) -> Tensor:
    """[1 or N, H, W]"""
    return noise.reshape(-1, *noise.shape[-2:])
