"""StyleGAN3 generators, translation (-T) and rotation (-R) equivariant (Karras et al. 2021)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypedDict

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nftgan.networks.architecture import StyleGAN3Config
from nftgan.networks.generator import MappingSynthesisGenerator
from nftgan.networks.layers import FullyConnectedLayer, MappingNetwork, checkpointed
from nftgan.ops import design_lowpass, filtered_lrelu, gpu_scales, modulated_conv2d
from nftgan.ops.device import on_gpu
from nftgan.ops.modulation import Shared, dense, shared, whole_weights
from nftgan.ops.parts import convolved_in_parts, in_parts
from nftgan.ops.scaled_lrelu import scaled_lrelu


class Activation(TypedDict):
    """What filtered_lrelu is told of a layer beside its filters and bias."""

    up: int
    down: int
    padding: tuple[int, int, int, int]
    gain: float
    slope: float
    clamp: float | None


@dataclass(frozen=True)
class LayerPlan:
    """The signal of one layer's output: rates in samples per image width."""

    size: int  # pixels a side, margins included
    channels: int
    rate: float
    cutoff: float
    half_width: float
    critical: bool  # critically sampled: nothing is lost to a rotation-safe filter
    half: bool  # float16 on a GPU


def plan_layers(config: StyleGAN3Config) -> tuple[LayerPlan, ...]:
    """The schedule of cutoffs, rates and sizes for layers 0..num_layers (Karras et al. 2021, 3.2).

    The last entry is ToRGB.
    """
    resolution, n = config.img_resolution, config.num_layers
    last_cutoff = resolution / 2
    last_stopband = last_cutoff * config.last_stopband_rel
    plans = []
    for i in range(n + 1):
        exponent = min(i / (n - config.num_critical), 1)
        cutoff = config.first_cutoff * (last_cutoff / config.first_cutoff) ** exponent
        stopband = config.first_stopband * (last_stopband / config.first_stopband) ** exponent
        rate = 2.0 ** math.ceil(math.log2(min(2 * stopband, resolution)))
        size = resolution if i >= n - 1 else int(rate) + 2 * config.margin_size
        channels = int(np.rint(min(config.channel_base / 2 / cutoff, config.channel_max)))
        plans.append(
            LayerPlan(
                size=size,
                channels=config.img_channels if i == n else channels,
                rate=rate,
                cutoff=cutoff,
                half_width=max(stopband, rate / 2) - cutoff,
                critical=i >= n - config.num_critical,
                half=rate * 2**config.num_fp16_res > resolution,
            )
        )
    return tuple(plans)


