"""The scales of modulated convolutions on a GPU, in few launches: weight normalisation,
demodulation (Karras et al. 2020, equation 3), running magnitudes (Karras et al. 2021), and the
linear layers that make styles.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from nftgan.ops import gpu_planes
from nftgan.ops.gradients import wants_weights

INPUTS = 64
OUTPUTS = 32
"""Sides of a tile of the matrix between styles and demodulation."""
SINGLE = 2048
"""Numbers at once of a program that is alone."""


@functools.cache
def _kernels() -> ModuleType:
    from nftgan.ops import triton_scales

    return triton_scales


def _launch(name: str, programs: int, like: Tensor, *arguments: Any, **constants: Any) -> None:
    gpu_planes.launch(getattr(_kernels(), name), (programs,), like, *arguments, **constants)


def takes(weight: Tensor, styles: Tensor) -> bool:
    """Whether `demodulated` does these: float32 where the kernels of activations run."""
    single = weight.dtype == styles.dtype == torch.float32
    return single and gpu_planes.takes(styles)


@dataclass(frozen=True)
class Demodulation:
    """What does not change: the smallest power, whether weights are normalised first, and the type
    of the weights that come out.
    """

    least: float
    tiny: float
    normalize: bool
    dtype: torch.dtype


def demodulated(
    weight: Tensor, styles: Tensor, magnitude: Tensor | None, how: Demodulation
) -> tuple[Tensor, Tensor, Tensor]:
    """weight [O, I, k, k], styles [N, I], magnitude [] or None → weights of unit norm, styles of
    unit mean square [N, I], and what multiplies the output [N, O], over the root of the magnitude.

    Two launches, and three for the gradient; the magnitude gets none. Where a derivative of the
    gradient is wanted, the gradient is made of the definition.
    """
    made: tuple[Tensor, Tensor, Tensor] = _Demodulate.apply(weight, styles, magnitude, how)
    return made


def _tile(channels: int, most: int) -> int:
    return min(most, 1 << max(channels - 1, 0).bit_length())


class _Demodulate(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, weight: Tensor, styles: Tensor, magnitude: Tensor | None, how: Demodulation
    ) -> tuple[Tensor, Tensor, Tensor]:
        ctx.set_materialize_grads(False)
        given = weight, styles
        weight, styles = weight.contiguous(), styles.contiguous()
        outputs, inputs = weight.shape[:2]
        taps, samples = math.prod(weight.shape[2:]), len(styles)
        y = torch.empty_like(weight, dtype=how.dtype)
        shares = weight.new_empty(outputs, inputs)
        norms, sizes = weight.new_empty(outputs), styles.new_empty(samples)
        x = torch.empty_like(styles)
        plain, scale = styles.new_empty(samples, outputs), styles.new_empty(samples, outputs)
        block, rows = _tile(inputs, INPUTS), _tile(outputs, OUTPUTS)
        _launch(
            "normalize_weights_tile",
            outputs,
            weight,
            *(weight, y, shares, norms, inputs, taps, how.tiny),
            INPUTS=block,
            TAPS=_tile(taps, taps * 2),
        )
        tiles = math.ceil(outputs / rows)
        _launch(
            "demodulate_tile",
            samples * tiles,
            weight,
            *(styles, shares, norms, magnitude, x, sizes, plain, scale),
            *(inputs, outputs, tiles, how.tiny, how.least),
            NORMALIZE=how.normalize,
            GAIN=magnitude is not None,
            INPUTS=block,
            OUTPUTS=rows,
        )
        ctx.save_for_backward(*given, shares, norms, sizes, x, plain, scale)
        ctx.how = how
        return y, x, scale

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, ...]:
        weight, styles, shares, norms, sizes, x, plain, scale = ctx.saved_tensors
        if torch.is_grad_enabled():
            return _differentiable(ctx, grads)
        how: Demodulation = ctx.how
        weight, styles = weight.contiguous(), styles.contiguous()
        gy, gx, gz = (None if g is None else g.contiguous() for g in grads)
        outputs, inputs = weight.shape[:2]
        taps, samples = math.prod(weight.shape[2:]), len(styles)
        block, rows = _tile(inputs, INPUTS), _tile(outputs, OUTPUTS)
        gw = gs = None
        of_weight = ctx.needs_input_grad[0] and wants_weights()
        if of_weight and (gy is not None or gz is not None):
            gw = torch.empty_like(weight)
            _launch(
                "weights_gradient_tile",
                outputs,
                weight,
                *(gy, gz, weight, shares, norms, x, sizes, plain, scale, gw),
                *(inputs, taps, outputs, samples, how.tiny, how.least),
                NORMALIZE=how.normalize,
                WEIGHTS=gy is not None,
                SCALES=gz is not None,
                INPUTS=block,
                TAPS=_tile(taps, taps * 2),
            )
        if ctx.needs_input_grad[1] and (gx is not None or gz is not None):
            whole, gs = torch.empty_like(styles), torch.empty_like(styles)
            tiles = math.ceil(inputs / block)
            _launch(
                "scale_gradient_tile",
                samples * tiles,
                weight,
                *(gx, gz, shares, x, plain, scale, whole, inputs, outputs, tiles),
                INPUT=gx is not None,
                SCALES=gz is not None,
                INPUTS=block,
                OUTPUTS=rows,
            )
            _launch(
                "styles_gradient_tile",
                samples,
                weight,
                *(whole, gz, styles, norms, sizes, plain, scale, gs),
                *(inputs, outputs, how.tiny, how.least),
                NORMALIZE=how.normalize,
                SCALES=gz is not None,
                INPUTS=block,
                OUTPUTS=rows,
            )
        return gw, gs, None, None


def definition(
    weight: Tensor, styles: Tensor, gain: Tensor | None, how: Demodulation
) -> tuple[Tensor, Tensor, Tensor]:
    """What `demodulated` computes, by PyTorch's operators; gain [] or [N, O] multiplies."""
    squares = weight.square().sum((2, 3))  # [O, I]
    norm = squares.sum(1).clamp(min=how.tiny)  # [O]
    size = styles.square().mean(1, keepdim=True).clamp(min=how.tiny)  # [N, 1]
    x = styles * size.rsqrt()
    power = x.square() @ (squares / norm[:, None]).T  # [N, O]: near 1
    # `normalize` makes squares of unit mean first: only this small number sees whether.
    least = how.least if how.normalize else how.least / (norm * size)
    after = (power + least).rsqrt()
    if gain is not None:
        after = after * gain
    return (weight * norm.rsqrt()[:, None, None, None]).to(how.dtype), x, after


