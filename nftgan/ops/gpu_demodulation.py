"""Demodulation on a GPU (Karras et al. 2020, equation 3): weights of unit norm, styles of unit mean
square, and what is left for the output, in few launches, with the first and the second derivative.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from nftgan.ops.gpu_scales import launch, tile
from nftgan.ops.gradients import wants_weights

INPUTS = 64
OUTPUTS = 32
"""Sides of a tile of the matrix between styles and demodulation."""


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


class Kept(NamedTuple):
    """What a forward pass leaves for its derivatives: shares [O, I] of the inputs in each norm [O]
    of weights, sizes [N], the mean squares of styles, x [N, I], and the scale [N, O] without its
    gain and with it.
    """

    shares: Tensor
    norms: Tensor
    sizes: Tensor
    x: Tensor
    plain: Tensor
    scale: Tensor


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
        block, rows = tile(inputs, INPUTS), tile(outputs, OUTPUTS)
        launch(
            "normalize_weights_tile",
            outputs,
            weight,
            *(weight, y, shares, norms, inputs, taps, how.tiny),
            INPUTS=block,
            TAPS=tile(taps, taps * 2),
        )
        tiles = math.ceil(outputs / rows)
        launch(
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
        how: Demodulation = ctx.how
        if torch.is_grad_enabled():
            gs = None
            if ctx.needs_input_grad[0] and wants_weights():
                return _differentiable(ctx, grads)
            if ctx.needs_input_grad[1] and (grads[1] is not None or grads[2] is not None):
                kept = shares, norms, sizes, x, plain, scale
                gs = _StylesGradient.apply(weight, styles, *grads[1:], *kept, how)
            return None, gs, None, None
        weight, styles = weight.contiguous(), styles.contiguous()
        gy, gx, gz = (None if g is None else g.contiguous() for g in grads)
        outputs, inputs = weight.shape[:2]
        taps, samples = math.prod(weight.shape[2:]), len(styles)
        gw = gs = None
        of_weight = ctx.needs_input_grad[0] and wants_weights()
        if of_weight and (gy is not None or gz is not None):
            gw = torch.empty_like(weight)
            launch(
                "weights_gradient_tile",
                outputs,
                weight,
                *(gy, gz, weight, shares, norms, x, sizes, plain, scale, gw),
                *(inputs, taps, outputs, samples, how.tiny, how.least),
                NORMALIZE=how.normalize,
                WEIGHTS=gy is not None,
                SCALES=gz is not None,
                INPUTS=tile(inputs, INPUTS),
                TAPS=tile(taps, taps * 2),
            )
        if ctx.needs_input_grad[1] and (gx is not None or gz is not None):
            kept = Kept(shares, norms, sizes, x, plain, scale)
            gs = _styles_gradient(styles, gx, gz, kept, how)
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


# ---- the second derivative -----------------------------------------------------------------------


def _styles_gradient(
    styles: Tensor, gx: Tensor | None, gz: Tensor | None, kept: Kept, how: Demodulation
) -> Tensor:
    """The gradient of styles [N, I] by those of x [N, I] and of the scale [N, O]: two launches."""
    samples, inputs = styles.shape
    outputs = kept.plain.shape[1]
    whole, gs = torch.empty_like(styles), torch.empty_like(styles)
    sides = {"INPUTS": tile(inputs, INPUTS), "OUTPUTS": tile(outputs, OUTPUTS)}
    tiles = math.ceil(inputs / sides["INPUTS"])
    scales = kept.plain, kept.scale
    launch(
        "scale_gradient_tile",
        samples * tiles,
        styles,
        *(gx, gz, kept.shares, kept.x, *scales, whole, inputs, outputs, tiles),
        INPUT=gx is not None,
        SCALES=gz is not None,
        **sides,
    )
    launch(
        "styles_gradient_tile",
        samples,
        styles,
        *(whole, gz, styles, kept.norms, kept.sizes, *scales, gs),
        *(inputs, outputs, how.tiny, how.least),
        NORMALIZE=how.normalize,
        SCALES=gz is not None,
        **sides,
    )
    return gs


class _StylesGradient(torch.autograd.Function):
    """`_styles_gradient` as a function of weights, styles and both gradients.

    Its product with v is gx * t + gz * tz, where t and tz are how x and the scale move when the
    styles move along v: so the derivative is that of this number, in four launches.
    """

    @staticmethod
    def forward(
        ctx: Any,
        weight: Tensor,
        styles: Tensor,
        gx: Tensor | None,
        gz: Tensor | None,
        *rest: Any,
    ) -> Tensor:
        *tensors, how = rest
        ctx.save_for_backward(weight, styles, gx, gz, *tensors)
        ctx.how = how
        gx, gz = (None if g is None else g.contiguous() for g in (gx, gz))
        return _styles_gradient(styles.contiguous(), gx, gz, Kept(*tensors), how)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        weight, styles, gx, gz, *tensors = ctx.saved_tensors
        kept, how, needs = Kept(*tensors), ctx.how, ctx.needs_input_grad
        nothing = (None,) * (len(tensors) + 1)
        if torch.is_grad_enabled():  # a third derivative
            found = _third(weight, styles, gx, gz, grads[0], kept, how, needs)
            return (*found, *nothing)
        weight, styles, v = weight.contiguous(), styles.contiguous(), grads[0].contiguous()
        gx, gz = (None if g is None else g.contiguous() for g in (gx, gz))
        samples, inputs = styles.shape
        outputs, taps = len(weight), math.prod(weight.shape[2:])
        sides = {"INPUTS": tile(inputs, INPUTS), "OUTPUTS": tile(outputs, OUTPUTS)}
        limits, scales = (how.tiny, how.least), (kept.plain, kept.scale)
        t, ht, hx = (torch.empty_like(styles) for _ in range(3))
        c, tz, gp = torch.empty_like(kept.sizes), *(torch.empty_like(kept.plain) for _ in range(2))
        tiles = math.ceil(outputs / sides["OUTPUTS"])
        launch(
            "move_scales_tile",
            samples * tiles,
            styles,
            *(v, gz, kept.shares, kept.norms, kept.x, kept.sizes, *scales, t, c, tz, gp),
            *(inputs, outputs, tiles, *limits),
            NORMALIZE=how.normalize,
            SCALES=gz is not None,
            **sides,
        )
        gw = gs = None
        if needs[1]:
            tiles = math.ceil(inputs / sides["INPUTS"])
            launch(
                "moved_gradient_tile",
                samples * tiles,
                styles,
                *(gx, gz, gp, kept.shares, kept.x, t, c, *scales, ht, hx),
                *(inputs, outputs, tiles),
                INPUT=gx is not None,
                SCALES=gz is not None,
                **sides,
            )
            gs = torch.empty_like(styles)
            launch(
                "moved_styles_tile",
                samples,
                styles,
                *(v, gz, gp, ht, hx, styles, kept.norms, kept.sizes, c, *scales, gs),
                *(inputs, outputs, *limits),
                NORMALIZE=how.normalize,
                SCALES=gz is not None,
                **sides,
            )
        if needs[0] and gz is not None:
            gw = torch.empty_like(weight)
            launch(
                "moved_weights_tile",
                outputs,
                weight,
                *(gz, gp, weight, kept.shares, kept.norms, kept.x, kept.sizes, t, c, *scales, gw),
                *(inputs, taps, outputs, samples, *limits),
                NORMALIZE=how.normalize,
                INPUTS=sides["INPUTS"],
                TAPS=tile(taps, taps * 2),
            )
        return gw, gs, t if needs[2] else None, tz if needs[3] else None, *nothing


def _third(
    weight: Tensor,
    styles: Tensor,
    gx: Tensor | None,
    gz: Tensor | None,
    v: Tensor,
    kept: Kept,
    how: Demodulation,
    needs: tuple[bool, ...],
) -> tuple[Tensor | None, ...]:
    """The derivative of `_StylesGradient` as a function, made of the definition."""
    # Aliases: gradients may come of the styles, and what flows through them is not asked for here.
    weight, styles = weight.view_as(weight), styles.view_as(styles)
    gx, gz = (None if g is None else g.view_as(g) for g in (gx, gz))
    _, x, scale = definition(weight, styles, (kept.scale / kept.plain).detach(), how)
    pairs = [(one, g) for one, g in ((x, gx), (scale, gz)) if g is not None]
    (gs,) = torch.autograd.grad(
        [one for one, _ in pairs], [styles], [g for _, g in pairs], create_graph=True
    )
    given = (weight, styles, gx, gz)
    wanted = [t for t, needed in zip(given, needs, strict=False) if needed and t is not None]
    found = iter(torch.autograd.grad(gs, wanted, v, create_graph=True, allow_unused=True))
    return tuple(
        next(found) if needed and t is not None else None
        for t, needed in zip(given, needs, strict=False)
    )
