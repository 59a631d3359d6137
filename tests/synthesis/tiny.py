"""Tiny random models that paint visible images in milliseconds."""

from __future__ import annotations

from typing import Any

from nftgan.networks import build_discriminator, build_generator
from nftgan.networks.architecture import DiscriminatorConfig, StyleGAN2Config, StyleGAN3Config
from nftgan.synthesis.model import Model

SMALL: dict[str, Any] = {"z_dim": 16, "w_dim": 16, "channel_base": 128, "channel_max": 8}


def stylegan3(resolution: int = 16, **changes: Any) -> Model:
    # A random network's output is faint; a larger output scale makes images of it.
    values = {**SMALL, "num_layers": 6, "output_scale": 8.0, **changes}
    generator = build_generator(StyleGAN3Config(img_resolution=resolution, **values), seed=3)
    discriminator = build_discriminator(
        DiscriminatorConfig(
            img_resolution=resolution,
            channel_base=128,
            channel_max=8,
            c_dim=values.get("c_dim", 0),
            img_channels=values.get("img_channels", 3),
        ),
        seed=4,
    )
    return Model(generator, discriminator)


def stylegan2(resolution: int = 16, **changes: Any) -> Model:
    values = {**SMALL, **changes}
    return Model(build_generator(StyleGAN2Config(img_resolution=resolution, **values), seed=3))
