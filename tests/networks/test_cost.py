"""What an image costs, told from the config alone: it grows as the work does."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nftgan.networks.architecture import (
    StyleGAN1Config,
    StyleGAN2Config,
    StyleGAN3Config,
    stylegan3_r,
)
from nftgan.networks.builders import build_generator
from nftgan.networks.cost import render_cost
from nftgan.networks.families import GeneratorConfig

SMALL = StyleGAN2Config(16, z_dim=8, w_dim=8, mapping_layers=1, channel_base=128, channel_max=8)
CONFIGS: tuple[GeneratorConfig, ...] = (
    SMALL,
    StyleGAN3Config(16, z_dim=8, w_dim=8, mapping_layers=1, channel_base=128, channel_max=8),
    StyleGAN1Config(16, z_dim=8, w_dim=8, mapping_layers=1, channel_base=128, channel_max=8),
)


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.kind)
def test_the_numbers_are_those_of_the_network(config: GeneratorConfig) -> None:
    found = build_generator(config).state_dict().values()
    assert render_cost(config).numbers == sum(one.numel() for one in found)


@pytest.mark.parametrize(
    "config",
    [StyleGAN1Config(256), StyleGAN2Config(256), StyleGAN3Config(256), stylegan3_r(256)],
    ids=lambda c: c.kind,
)
def test_a_larger_image_or_more_channels_cost_more(config: GeneratorConfig) -> None:
    cost = render_cost(config)
    for larger in (
        replace(config, img_resolution=512),
        replace(config, channel_base=2 * config.channel_base, channel_max=2 * config.channel_max),
    ):
        more = render_cost(larger)
        assert more.multiply_adds > 1.2 * cost.multiply_adds
        assert more.peak_bytes > cost.peak_bytes and more.seconds > cost.seconds


def test_a_bomb_of_a_few_kilobytes_is_told_from_a_model() -> None:
    bomb = replace(SMALL, img_resolution=4096, channel_base=1 << 14)
    assert render_cost(bomb).seconds > 100 * render_cost(SMALL).seconds
    assert render_cost(bomb).peak_bytes > 1 << 30
