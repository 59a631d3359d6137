"""The core's own families of generators, as a plugin would give them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nftgan.networks.architecture import StyleGAN1Config, StyleGAN2Config, StyleGAN3Config
from nftgan.networks.cost import stylegan1_costs, stylegan2_costs, stylegan3_costs
from nftgan.networks.families import Family, TrainingRules
from nftgan.networks.shapes import stylegan1_shapes, stylegan2_shapes, stylegan3_shapes

if TYPE_CHECKING:
    from nftgan.networks.protocols import Generator


def _stylegan3(config: StyleGAN3Config) -> Generator:
    from nftgan.networks.stylegan3 import StyleGAN3Generator

    return StyleGAN3Generator(config)


def _stylegan2(config: StyleGAN2Config) -> Generator:
    from nftgan.networks.stylegan2 import StyleGAN2Generator

    return StyleGAN2Generator(config)


def _stylegan1(config: StyleGAN1Config) -> Generator:
    from nftgan.networks.stylegan1 import StyleGAN1Generator

    return StyleGAN1Generator(config)


def _num_ws3(config: StyleGAN3Config) -> int:
    return config.num_layers + 2


def _num_ws2(config: StyleGAN1Config | StyleGAN2Config) -> int:
    return 2 * config.img_resolution.bit_length() - 4


STYLEGAN3_T = Family(StyleGAN3Config, _stylegan3, stylegan3_shapes, _num_ws3, stylegan3_costs)
STYLEGAN3_R = Family(
    StyleGAN3Config,
    _stylegan3,
    stylegan3_shapes,
    _num_ws3,
    stylegan3_costs,
    TrainingRules(blurred=True),
)
STYLEGAN2 = Family(
    StyleGAN2Config,
    _stylegan2,
    stylegan2_shapes,
    _num_ws2,
    stylegan2_costs,
    TrainingRules(gamma=0.0002, glr=0.002, mapping_layers=8, style_mixing=0.9, pl_weight=2.0),
)
STYLEGAN1 = Family(StyleGAN1Config, _stylegan1, stylegan1_shapes, _num_ws2, stylegan1_costs, None)
