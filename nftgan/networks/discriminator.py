"""Residual discriminator of StyleGAN2, judge of every generator here (Karras et al. 2020)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from nftgan.networks.architecture import DiscriminatorConfig
from nftgan.networks.layers import FullyConnectedLayer, MappingNetwork, checkpointed
from nftgan.ops import bias_act, conv2d_resample, gpu_scales, setup_filter
from nftgan.ops.device import on_gpu
from nftgan.ops.gpu_planes import formatted, takes

BLUR = (1.0, 3.0, 3.0, 1.0)


Scaled = dict[nn.Module, Tensor] | None
"""The weights of convolutions times their gains, where one launch has made them all."""


class ConvLayer(nn.Module):
    """Convolution with run-time weight scaling, optional halving, bias and activation.

    A frozen layer holds its tensors as buffers under the same names (FreezeD, Mo et al. 2020).
    """

    resample_filter: Tensor

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int,
        *,
        bias: bool = True,
        activation: str = "lrelu",
        down: int = 1,
        clamp: float | None = None,
        frozen: bool = False,
    ) -> None:
        super().__init__()
        self.activation, self.down, self.clamp = activation, down, clamp
        self.weight_gain = 1 / math.sqrt(in_channels * kernel**2)
        self.register_buffer("resample_filter", setup_filter(BLUR))
        weight = torch.randn(out_channels, in_channels, kernel, kernel)
        self.bias: Tensor | None
        if frozen:
            self.register_buffer("weight", weight)
            self.register_buffer("bias", torch.zeros(out_channels) if bias else None)
        else:
            self.weight = nn.Parameter(weight)
            self.bias = nn.Parameter(torch.zeros(out_channels)) if bias else None

    def forward(self, x: Tensor, gain: float = 1.0, scaled: Scaled = None) -> Tensor:
        """x: [N, in, H, W] → [N, out, H/down, W/down], scaled by `gain` after the activation."""
        weight = self.weight * self.weight_gain if scaled is None else scaled[self]
        x = conv2d_resample(x, weight.to(x.dtype), self.resample_filter, down=self.down)
        own = math.sqrt(2) if self.activation == "lrelu" else 1.0
        clamp = None if self.clamp is None else self.clamp * gain
        return bias_act(x, self.bias, act=self.activation, gain=own * gain, clamp=clamp)


class Block(nn.Module):
    """Halves the resolution; residual, or a plain chain in the `orig` architecture."""

    resample_filter: Tensor

    def __init__(
        self,
        config: DiscriminatorConfig,
        resolution: int,
        channels: tuple[int, int],
        *,
        first: bool,
        first_index: int,
    ) -> None:
        super().__init__()
        inner, out = channels
        self.first, self.residual = first, config.architecture == "resnet"
        lowest = 2 ** (int(math.log2(config.img_resolution)) + 1 - config.num_fp16_res)
        self.fp16 = config.num_fp16_res > 0 and resolution >= max(lowest, 8)
        index = first_index

        def frozen() -> bool:
            nonlocal index
            index += 1
            return index <= config.freeze_layers

        self.register_buffer("resample_filter", setup_filter(BLUR))
        clamp = config.conv_clamp
        if first:
            self.fromrgb = ConvLayer(config.img_channels, inner, 1, clamp=clamp, frozen=frozen())
        self.conv0 = ConvLayer(inner, inner, 3, clamp=clamp, frozen=frozen())
        self.conv1 = ConvLayer(inner, out, 3, down=2, clamp=clamp, frozen=frozen())
        if self.residual:
            self.skip = ConvLayer(
                inner, out, 1, bias=False, activation="linear", down=2, frozen=frozen()
            )
        self.layers = index - first_index

    def forward(self, x: Tensor, scaled: Scaled = None) -> Tensor:
        """x: [N, in, R, R] (the image in the first block) → [N, out, R/2, R/2]."""
        if self.fp16 and on_gpu(x) and x.dtype != torch.float64:
            x = formatted(x.to(torch.float16))
        else:
            x = x.to(torch.promote_types(x.dtype, torch.float32))
        if self.first:
            x = self.fromrgb(x, scaled=scaled)
        inner = self.conv0(x, scaled=scaled)
        if not self.residual:
            plain: Tensor = self.conv1(inner, scaled=scaled)
            return plain
        y = self.skip(x, gain=math.sqrt(0.5), scaled=scaled)
        result: Tensor = y + self.conv1(inner, gain=math.sqrt(0.5), scaled=scaled)
        return result


def minibatch_std(x: Tensor, group_size: int | None, channels: int) -> Tensor:
    """x with `channels` maps of the standard deviation inside groups (Karras et al. 2018, 3).

    x: [N, C, H, W]; sample n is in group n mod N/G. Returns [N, C + channels, H, W].
    """
    n, c, h, w = x.shape
    group = n if group_size is None else min(group_size, n)
    y = x.reshape(group, n // group, channels, c // channels, h, w)
    y = y - y.mean(dim=0)
    y = (y.square().mean(dim=0) + 1e-8).sqrt().mean(dim=(2, 3, 4))  # [N/G, channels]
    y = y.reshape(-1, channels, 1, 1).repeat(group, 1, h, w)
    return torch.cat([x, y], dim=1)


class Epilogue(nn.Module):
    """4 pixels to one number, or to a vector that is compared with the class."""

    def __init__(self, config: DiscriminatorConfig, channels: int, cmap_dim: int) -> None:
        super().__init__()
        self.group, self.std_channels = config.mbstd_group_size, config.mbstd_num_channels
        self.cmap_dim = cmap_dim
        self.conv = ConvLayer(channels + self.std_channels, channels, 3, clamp=config.conv_clamp)
        self.fc = FullyConnectedLayer(channels * 16, channels, activation="lrelu")
        self.out = FullyConnectedLayer(channels, cmap_dim or 1)

    def forward(self, x: Tensor, cmap: Tensor | None, scaled: Scaled = None) -> Tensor:
        """x: [N, C, 4, 4], cmap: [N, cmap_dim] or None → logits [N, 1]."""
        if self.std_channels > 0:
            x = minibatch_std(x, self.group, self.std_channels)
        x = self.out(self.fc(self.conv(x, scaled=scaled).flatten(1)))
        if cmap is not None:
            x = (x * cmap).sum(dim=1, keepdim=True) / math.sqrt(self.cmap_dim)
        return x


class Discriminator(nn.Module):
    """Image (and class) to a logit; state-dict names are the published ones."""

    recompute = False
    """Keep of each block only its input for the backward pass: less memory, more time."""

    def __init__(self, config: DiscriminatorConfig) -> None:
        super().__init__()
        self.config = config
        self.c_dim, self.img_channels = config.c_dim, config.img_channels
        self.img_resolution = config.img_resolution

        def channels(r: int) -> int:
            return min(config.channel_base // r, config.channel_max)

        self.block_names: list[str] = []
        index, r = 0, config.img_resolution
        while r > 4:
            block = Block(
                config,
                r,
                (channels(r), channels(r // 2)),
                first=r == config.img_resolution,
                first_index=index,
            )
            index += block.layers
            self.add_module(f"b{r}", block)
            self.block_names.append(f"b{r}")
            r //= 2
        width = config.cmap_dim if config.cmap_dim is not None else channels(4)
        cmap_dim = width if config.c_dim > 0 else 0
        if cmap_dim > 0:
            self.mapping = MappingNetwork(
                z_dim=0,
                c_dim=config.c_dim,
                w_dim=cmap_dim,
                num_ws=None,
                num_layers=config.mapping_layers,
            )
        self.b4 = Epilogue(config, channels(4), cmap_dim)

    def forward(self, img: Tensor, c: Tensor | None = None, update_emas: bool = False) -> Tensor:
        """img: [N, C, R, R] about [-1, 1], c: one-hot [N, c_dim] or None → logits [N, 1].

        N must be a multiple of the minibatch-std group, or below it.
        """
        x, scaled = img, self._scaled(img)
        for name in self.block_names:
            x = checkpointed(getattr(self, name), x, scaled, enabled=self.recompute)
        x = x.to(torch.promote_types(x.dtype, torch.float32))
        cmap = self.mapping(None, c) if self.c_dim > 0 else None
        result: Tensor = self.b4(x, cmap, scaled)
        return result

    def _scaled(self, img: Tensor) -> Scaled:
        if not takes(img):
            return None
        layers = [one for one in self.modules() if isinstance(one, ConvLayer)]
        gains = [one.weight_gain for one in layers]
        made = gpu_scales.scaled_all([one.weight for one in layers], gains)
        return dict(zip(layers, made, strict=True))
