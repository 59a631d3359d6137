"""The generators of all families are their mapping and their synthesis, one after the other."""

from __future__ import annotations

import pytest
import torch

from nftgan.errors import UsageError
from nftgan.networks import build_generator
from nftgan.networks.architecture import StyleGAN1Config, StyleGAN2Config, StyleGAN3Config
from nftgan.networks.families import GeneratorConfig
from nftgan.networks.generator import refuse_transform

SMALL = {"z_dim": 8, "w_dim": 8, "c_dim": 2, "channel_base": 256, "channel_max": 8}
CONFIGS = [StyleGAN1Config(16, **SMALL), StyleGAN2Config(16, **SMALL), StyleGAN3Config(16, **SMALL)]


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.kind)
def test_the_image_is_the_synthesis_of_what_the_mapping_gives(config: GeneratorConfig) -> None:
    torch.manual_seed(0)
    G = build_generator(config).eval()
    z, c = torch.randn(2, 8), torch.eye(2)
    with torch.no_grad():
        ws = G.mapping(z, c, 0.7, 3)
        assert ws.shape == (2, G.num_ws, 8)
        assert torch.equal(G(z, c, 0.7, 3), G.synthesis(ws))
        whole = G.mapping(z, c)
    assert torch.equal(ws[:, 3:], whole[:, 3:])  # beyond the cutoff nothing is truncated
    assert torch.allclose(ws[:, :3], 0.7 * whole[:, :3])  # w_avg is still zero
    names = [name.split(".")[0] for name, _ in G.named_parameters()]
    assert names == sorted(names, reverse=True)  # synthesis first: states of optimizers go by it


def test_what_has_no_input_to_move_refuses_a_transform() -> None:
    refuse_transform(None)
    with pytest.raises(UsageError, match="only StyleGAN3"):
        refuse_transform(torch.eye(3))