class SynthesisInput(nn.Module):
    """Fourier features, moved by w and by the user's transform (Karras et al. 2021, 3.1).

    The buffer `transform` [3, 3], the inverse of the move that one wants to see, is what a
    published model holds; the argument of that name takes its place.
    """

    transform: Tensor
    freqs: Tensor
    phases: Tensor

    def __init__(self, config: StyleGAN3Config, plan: LayerPlan) -> None:
        super().__init__()
        channels = plan.channels
        self.size, self.rate, self.bandwidth = plan.size, plan.rate, plan.cutoff
        gauss = torch.randn(channels, 2)
        radius = gauss.square().sum(dim=1, keepdim=True).sqrt()
        # Uniform in the disc of radius `bandwidth`.
        freqs = self.bandwidth * gauss / (radius * (radius.square() / 4).exp())
        self.weight = nn.Parameter(torch.randn(channels, channels))
        self.affine = FullyConnectedLayer(
            config.w_dim, 4, weight_init=0.0, bias_init=(1.0, 0.0, 0.0, 0.0)
        )
        self.register_buffer("transform", torch.eye(3))
        self.register_buffer("freqs", freqs)
        self.register_buffer("phases", torch.rand(channels) - 0.5)

    def forward(
        self, w: Tensor, transform: Tensor | None = None, size: int | None = None
    ) -> Tensor:
        """w: [N, w_dim], transform: [3, 3] or None → features [N, C, size, size]; size: None for
        the plan's, another one for a wider or narrower margin.
        """
        size = self.size if size is None else size
        move = self.transform if transform is None else transform.to(self.transform)
        t = self.affine(w)
        t = t / t[:, :2].norm(dim=1, keepdim=True)
        cos, sin, x, y = t.unbind(dim=1)
        one, zero = torch.ones_like(cos), torch.zeros_like(cos)
        turn = torch.stack([cos, -sin, zero, sin, cos, zero, zero, zero, one], dim=1)
        shift = torch.stack([one, zero, -x, zero, one, -y, zero, zero, one], dim=1)
        matrix = turn.view(-1, 3, 3) @ shift.view(-1, 3, 3) @ move  # [N, 3, 3]
        phases = self.phases + (self.freqs @ matrix[:, :2, 2:]).squeeze(2)  # [N, C]
        freqs = self.freqs @ matrix[:, :2, :2]  # [N, C, 2]
        # Frequencies that the transform pushed out of the band fade instead of aliasing.
        excess = (freqs.norm(dim=2) - self.bandwidth) / (self.rate / 2 - self.bandwidth)
        amplitudes = (1 - excess).clamp(0, 1)
        steps = torch.arange(size, dtype=w.dtype, device=w.device)
        u = (steps + 0.5 - size / 2) / self.rate
        angle = freqs[:, :, 0, None, None] * u + freqs[:, :, 1, None, None] * u[:, None]
        x = torch.sin(2 * math.pi * (angle + phases[:, :, None, None]))
        x = x * amplitudes[:, :, None, None]
        weight = self.weight / math.sqrt(self.weight.shape[1])
        return torch.einsum("nchw,dc->ndhw", x, weight)


@dataclass(frozen=True)
class LayerRates:
    """How a layer's activation comes from the rate of its input to that of its output."""

    up: int
    down: int
    up_filter: Tensor | None
    down_filter: Tensor | None
    padding: tuple[int, int, int, int]


def layer_rates(
    config: StyleGAN3Config, before: LayerPlan, after: LayerPlan, *, is_torgb: bool
) -> LayerRates:
    """The filters between two plans; what they and the convolution eat is added back, so that
    sizes fit exactly.
    """
    k = 1 if is_torgb else config.conv_kernel
    inner_rate = max(before.rate, after.rate) * (1 if is_torgb else config.lrelu_upsampling)
    up, down = int(inner_rate / before.rate), int(inner_rate / after.rate)
    up_taps = 1 if is_torgb or up == 1 else config.filter_size * up
    down_taps = 1 if is_torgb or down == 1 else config.filter_size * down
    up_filter = design_lowpass(
        up_taps, cutoff=before.cutoff, half_width=before.half_width, rate=inner_rate
    )
    down_filter = design_lowpass(
        down_taps,
        cutoff=after.cutoff,
        half_width=after.half_width,
        rate=inner_rate,
        radial=config.use_radial_filters and not after.critical,
    )
    total = (after.size - 1) * down + 1 - (before.size + k - 1) * up
    total += up_taps + down_taps - 2
    low = (total + up) // 2
    return LayerRates(up, down, up_filter, down_filter, (low, total - low, low, total - low))


