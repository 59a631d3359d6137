"""StyleGAN2 generator with skip connections (Karras et al. 2020)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nftgan.errors import UsageError
from nftgan.networks.architecture import StyleGAN2Config
from nftgan.networks.generator import MappingSynthesisGenerator, refuse_transform
from nftgan.networks.layers import FullyConnectedLayer, MappingNetwork, checkpointed
from nftgan.ops import (
    bias_act,
    conv2d_resample,
    grouped_conv,
    modulated_conv2d,
    modulated_weights,
    setup_filter,
    upsample2d,
)
from nftgan.ops.device import on_gpu
from nftgan.ops.gpu_planes import formatted
from nftgan.ops.modulation import dense, shared

BLUR = (1.0, 3.0, 3.0, 1.0)


@dataclass(frozen=True)
class Noise:
    """What the noise inputs see: `const` maps, `random` ones drawn from `generator`, or `none`."""

    mode: str = "const"
    generator: torch.Generator | None = None

    def __post_init__(self) -> None:
        if self.mode not in {"const", "random", "none"}:
            raise UsageError(f"unknown noise mode {self.mode!r}", hint="known: const, random, none")

    def draw(self, shape: tuple[int, ...], like: Tensor) -> Tensor:
        """Standard normal values with the dtype and device of `like`."""
        device = like.device if self.generator is None else self.generator.device
        values = torch.randn(shape, generator=self.generator, device=device, dtype=like.dtype)
        return values.to(like.device)


class SynthesisLayer(nn.Module):
    """Modulated 3x3 convolution, noise, bias, leaky ReLU; `up` doubles the side."""

    resample_filter: Tensor
    noise_const: Tensor

    def __init__(
        self,
        config: StyleGAN2Config,
        in_channels: int,
        out_channels: int,
        resolution: int,
        *,
        up: int,
        half: bool,
    ) -> None:
        super().__init__()
        self.resolution, self.up, self.fp16 = resolution, up, half
        self.use_noise, self.clamp = config.use_noise, config.conv_clamp
        self.register_buffer("resample_filter", setup_filter(BLUR))
        self.affine = FullyConnectedLayer(config.w_dim, in_channels, bias_init=1.0)
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels, 3, 3))
        if self.use_noise:
            self.register_buffer("noise_const", torch.randn(resolution, resolution))
            self.noise_strength = nn.Parameter(torch.zeros([]))
        self.bias = nn.Parameter(torch.zeros(out_channels))

    def field(self, noise: Noise, ws: Tensor) -> Tensor | None:
        """The noise of a pass over ws [N, ...]: [R, R] or [N, 1, R, R]; None without."""
        if not self.use_noise or noise.mode == "none":
            return None
        if noise.mode == "const":
            return self.noise_const
        return noise.draw((ws.shape[0], 1, self.resolution, self.resolution), ws)

    def _strength(self, field: Tensor | None) -> Tensor | None:
        return None if field is None else self.noise_strength

    def forward(self, x: Tensor, w: Tensor, field: Tensor | None) -> Tensor:
        """x: [N, in, H, W], w: [N, w_dim] → [N, out, R, R]."""
        styles: Tensor = self.affine(w)
        weight: Tensor = self.weight
        if dense(x):
            way = shared(weight, styles, demodulate=True)
            x = bias_act(x, scale=way.scale_in)
            x = conv2d_resample(x, way.weight.to(x.dtype), self.resample_filter, up=self.up)
            return bias_act(
                x,
                self.bias,
                act="lrelu",
                clamp=self.clamp,
                scale=way.scale_out,
                noise=field,
                strength=self._strength(field),
            )
        if x.dtype == torch.float16:
            # Keeps products inside half's range; demodulation cancels both factors.
            biggest = weight.abs().amax(dim=(1, 2, 3), keepdim=True)
            weight = weight / (biggest * math.sqrt(weight[0].numel()))
            styles = styles / styles.abs().amax(dim=1, keepdim=True)
        if self.up == 1:
            x = modulated_conv2d(x, weight, styles, demodulate=True, padding=1)
        else:
            weights = modulated_weights(weight, styles, demodulate=True).to(x.dtype)
            f = self.resample_filter
            x = grouped_conv(x, weights, lambda x, w, n: conv2d_resample(x, w, f, up=2, groups=n))
        if field is not None and on_gpu(x):  # rounded to half before the rest
            x, field = x + (field * self.noise_strength).to(x.dtype), None
        return bias_act(
            x,
            self.bias,
            act="lrelu",
            clamp=self.clamp,
            noise=field,
            strength=self._strength(field),
        )


class ToRGBLayer(nn.Module):
    """Modulated 1x1 convolution to the image, without demodulation."""

    def __init__(self, config: StyleGAN2Config, in_channels: int) -> None:
        super().__init__()
        self.clamp = config.conv_clamp
        self.affine = FullyConnectedLayer(config.w_dim, in_channels, bias_init=1.0)
        self.weight = nn.Parameter(torch.randn(config.img_channels, in_channels, 1, 1))
        self.bias = nn.Parameter(torch.zeros(config.img_channels))

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """x: [N, in, R, R], w: [N, w_dim] → [N, img_channels, R, R]."""
        styles = self.affine(w) / math.sqrt(x.shape[1])
        if dense(x):
            x = bias_act(x, scale=styles)
            return bias_act(F.conv2d(x, self.weight.to(x.dtype)), self.bias, clamp=self.clamp)
        x = modulated_conv2d(x, self.weight, styles, demodulate=False, padding=0)
        return bias_act(x, self.bias, clamp=self.clamp)


class SynthesisBlock(nn.Module):
    """One resolution: one convolution at 4 pixels, else two, and ToRGB on the skip path."""

    resample_filter: Tensor

    def __init__(
        self, config: StyleGAN2Config, in_channels: int, out_channels: int, resolution: int
    ) -> None:
        super().__init__()
        self.first = in_channels == 0
        self.num_conv = 1 if self.first else 2
        lowest = 2 ** (int(math.log2(config.img_resolution)) + 1 - config.num_fp16_res)
        self.fp16 = config.num_fp16_res > 0 and resolution >= max(lowest, 8)
        self.register_buffer("resample_filter", setup_filter(BLUR))
        if self.first:
            self.const = nn.Parameter(torch.randn(out_channels, resolution, resolution))
        else:
            self.conv0 = SynthesisLayer(
                config, in_channels, out_channels, resolution, up=2, half=self.fp16
            )
        self.conv1 = SynthesisLayer(
            config, out_channels, out_channels, resolution, up=1, half=self.fp16
        )
        self.torgb = ToRGBLayer(config, out_channels)

    def forward(
        self,
        x: Tensor | None,
        img: Tensor | None,
        ws: Tensor,
        noise: Noise,
        force_fp32: bool,
        recompute: bool = False,
    ) -> tuple[Tensor, Tensor]:
        """ws: [N, num_conv + 1, w_dim] → features and image at this resolution."""
        # Drawn here, in the order of the layers: what is computed again must see the same noise.
        layers = (self.conv1,) if self.first else (self.conv0, self.conv1)
        fields = [layer.field(noise, ws) for layer in layers]
        return checkpointed(self._compute, x, img, ws, fields, force_fp32, enabled=recompute)

    def _compute(
        self,
        x: Tensor | None,
        img: Tensor | None,
        ws: Tensor,
        fields: list[Tensor | None],
        force_fp32: bool,
    ) -> tuple[Tensor, Tensor]:
        half = self.fp16 and not force_fp32 and on_gpu(ws) and ws.dtype == torch.float32
        dtype = torch.float16 if half else ws.dtype
        if x is None:
            x = self.const.to(dtype).unsqueeze(0).repeat(ws.shape[0], 1, 1, 1)
        else:
            x = self.conv0(formatted(x.to(dtype)), ws[:, 0], fields[0])
        x = self.conv1(x, ws[:, self.num_conv - 1], fields[-1])
        rgb = self.torgb(x, ws[:, self.num_conv]).to(ws.dtype)
        if img is not None:
            rgb = upsample2d(img, self.resample_filter) + rgb
        return x, rgb


class SynthesisNetwork(nn.Module):
    """ws to image through blocks b4, b8, ... ; ToRGB shares its style with the next block."""

    recompute = False
    """Keep of each block only its inputs for the backward pass: less memory, more time."""

    def __init__(self, config: StyleGAN2Config) -> None:
        super().__init__()
        self.config = config
        levels = int(math.log2(config.img_resolution))
        self.num_ws = 2 * levels - 2
        self.block_names: list[str] = []
        in_channels = 0
        for level in range(2, levels + 1):
            r = 2**level
            out_channels = min(config.channel_base // r, config.channel_max)
            self.add_module(f"b{r}", SynthesisBlock(config, in_channels, out_channels, r))
            self.block_names.append(f"b{r}")
            in_channels = out_channels

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

        noise_mode: const, random (drawn from `generator`, or torch's own) or none. There is no
        input to move: UsageError for a transform.
        """
        refuse_transform(transform)
        noise = Noise(noise_mode, generator)
        x = img = None
        index = 0
        for name in self.block_names:
            block = getattr(self, name)
            own = ws[:, index : index + block.num_conv + 1]
            x, img = block(x, img, own, noise, force_fp32, self.recompute)
            index += block.num_conv
        assert img is not None
        result: Tensor = img
        return result


class StyleGAN2Generator(MappingSynthesisGenerator):
    """z (and a class) to image; state-dict names are the published ones."""

    config: StyleGAN2Config
    synthesis: SynthesisNetwork
    mapping: MappingNetwork

    def __init__(self, config: StyleGAN2Config) -> None:
        synthesis = SynthesisNetwork(config)
        mapping = MappingNetwork(
            z_dim=config.z_dim,
            c_dim=config.c_dim,
            w_dim=config.w_dim,
            num_ws=synthesis.num_ws,
            num_layers=config.mapping_layers,
        )
        super().__init__(config, synthesis, mapping, synthesis.num_ws)
