"""A grown network does at first what its parent did; other sizes keep what fits."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import pytest
import torch

from nftgan.networks import build_discriminator, build_generator
from nftgan.networks.architecture import DiscriminatorConfig, StyleGAN2Config, StyleGAN3Config
from nftgan.networks.growing import inherited
from nftgan.ops import downsample2d, setup_filter, upsample2d

G = StyleGAN2Config(16, z_dim=4, w_dim=4, channel_base=512, channel_max=12, mapping_layers=2)
D = DiscriminatorConfig(16, channel_base=512, channel_max=12)
BLUR = setup_filter((1.0, 3.0, 3.0, 1.0))


def lived(network: Any) -> Any:
    """As after some training: no tensor has the value that it began with."""
    torch.manual_seed(7)
    for tensor in network.state_dict().values():
        if tensor.dtype.is_floating_point and tensor.shape != (4, 4):  # not a blur
            tensor.add_(0.3 * torch.randn(tensor.shape))
    return network.eval().requires_grad_(False)


def heir(parent: Any, config: Any) -> tuple[Any, Any]:
    """A network of `config` that begins with what it inherits, and what that is."""
    build = build_discriminator if isinstance(config, DiscriminatorConfig) else build_generator
    fresh = build(config, seed=5).eval().requires_grad_(False)
    found = inherited(parent, fresh)
    for name, value in (found.kept | found.made).items():
        fresh.state_dict()[name].copy_(value)
    return fresh, found


@pytest.mark.parametrize("times", [2, 4])
def test_a_grown_stylegan2_draws_its_parents_images_upsampled(times: int) -> None:
    parent = lived(build_generator(G, seed=1))
    grown, found = heir(parent, dataclasses.replace(G, img_resolution=16 * times))
    assert all(name in found.kept for name in parent.state_dict() if not name.endswith("_filter"))
    assert not found.misshapen
    z = torch.randn(3, 4, generator=torch.Generator().manual_seed(0))
    for look in ({}, {"truncation_psi": 0.5}):
        wanted = parent(z, **look)
        for _ in range(times // 2):
            wanted = upsample2d(wanted, BLUR)
        torch.testing.assert_close(grown(z, **look), wanted, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("architecture", ["resnet", "orig"])
@pytest.mark.parametrize("times", [2, 4])
def test_a_grown_discriminator_judges_the_halved_image_as_its_parent_did(
    times: int, architecture: str
) -> None:
    config = dataclasses.replace(D, architecture=architecture)
    parent = lived(build_discriminator(config, seed=1))
    grown, found = heir(parent, dataclasses.replace(config, img_resolution=16 * times))
    images = torch.randn(4, 3, 16 * times, 16 * times, generator=torch.Generator().manual_seed(0))
    halved = images
    for _ in range(times // 2):
        halved = downsample2d(halved, BLUR)
    torch.testing.assert_close(grown(images), parent(halved), atol=1e-4, rtol=1e-4)
    assert not found.misshapen


def test_every_new_part_of_a_grown_network_learns_from_the_second_step() -> None:
    """Zeros hold nothing back: a step moves ToRGB and what reads the new channels, then all."""
    parents = lived(build_generator(G, seed=1)), lived(build_discriminator(D, seed=1))
    sizes = [dataclasses.replace(config, img_resolution=32) for config in (G, D)]
    g, d = (heir(p, c)[0].train().requires_grad_(True) for p, c in zip(parents, sizes, strict=True))
    z = torch.randn(4, 4, generator=torch.Generator().manual_seed(0))
    for _ in range(2):
        for network in (g, d):
            for parameter in network.parameters():
                parameter.grad = None
        d(g(z)).square().sum().backward()
        moved = [(p, p.grad) for network in (g, d) for p in network.parameters()]
        with torch.no_grad():
            for parameter, grad in moved:
                if grad is not None:
                    parameter.sub_(1e-3 * grad.sign())
    for block in (g.synthesis.b32, d.b32):
        for name, parameter in block.named_parameters():
            if not name.endswith("noise_strength"):
                assert parameter.grad.abs().max() > 0, name


def test_a_discriminator_too_narrow_to_hand_on_the_image_keeps_its_coarse_blocks() -> None:
    narrow = dataclasses.replace(D, channel_base=128)  # 4 channels at 32 pixels
    parent = lived(build_discriminator(narrow, seed=1))
    _, found = heir(parent, dataclasses.replace(narrow, img_resolution=32))
    assert not found.made
    assert {"b16.conv0.weight", "b8.skip.weight", "b4.out.bias"} <= found.kept.keys()


def test_a_shrunk_network_keeps_its_coarse_blocks_and_draws_with_them() -> None:
    parent = lived(build_generator(dataclasses.replace(G, img_resolution=32), seed=1))
    shrunk, found = heir(parent, G)
    assert found.made == {} and not found.misshapen
    assert set(found.kept) | found.designed == set(shrunk.state_dict())
    z = torch.randn(3, 4, generator=torch.Generator().manual_seed(0))
    for part in (parent.synthesis.b32.torgb, parent.synthesis.b32.conv0):
        part.weight.zero_(), part.bias.zero_()
    whole = parent(z)  # the parent without its finest block is the smaller image, enlarged
    torch.testing.assert_close(whole, upsample2d(shrunk(z), BLUR), atol=1e-5, rtol=1e-5)


def test_a_stylegan3_of_another_size_keeps_layers_of_its_place_and_shape_not_filters() -> None:
    config = StyleGAN3Config(16, z_dim=4, w_dim=4, num_layers=4, channel_base=64, channel_max=6)
    parent = lived(build_generator(config, seed=1))
    larger, found = heir(parent, dataclasses.replace(config, img_resolution=32))
    assert "synthesis.input.freqs" in found.kept and "mapping.w_avg" in found.kept
    (name,) = (one for one in found.kept if re.fullmatch(r"synthesis\.L1_\d+_\d+\.weight", one))
    (same,) = (one for one in parent.state_dict() if re.match(r"synthesis\.L1_\d+_\d+\.wei", one))
    assert name != same
    assert torch.equal(larger.state_dict()[name], parent.state_dict()[same])
    assert found.designed and found.misshapen
    assert all(name.endswith("_filter") for name in found.designed)
    assert torch.isfinite(larger(torch.zeros(1, 4))).all()


def test_without_a_parent_nothing_is_inherited() -> None:
    found = inherited(None, build_discriminator(D, seed=1))
    assert not found.kept and not found.made