class SynthesisLayer(nn.Module):
    """Modulated convolution and alias-free activation, or ToRGB (Karras et al. 2021, 3.2)."""

    magnitude_ema: Tensor
    up_filter: Tensor | None
    down_filter: Tensor | None

    def __init__(
        self, config: StyleGAN3Config, before: LayerPlan, after: LayerPlan, *, is_torgb: bool
    ) -> None:
        super().__init__()
        self.is_torgb, self.fp16 = is_torgb, after.half
        self.conv_clamp, self.beta = config.conv_clamp, config.magnitude_ema_beta
        k = 1 if is_torgb else config.conv_kernel
        rates = layer_rates(config, before, after, is_torgb=is_torgb)
        self.up, self.down, self.padding = rates.up, rates.down, rates.padding
        self.affine = FullyConnectedLayer(config.w_dim, before.channels, bias_init=1.0)
        self.weight = nn.Parameter(torch.randn(after.channels, before.channels, k, k))
        self.bias = nn.Parameter(torch.zeros(after.channels))
        self.register_buffer("magnitude_ema", torch.ones([]))
        self.register_buffer("up_filter", rates.up_filter)
        self.register_buffer("down_filter", rates.down_filter)

    def forward(
        self,
        x: Tensor,
        w: Tensor,
        *,
        update_emas: bool,
        force_fp32: bool,
        recompute: bool = False,
    ) -> Tensor:
        """x: [N, in, H, W], w: [N, w_dim] → [N, out, H', W']."""
        if update_emas:
            magnitude = x.detach().to(self.magnitude_ema.dtype).square().mean()
            self.magnitude_ema.copy_(magnitude.lerp(self.magnitude_ema, self.beta))
        # Read here: the average may have moved on when the rest is computed again.
        gain = self.magnitude_ema.rsqrt()
        return checkpointed(self._compute, x, w, gain, force_fp32, enabled=recompute)

    def _compute(self, x: Tensor, w: Tensor, input_gain: Tensor, force_fp32: bool) -> Tensor:
        styles = self.affine(w)
        if self.is_torgb:
            styles = styles / math.sqrt(x.shape[1])
        half = self.fp16 and not force_fp32 and on_gpu(x) and w.dtype == torch.float32
        x = x.to(torch.float16 if half else w.dtype)
        padding, whole = self.weight.shape[-1] - 1, not self.is_torgb
        if in_parts(x, w, self.weight):
            weights = whole_weights(
                self.weight, styles, demodulate=whole, normalize=whole, input_gain=input_gain
            )
            return convolved_in_parts(x, weights, padding, self._activated, self.up)
        x = modulated_conv2d(
            x,
            self.weight,
            styles,
            demodulate=whole,
            normalize=whole,
            padding=padding,
            input_gain=input_gain,
        )
        return self._activated(x)

    def _activated(self, x: Tensor, channels: slice = slice(None)) -> Tensor:
        filters = (self.up_filter, self.down_filter, self.bias[channels])
        return filtered_lrelu(x, *filters, **self.activation())

    def activation(self) -> Activation:
        """ToRGB resamples and clamps alone: its slope is 1."""
        return {
            "up": self.up,
            "down": self.down,
            "padding": self.padding,
            "gain": 1.0 if self.is_torgb else math.sqrt(2),
            "slope": 1.0 if self.is_torgb else 0.2,
            "clamp": self.conv_clamp,
        }

    def shared(self, w: Tensor, *, half: bool, gained: bool) -> Shared:
        """This layer's convolution for w [N, w_dim], as one with shared weights; `gained`: with the
        gain of its input, which does not move in this pass.
        """
        styles = self.affine(w)
        if self.is_torgb:
            styles = styles / math.sqrt(self.weight.shape[1])
        return shared(
            self.weight,
            styles,
            demodulate=not self.is_torgb,
            normalize=not self.is_torgb,
            magnitude=self.magnitude_ema if gained else None,
            dtype=torch.float16 if half else None,
        )

    def forward_scaled(
        self, x: Tensor, way: Shared, after: Tensor | None, *, update_emas: bool, recompute: bool
    ) -> Tensor:
        """As `forward`, between scales: x is its input times way.scale_in, what is returned its
        output times `after` [N, out]. With update_emas `way` is without the gain.
        """
        before = self._moved(x, way) if update_emas else way.scale_out
        return checkpointed(self._compute_scaled, x, way.weight, before, after, enabled=recompute)

    def _moved(self, x: Tensor, way: Shared) -> Tensor:
        """scale_out with the gain of the input, after the average has seen this x."""
        if gpu_scales.takes(self.weight, way.scale_in) and not torch.is_grad_enabled():
            scales, outputs = (way.scale_in, way.scale_out), len(self.weight)
            return gpu_scales.magnitude_moved(x, *scales, outputs, self.magnitude_ema, self.beta)
        kind, scale = self.magnitude_ema.dtype, way.scale_in.detach()
        norms = torch.linalg.vector_norm(x.detach(), dim=(2, 3), dtype=kind)
        squares = norms.square() / scale.square().clamp(min=1e-12)
        magnitude = squares.sum() / x.numel()
        self.magnitude_ema.copy_(magnitude.lerp(self.magnitude_ema, self.beta))
        gain = self.magnitude_ema.rsqrt()
        if way.scale_out is None:
            return gain.expand(len(x), len(self.weight))
        return way.scale_out * gain

    def _compute_scaled(
        self, x: Tensor, weight: Tensor, before: Tensor | None, after: Tensor | None
    ) -> Tensor:
        x = F.conv2d(x.to(weight.dtype), weight, padding=weight.shape[-1] - 1)
        filters = (self.up_filter, self.down_filter, self.bias)
        return scaled_lrelu(x, *filters, before=before, after=after, **self.activation())


