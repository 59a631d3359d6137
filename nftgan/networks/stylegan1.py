"""The original StyleGAN generator: adaptive instance normalisation (Karras et al. 2019).

Written from the paper and that of progressive growing (Karras et al. 2018). Only the last
resolution makes the image; a network whose growing stopped between two blends the last two.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nftgan.networks.architecture import StyleGAN1Config
from nftgan.networks.generator import MappingSynthesisGenerator, refuse_transform
from nftgan.networks.layers import (
    broadcast_truncated,
    move_average,
    normalize_second_moment,
)
from nftgan.networks.shapes import makes_image
from nftgan.networks.stylegan2 import Noise
from nftgan.ops import conv2d_resample, filter2d, setup_filter

BLUR = (1.0, 2.0, 1.0)
SLOPE = 0.2  # of the leaky ReLU
EPSILON = 1e-8
MAPPING_RATE = 0.01  # learning rate of the mapping network, relative to all others


class EqualizedLinear(nn.Module):
    """Linear layer whose weights are scaled by He's constant where they are used (Karras et al.
    2018, 4.1): gain / √in. weight [out, in], bias [out].
    """

    def __init__(self, inner: int, out: int, *, gain: float, rate: float, slope: float) -> None:
        super().__init__()
        self.weight_gain, self.bias_gain = gain * rate / math.sqrt(inner), rate
        self.slope = slope  # 1: no activation
        self.weight = nn.Parameter(torch.randn(out, inner) / rate)
        self.bias = nn.Parameter(torch.zeros(out))

    def forward(self, x: Tensor) -> Tensor:
        """x: [N, in] → [N, out]."""
        x = F.linear(x, self.weight * self.weight_gain, self.bias * self.bias_gain)
        return x if self.slope == 1 else F.leaky_relu(x, self.slope)


class ClassEmbedding(nn.Module):
    """One vector for each class, put beside z. weight [z_dim, c_dim]."""

    def __init__(self, c_dim: int, z_dim: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(z_dim, c_dim))

    def forward(self, c: Tensor) -> Tensor:
        """c: one-hot [N, c_dim] → [N, z_dim]."""
        return F.linear(c, self.weight)


class MappingNetwork(nn.Module):
    """z (and a class) to intermediate latents w (Karras et al. 2019, section 2)."""

    w_avg: Tensor

    def __init__(self, config: StyleGAN1Config, num_ws: int, w_avg_beta: float = 0.995) -> None:
        super().__init__()
        self.c_dim, self.num_ws, self.w_avg_beta = config.c_dim, num_ws, w_avg_beta
        self.num_layers = config.mapping_layers
        width = config.z_dim
        if config.c_dim:
            self.embed = ClassEmbedding(config.c_dim, config.z_dim)
            width *= 2
        for i in range(config.mapping_layers):
            layer = EqualizedLinear(
                width, config.w_dim, gain=math.sqrt(2), rate=MAPPING_RATE, slope=SLOPE
            )
            self.add_module(f"fc{i}", layer)
            width = config.w_dim
        self.register_buffer("w_avg", torch.zeros(config.w_dim))

    def forward(
        self,
        z: Tensor | None,
        c: Tensor | None = None,
        truncation_psi: float = 1.0,
        truncation_cutoff: int | None = None,
        update_emas: bool = False,
    ) -> Tensor:
        """z [N, z_dim] and one-hot c [N, c_dim] → ws [N, num_ws, w_dim].

        truncation_psi pulls the first `truncation_cutoff` layers (None: all) towards w_avg
        (Karras et al. 2019, appendix B). Computes in the dtype of the weights.
        """
        assert z is not None
        x = z.to(self.w_avg)
        if self.c_dim:
            assert c is not None
            x = torch.cat([x, self.embed(c.to(self.w_avg))], dim=1)
        x = normalize_second_moment(x)
        for i in range(self.num_layers):
            x = getattr(self, f"fc{i}")(x)
        if update_emas:
            move_average(self.w_avg, x, self.w_avg_beta)
        return broadcast_truncated(x, self.w_avg, self.num_ws, truncation_psi, truncation_cutoff)


def adain(x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """Each channel of each image with mean `shift` and standard deviation `scale`
    (adaptive instance normalisation, Karras et al. 2019, eq. 1).

    x: [N, C, H, W]; scale, shift: [N, C].
    """
    x = x - x.mean(dim=(2, 3), keepdim=True)
    x = x * (x.square().mean(dim=(2, 3), keepdim=True) + EPSILON).rsqrt()
    return x * scale[:, :, None, None] + shift[:, :, None, None]


def doubled_convolution(x: Tensor, weight: Tensor) -> Tensor:
    """Every sample repeated to 2x2, then a 3x3 convolution with one zero around.

    x: [N, in, H, W], weight: [out, in, 3, 3] → [N, out, 2H, 2W]. Computed as one transposed
    convolution with stride 2, whose 4x4 kernel is the sum of the turned weight moved by 0 or 1
    along each axis: 16 products for each sample where the two steps take 36.
    """
    wide = F.pad(weight.flip(2, 3), (1, 1, 1, 1))
    kernel = wide[:, :, 1:, 1:] + wide[:, :, :-1, 1:] + wide[:, :, 1:, :-1] + wide[:, :, :-1, :-1]
    return F.conv_transpose2d(x, kernel.transpose(0, 1), stride=2, padding=1)


class SynthesisLayer(nn.Module):
    """Convolution, noise, bias, leaky ReLU, AdaIN. The very first has no convolution."""

    resample_filter: Tensor
    noise_const: Tensor

    def __init__(
        self, config: StyleGAN1Config, inner: int, out: int, resolution: int, *, up: bool
    ) -> None:
        super().__init__()
        self.up, self.has_convolution = up, inner > 0
        if inner:
            self.weight_gain = math.sqrt(2 / (9 * inner))
            self.weight = nn.Parameter(torch.randn(out, inner, 3, 3))
        if up:  # fixed by the family, so that no file has to say it
            self.register_buffer("resample_filter", setup_filter(BLUR), persistent=False)
        self.bias = nn.Parameter(torch.zeros(out))
        self.register_buffer("noise_const", torch.randn(resolution, resolution))
        self.noise_strength = nn.Parameter(torch.zeros(out))
        # Scales, then shifts. A scale is kept as what it is more than 1.
        self.affine = EqualizedLinear(config.w_dim, 2 * out, gain=1.0, rate=1.0, slope=1.0)

    def forward(self, x: Tensor, w: Tensor, noise: Noise) -> Tensor:
        """x: [N, in, H, W], w: [N, w_dim] → [N, out, R, R]."""
        if self.has_convolution:
            weight = self.weight * self.weight_gain
            if self.up:
                x = filter2d(doubled_convolution(x, weight), self.resample_filter)
            else:
                x = conv2d_resample(x, weight)
        if noise.mode != "none":
            field = self.noise_const
            if noise.mode == "random":
                field = noise.draw((x.shape[0], 1, *x.shape[2:]), x)
            x = x + field * self.noise_strength[:, None, None]
        x = F.leaky_relu(x + self.bias[:, None, None], SLOPE)
        scale, shift = self.affine(w).chunk(2, dim=1)
        return adain(x, scale + 1, shift)


class ToRGBLayer(nn.Module):
    """1x1 convolution to the image, which no style touches."""

    def __init__(self, config: StyleGAN1Config, inner: int) -> None:
        super().__init__()
        self.weight_gain = 1 / math.sqrt(inner)
        self.weight = nn.Parameter(torch.randn(config.img_channels, inner, 1, 1))
        self.bias = nn.Parameter(torch.zeros(config.img_channels))

    def forward(self, x: Tensor) -> Tensor:
        """x: [N, in, R, R] → [N, img_channels, R, R]."""
        return F.conv2d(x, self.weight * self.weight_gain, self.bias)


class SynthesisBlock(nn.Module):
    """One resolution: two layers, the first of which doubles the side or, at 4 pixels, takes
    the learned constant; ToRGB where the image is made.
    """

    def __init__(
        self, config: StyleGAN1Config, inner: int, out: int, resolution: int, *, rgb: bool
    ) -> None:
        super().__init__()
        if not inner:
            self.const = nn.Parameter(torch.ones(out, resolution, resolution))
        self.layer0 = SynthesisLayer(config, inner, out, resolution, up=inner > 0)
        self.layer1 = SynthesisLayer(config, out, out, resolution, up=False)
        if rgb:
            self.torgb = ToRGBLayer(config, out)

    def forward(self, x: Tensor | None, ws: Tensor, noise: Noise) -> Tensor:
        """x: [N, in, R/2, R/2], at 4 pixels None; ws: [N, 2, w_dim] → [N, out, R, R]."""
        if x is None:
            x = self.const.unsqueeze(0).repeat(ws.shape[0], 1, 1, 1)
        x = self.layer0(x, ws[:, 0], noise)
        result: Tensor = self.layer1(x, ws[:, 1], noise)
        return result


class SynthesisNetwork(nn.Module):
    """ws to image through blocks b4, b8, …: two styles for each."""

    recompute = False
    """Without effect: this family is not trained."""

    def __init__(self, config: StyleGAN1Config) -> None:
        super().__init__()
        self.config = config
        self.block_names: list[str] = []
        resolution, inner = 4, 0
        while resolution <= config.img_resolution:
            out = min(config.channel_base // resolution, config.channel_max)
            rgb = makes_image(config, resolution)
            self.add_module(
                f"b{resolution}", SynthesisBlock(config, inner, out, resolution, rgb=rgb)
            )
            self.block_names.append(f"b{resolution}")
            resolution, inner = resolution * 2, out
        self.num_ws = 2 * len(self.block_names)

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
        x: Tensor | None = None
        coarse: Tensor | None = None
        image: Tensor | None = None
        for index, name in enumerate(self.block_names):
            block = getattr(self, name)
            x = block(x, ws[:, 2 * index : 2 * index + 2], noise)
            if hasattr(block, "torgb"):
                coarse, image = image, block.torgb(x)
        assert image is not None
        if coarse is None:
            return image
        # While a resolution fades in, the image before shows through (Karras et al. 2018, fig. 2).
        return image.lerp(F.interpolate(coarse, scale_factor=2, mode="nearest"), self.config.fade)


class StyleGAN1Generator(MappingSynthesisGenerator):
    """z (and a class) to image."""

    config: StyleGAN1Config
    synthesis: SynthesisNetwork
    mapping: MappingNetwork

    def __init__(self, config: StyleGAN1Config) -> None:
        synthesis = SynthesisNetwork(config)
        mapping = MappingNetwork(config, synthesis.num_ws)
        super().__init__(config, synthesis, mapping, synthesis.num_ws)
