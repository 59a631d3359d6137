"""The networks of every family have what training, rendering and metrics ask of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from nftgan.networks import protocols
from nftgan.networks.architecture import (
    DiscriminatorConfig,
    StyleGAN1Config,
    StyleGAN2Config,
    StyleGAN3Config,
)
from nftgan.networks.builders import build_discriminator, build_generator

FEW: Mapping[str, Any] = {"channel_base": 512, "channel_max": 8, "z_dim": 8, "w_dim": 8}


def members(protocol: type) -> set[str]:
    """All that the protocol and those that it extends ask for."""
    bases = [base for base in protocol.__mro__ if base.__module__ == protocols.__name__]
    names = {name for base in bases for name in {*vars(base), *base.__annotations__}}
    return {name for name in names if not name.startswith("_") or name == "__call__"}


@pytest.mark.parametrize(
    "config",
    [
        StyleGAN3Config(16, num_layers=4, **FEW),
        StyleGAN2Config(16, **FEW),
        StyleGAN1Config(16, **FEW),
    ],
)
def test_a_generator_has_what_is_asked_of_it(config: Any) -> None:
    G = build_generator(config, seed=0)
    assert {"mapping", "movable", "num_ws", "state_dict", "__call__"} <= members(
        protocols.Generator
    )
    assert not {name for name in members(protocols.Generator) if not hasattr(G, name)}
    assert G.movable == config.kind.startswith("stylegan3")
    assert G.synthesis.recompute is False


def test_a_discriminator_has_what_is_asked_of_it() -> None:
    D = build_discriminator(DiscriminatorConfig(16, channel_base=512, channel_max=8), seed=0)
    assert not {name for name in members(protocols.Discriminator) if not hasattr(D, name)}