def _differentiable(ctx: Any, grads: tuple[Tensor | None, ...]) -> tuple[Tensor | None, ...]:
    weight, styles, *_, plain, scale = ctx.saved_tensors
    gain = (scale / plain).detach()
    made = definition(weight, styles, gain, ctx.how)
    pairs = [(one, g) for one, g in zip(made, grads, strict=True) if g is not None]
    wanted = ctx.needs_input_grad[0] and wants_weights(), ctx.needs_input_grad[1]
    needed = [one for one, needs in zip((weight, styles), wanted, strict=True) if needs]
    found = iter(
        torch.autograd.grad(
            [one for one, _ in pairs],
            needed,
            [g for _, g in pairs],
            create_graph=True,
            allow_unused=True,
        )
    )
    return (*(next(found) if needs else None for needs in wanted), None, None)


def magnitude_moved(
    x: Tensor, scale_in: Tensor, scale_out: Tensor | None, outputs: int, ema: Tensor, beta: float
) -> Tensor:
    """Move the average `ema` [] of the mean square of x / scale_in; no gradient.

    x [N, C, H, W], scale_in [N, C] → scale_out [N, outputs] (None: 1) over the root of the average.
    """
    tiny = 1e-12
    squares = gpu_planes.product_sums(x.detach(), x.detach())[0]
    gained = squares.new_empty(len(x), outputs)
    _launch(
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
    block = _tile(channels, 32)
    _launch(
        "finish_sums_tile",
        math.ceil(channels / block),
        found,
        *(found, scale.float().contiguous(), products, ones, samples, channels, tiles),
        ONE=one,
        ROWS=_tile(tiles, 32),
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


def product(a: Tensor, b: Tensor, gain: float) -> Tensor:
    """a b * gain, in one launch where nothing will be differentiated."""
    if torch.is_grad_enabled():
        return (a @ b) * gain
    # With beta 0 the first argument is not read.
    return torch.addmm(a.new_empty(()), a, b, beta=0, alpha=gain)


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
