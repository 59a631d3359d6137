"""Models of every kind whose weights anyone can draw again, with images that are not faint."""

from __future__ import annotations

from typing import Any

import torch

from nftgan.networks import build_generator
from nftgan.networks.architecture import (
    GeneratorConfig,
    StyleGAN2Config,
    StyleGAN3Config,
    stylegan3_r,
)
from nftgan.synthesis.model import Model
from tests.networks.filling import fill

CONTRAST = 0.4  # standard deviation of an image in [-1, 1]


def filled(config: GeneratorConfig) -> Model:
    """The model with the golden data's weights, its last layers scaled to make mid-tones."""
    generator = build_generator(config).eval().requires_grad_(False)
    fill(generator)
    z = torch.randn(4, config.z_dim, generator=torch.Generator().manual_seed(1))
    c = torch.eye(config.c_dim)[[0] * 4] if config.c_dim else None
    for _ in range(3):  # not linear where the limits bite
        scale = CONTRAST / float(generator(z, c).std())
        for name, tensor in generator.named_parameters():
            last = f"L{getattr(config, 'num_layers', '')}_{config.img_resolution}_"
            if (".torgb." in name or last in name) and ".affine." not in name:
                tensor.mul_(scale)
    return Model(generator)


def kinds(size: int, **changes: Any) -> dict[str, GeneratorConfig]:
    """T, R and StyleGAN2 of `size` pixels with few channels and all else as published."""
    few: dict[str, Any] = {"z_dim": 64, "w_dim": 64, "channel_base": 1024, "channel_max": 32}
    few |= changes
    return {
        "T": StyleGAN3Config(size, **few),
        "R": stylegan3_r(size, **few),
        "StyleGAN2": StyleGAN2Config(size, **few),
    }
