"""Drafts: an image at a reduced side for a part of the work, to be looked at until the whole one
is there.

A draft is close to the image and never equal to it: nothing may be measured on one, and none may
become a piece.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Protocol, cast

import torch
import torch.nn.functional as F
from torch import Tensor

from nftgan.networks.generator import refuse_transform
from nftgan.networks.protocols import Generator
from nftgan.networks.stylegan2 import Noise, StyleGAN2Generator
from nftgan.networks.stylegan2 import SynthesisLayer as StyleGAN2Layer
from nftgan.networks.stylegan2 import SynthesisNetwork as StyleGAN2Synthesis
from nftgan.networks.stylegan3 import (
    Activation,
    LayerPlan,
    LayerRates,
    StyleGAN3Generator,
    SynthesisLayer,
    layer_rates,
    plan_layers,
)
from nftgan.networks.stylegan3 import SynthesisNetwork as StyleGAN3Synthesis
from nftgan.ops import bias_act, filtered_lrelu, winograd
from nftgan.ops.modulation import EPSILON

LEAST_SIDE = 128
"""Pixels a side below which an image is as quick as its draft."""
SHARE = 4
"""An image is this many times as wide as its draft."""
MARGIN = 2
"""Pixels around a draft of StyleGAN3, at most: its edge may be a little wrong."""


class Draft(Protocol):
    """Styles to a draft."""

    side: int

    def __call__(self, ws: Tensor, transform: Tensor | None = None) -> Tensor:
        """ws [N, num_ws, w_dim] → [N, C, side, side], about [-1, 1]; without a gradient.

        transform: as of `SynthesisNetwork`.
        """
        ...


def has_drafts(generator: Generator) -> bool:
    """Whether a draft of `generator` takes less time here than an image.

    Not where it is small, not on a GPU, and not for families that have no way.
    """
    large = generator.img_resolution >= LEAST_SIDE
    known = isinstance(generator, (StyleGAN2Generator, StyleGAN3Generator))
    return large and known and not next(generator.parameters()).is_cuda


def draft_of(generator: Generator) -> Draft | None:
    """How drafts of `generator` are made, from its weights as they are now; None: see above."""
    if not has_drafts(generator):
        return None
    side = generator.img_resolution // SHARE
    if isinstance(generator, StyleGAN2Generator):
        return LowGrid(generator.synthesis, side)
    assert isinstance(generator, StyleGAN3Generator)
    return LowRate(generator.synthesis, side)


class LowGrid:
    """StyleGAN2 with the layers of its larger blocks on a grid of `side` pixels: their kernels and
    noise are put on it, and nothing is enlarged there. (Its smaller image alone, the sum of what is
    drawn up to `side`, is no draft: a later block may draw most of the image anew.)
    """

    def __init__(self, synthesis: StyleGAN2Synthesis, side: int) -> None:
        self.side, self._synthesis = side, synthesis
        self._low: dict[str, tuple[_LowConv, _LowConv]] = {}
        for name in synthesis.block_names:
            block = getattr(synthesis, name)
            if (times := block.conv1.resolution / side) > 1:
                # The kernels of a convolution that enlarges are those of its transpose.
                up = _LowConv(block.conv0, times, flip=True)
                self._low[name] = up, _LowConv(block.conv1, times)

    @torch.no_grad()
    def __call__(self, ws: Tensor, transform: Tensor | None = None) -> Tensor:
        refuse_transform(transform)
        x: Any = None
        img: Any = None
        index = 0
        for name in self._synthesis.block_names:
            block = getattr(self._synthesis, name)
            own = ws[:, index : index + block.num_conv + 1]
            if name in self._low:
                for layer, w in zip(self._low[name], own.unbind(1), strict=False):
                    x = layer(x, w)
                img = img + block.torgb(x, own[:, -1])
            else:
                x, img = block(x, img, own, Noise(), False)
            index += block.num_conv
        return cast("Tensor", img)


class _LowConv:
    """One layer of StyleGAN2 on a coarser grid."""

    def __init__(self, layer: StyleGAN2Layer, times: float, *, flip: bool = False) -> None:
        self._layer = layer
        weight = layer.weight.detach()
        self._kernels = _Kernels(weight.flip(2, 3) if flip else weight, times)
        noise = F.avg_pool2d(layer.noise_const[None], int(times))[0] if layer.use_noise else None
        self._noise = noise

    def __call__(self, x: Tensor, w: Tensor) -> Tensor:
        layer = self._layer
        x = self._kernels.convolve(x, layer.affine(w), padding=1)
        if self._noise is not None:
            x = x + self._noise * layer.noise_strength
        return bias_act(x, layer.bias, act="lrelu", clamp=layer.clamp)


class LowRate:
    """StyleGAN3 with its signals sampled for `side` pixels: what is finer than those is lost, also
    where the layers would make something coarser of it.

    The layers are functions of continuous signals (Karras et al. 2021, 3.1), so the same ones act
    at any rate; kernels of 3x3 lie closer together than the samples then, and are put on these by
    linear interpolation.
    """

    def __init__(self, synthesis: StyleGAN3Synthesis, side: int) -> None:
        self.side, self._synthesis = side, synthesis
        config = synthesis.config
        whole = plan_layers(config)
        plans = [low_rate(plan, config.img_resolution, side) for plan in whole]
        self._layers = [
            _LowLayer(
                getattr(synthesis, name),
                layer_rates(
                    config, plans[max(i - 1, 0)], plans[i], is_torgb=i == config.num_layers
                ),
                whole[max(i - 1, 0)].rate / plans[max(i - 1, 0)].rate,
            )
            for i, name in enumerate(synthesis.layer_names)
        ]
        self._size = plans[0].size

    @torch.no_grad()
    def __call__(self, ws: Tensor, transform: Tensor | None = None) -> Tensor:
        x = self._synthesis.input(ws[:, 0], transform, size=self._size)
        for layer, w in zip(self._layers, ws.unbind(1)[1:], strict=True):
            x = layer(x, w)
        result: Tensor = x * self._synthesis.config.output_scale
        return result


def low_rate(plan: LayerPlan, resolution: int, side: int) -> LayerPlan:
    """`plan` of a network of `resolution`, for signals of at most `side` samples."""
    rate = min(plan.rate, float(side))
    margin = 0 if plan.size == resolution else min(MARGIN, (plan.size - int(plan.rate)) // 2)
    nyquist = side / 2
    stopband = plan.cutoff + plan.half_width
    cutoff = min(plan.cutoff, nyquist)
    half_width = max(min(stopband, nyquist * 2**0.3), rate / 2) - cutoff
    return replace(
        plan, rate=rate, size=int(rate) + 2 * margin, cutoff=cutoff, half_width=half_width
    )


class _LowLayer:
    """One layer of StyleGAN3 at other rates."""

    def __init__(self, layer: SynthesisLayer, rates: LayerRates, times: float) -> None:
        self._layer, self._rates = layer, rates
        whole = not layer.is_torgb
        self._kernels = _Kernels(layer.weight, times, normalize=whole, demodulate=whole)

    def __call__(self, x: Tensor, w: Tensor) -> Tensor:
        layer, rates = self._layer, self._rates
        styles = layer.affine(w)
        if layer.is_torgb:
            styles = styles / styles.shape[1] ** 0.5
        else:
            styles = styles * styles.square().mean(dim=1, keepdim=True).rsqrt()
        x = self._kernels.convolve(
            x, styles, padding=layer.weight.shape[-1] - 1, gain=layer.magnitude_ema.rsqrt()
        )
        options: Activation = {
            **layer.activation(),
            "up": rates.up,
            "down": rates.down,
            "padding": rates.padding,
        }
        return filtered_lrelu(x, rates.up_filter, rates.down_filter, layer.bias, **options)


class _Kernels:
    """A modulated convolution on samples `times` as far apart as its weight [O, I, k, k] is made
    for; normalised and demodulated by the norms that this has as it is, see `modulated_conv2d`.
    """

    def __init__(
        self, weight: Tensor, times: float, *, normalize: bool = False, demodulate: bool = True
    ) -> None:
        # A weight that stays as it is stays one tensor: its transform is kept once for both.
        self._weight = weight if times == 1 or weight.shape[-1] == 1 else coarser(weight, times)
        self._energy = weight.detach().square().sum(dim=(2, 3)) if demodulate else None  # [O, I]
        self._unit = weight.new_ones(len(weight))
        if normalize:
            assert self._energy is not None
            self._unit = (self._energy.sum(dim=1) / weight[0].numel()).rsqrt().detach()

    def convolve(
        self, x: Tensor, styles: Tensor, *, padding: int, gain: Tensor | float = 1.0
    ) -> Tensor:
        """x [N, I, H, W], styles [N, I] → [N, O, H', W'], times gain."""
        after = self._unit.expand(len(styles), -1) * gain
        if self._energy is not None:
            power = (styles.square() @ self._energy.T) * self._unit.square()
            after = after * (power + EPSILON).rsqrt()
        if winograd.usable(x, self._weight):
            kernels = winograd.transformed(self._weight)
            return winograd.convolve(x, kernels, padding=padding, scale_in=styles, scale_out=after)
        x = F.conv2d(x * styles[:, :, None, None], self._weight, padding=padding)
        return x * after[:, :, None, None]


def coarser(weight: Tensor, times: float) -> Tensor:
    """Kernels [O, I, 3, 3] for samples that lie `times` as far apart, by linear interpolation."""
    near = 1 - 1 / times
    weight = weight.detach()
    spread = torch.tensor([[1 / times, 0, 0], [near, 1, near], [0, 0, 1 / times]]).to(weight)
    return torch.einsum("ab,oibc,dc->oiad", spread, weight, spread).contiguous()
