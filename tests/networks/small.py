"""Tiny networks that the file tests share."""

from __future__ import annotations

from typing import Any

from nftgan.networks import build_discriminator, build_generator
from nftgan.networks.architecture import (
    DiscriminatorConfig,
    StyleGAN2Config,
    StyleGAN3Config,
    stylegan3_r,
)

TINY: dict[str, Any] = {"z_dim": 4, "w_dim": 4, "channel_base": 64, "channel_max": 4}

T = StyleGAN3Config(16, num_layers=4, **TINY)
T_CLASSES = StyleGAN3Config(16, num_layers=3, num_critical=1, c_dim=3, mapping_layers=1, **TINY)
R = stylegan3_r(32, num_layers=6, **TINY)
SG2 = StyleGAN2Config(16, **TINY)
SG2_CLASSES = StyleGAN2Config(8, c_dim=2, use_noise=False, conv_clamp=None, **TINY)
GENERATORS = {"t": T, "t-classes": T_CLASSES, "r": R, "sg2": SG2, "sg2-classes": SG2_CLASSES}

D = DiscriminatorConfig(16, channel_base=64, channel_max=4)
D_CLASSES = DiscriminatorConfig(8, c_dim=3, channel_base=64, channel_max=4, freeze_layers=2)
D_ORIG = DiscriminatorConfig(16, channel_base=64, channel_max=4, architecture="orig")
DISCRIMINATORS = {"d": D, "d-classes": D_CLASSES, "d-orig": D_ORIG}


def generator(name: str = "t") -> Any:
    return build_generator(GENERATORS[name], seed=1).eval().requires_grad_(False)


def discriminator(name: str = "d") -> Any:
    return build_discriminator(DISCRIMINATORS[name], seed=2).eval().requires_grad_(False)