class SynthesisNetwork(nn.Module):
    """ws to image: `input`, then layers named L{i}_{size}_{channels}, the last one ToRGB."""

    recompute = False
    """Keep of each layer only its input for the backward pass: less memory, more time."""

    def __init__(self, config: StyleGAN3Config) -> None:
        super().__init__()
        self.config = config
        self.num_ws = config.num_layers + 2
        plans = plan_layers(config)
        self.input = SynthesisInput(config, plans[0])
        self.layer_names: list[str] = []
        for i, after in enumerate(plans):
            before = plans[max(i - 1, 0)]
            layer = SynthesisLayer(config, before, after, is_torgb=i == config.num_layers)
            name = f"L{i}_{after.size}_{after.channels}"
            self.add_module(name, layer)
            self.layer_names.append(name)

    def forward(
        self,
        ws: Tensor,
        update_emas: bool = False,
        noise_mode: str = "const",
        force_fp32: bool = False,
        generator: torch.Generator | None = None,
        transform: Tensor | None = None,
    ) -> Tensor:
        """ws: [N, num_ws, w_dim] → image [N, C, R, R], about [-1, 1].

        transform: [3, 3], the inverse of the move that one wants to see; None: the model's own.
        noise_mode and generator are accepted for StyleGAN2's sake: there is no noise here.
        """
        x = self.input(ws[:, 0], transform)
        if dense(x):
            x = self._through_scales(x, ws, update_emas, force_fp32)
            return (x * self.config.output_scale).to(ws.dtype)
        for i, name in enumerate(self.layer_names):
            x = getattr(self, name)(
                x,
                ws[:, i + 1],
                update_emas=update_emas,
                force_fp32=force_fp32,
                recompute=self.recompute,
            )
        result: Tensor = (x * self.config.output_scale).to(ws.dtype)
        return result

    def _through_scales(self, x: Tensor, ws: Tensor, update_emas: bool, force_fp32: bool) -> Tensor:
        """The layers with shared weights; each activation also scales what comes after it."""
        layers: list[SynthesisLayer] = [getattr(self, name) for name in self.layer_names]
        halves = on_gpu(x) and ws.dtype == torch.float32 and not force_fp32
        ways = [
            layer.shared(w, half=halves and layer.fp16, gained=not update_emas)
            for layer, w in zip(layers, ws.unbind(1)[1:], strict=True)
        ]
        x = x * ways[0].scale_in[:, :, None, None]
        for layer, way, following in zip(layers, ways, [*ways[1:], None], strict=True):
            after = None if following is None else following.scale_in
            x = layer.forward_scaled(
                x, way, after, update_emas=update_emas, recompute=self.recompute
            )
        return x


class StyleGAN3Generator(MappingSynthesisGenerator):
    """z (and a class) to image; state-dict names are the published ones."""

    movable = True
    config: StyleGAN3Config
    synthesis: SynthesisNetwork
    mapping: MappingNetwork

    def __init__(self, config: StyleGAN3Config) -> None:
        synthesis = SynthesisNetwork(config)
        mapping = MappingNetwork(
            z_dim=config.z_dim,
            c_dim=config.c_dim,
            w_dim=config.w_dim,
            num_ws=synthesis.num_ws,
            num_layers=config.mapping_layers,
        )
        super().__init__(config, synthesis, mapping, synthesis.num_ws)
