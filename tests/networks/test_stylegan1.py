"""The original StyleGAN's generator, held to what its paper says of it."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from nftgan.errors import UsageError
from nftgan.networks.architecture import StyleGAN1Config
from nftgan.networks.builders import build_generator
from nftgan.networks.stylegan1 import BLUR, adain, doubled_convolution
from nftgan.ops import filter2d, setup_filter

SMALL = StyleGAN1Config(
    16, z_dim=6, w_dim=5, c_dim=2, mapping_layers=2, channel_base=64, channel_max=6, fade=0.3
)


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def small(config: StyleGAN1Config = SMALL) -> Any:
    """In float64, all parameters, the mean of w too, other than they begin."""
    G = build_generator(config, seed=3).double().eval().requires_grad_(False)
    for number, (name, tensor) in enumerate(G.state_dict().items()):
        if not name.endswith("weight"):
            tensor.copy_(drawn(*tensor.shape, seed=number) * 0.5)
    return G


def test_each_channel_gets_the_mean_and_the_deviation_of_its_style() -> None:
    """Karras et al. 2019, equation 1."""
    x, scale, shift = drawn(3, 4, 8, 8) * 5 + 2, drawn(3, 4, seed=1), drawn(3, 4, seed=2)
    y = adain(x, scale, shift)
    assert torch.allclose(y.mean(dim=(2, 3)), shift, atol=1e-12)
    assert torch.allclose(y.std(dim=(2, 3), correction=0), scale.abs(), rtol=1e-8)
    assert torch.allclose(adain(7 * x - 3, scale, shift), y, atol=1e-8)


def test_one_transposed_convolution_is_doubling_and_a_convolution() -> None:
    for size in (1, 4, 7):
        x, weight = drawn(2, 3, size, size), drawn(5, 3, 3, 3, seed=1)
        steps = F.conv2d(F.interpolate(x, scale_factor=2, mode="nearest"), weight, padding=1)
        assert torch.allclose(doubled_convolution(x, weight), steps, atol=1e-13)


def test_the_blur_keeps_the_sum_and_what_is_flat() -> None:
    x = torch.zeros(1, 1, 9, 9, dtype=torch.float64)
    x[0, 0, 3:6, 3:6] = drawn(3, 3)
    f = setup_filter(BLUR).double()
    assert torch.allclose(filter2d(x, f).sum(), x.sum(), atol=1e-14)
    assert torch.allclose(filter2d(torch.ones_like(x), f)[..., 1:-1, 1:-1], x.new_ones(7, 7))
    steps = torch.arange(9, dtype=torch.float64).expand(1, 1, 9, 9)
    assert torch.allclose(filter2d(steps, f)[..., 1:-1, 1:-1], steps[..., 1:-1, 1:-1])


def test_truncation_at_zero_is_one_image_for_all() -> None:
    G = small()
    c = torch.eye(2, dtype=torch.float64)
    mean = G.synthesis(G.mapping.w_avg.expand(1, G.num_ws, -1))
    assert torch.allclose(G(drawn(2, 6), c, truncation_psi=0), mean.expand(2, -1, -1, -1))
    ws, full = G.mapping(drawn(2, 6), c, 0.0, 2), G.mapping(drawn(2, 6), c)
    assert torch.equal(ws[:, 2:], full[:, 2:]) and (ws[:, :2] == G.mapping.w_avg).all()


def test_noise_is_constant_drawn_or_none() -> None:
    G = small()
    ws = G.mapping(drawn(2, 6), torch.eye(2, dtype=torch.float64))

    def image(mode: str, seed: int = 0) -> torch.Tensor:
        source = torch.Generator().manual_seed(seed)
        result: torch.Tensor = G.synthesis(ws, noise_mode=mode, generator=source)
        return result

    assert torch.equal(image("const"), G.synthesis(ws))
    assert torch.equal(image("random"), image("random"))
    assert not torch.equal(image("random"), image("random", seed=1))
    for layer in (one for one in G.synthesis.modules() if hasattr(one, "noise_const")):
        layer.noise_const.zero_()
    assert torch.allclose(image("const"), image("none"))
    with pytest.raises(UsageError, match="unknown noise mode 'loud'"):
        image("loud")


def test_each_layer_has_its_own_style() -> None:
    """Karras et al. 2019, section 3.1: what comes after another style leaves what was before."""
    G = small()
    ws = G.mapping(drawn(2, 6), torch.eye(2, dtype=torch.float64))
    images = [G.synthesis(torch.cat([ws[:1, :k], ws[1:, k:]], dim=1)) for k in range(G.num_ws + 1)]
    assert G.num_ws == 6 and torch.allclose(images[0], G.synthesis(ws[1:]))
    for before, after in itertools.pairwise(images):
        assert not torch.allclose(before, after)


def test_only_the_last_resolutions_make_the_image_and_it_cannot_be_moved() -> None:
    assert [n for n, _ in small().named_parameters() if "torgb.bias" in n] == [
        "synthesis.b8.torgb.bias",
        "synthesis.b16.torgb.bias",
    ]
    G = small(StyleGAN1Config(8, z_dim=6, w_dim=5, channel_base=64, channel_max=6))
    assert [n for n, _ in G.named_parameters() if "torgb.bias" in n] == ["synthesis.b8.torgb.bias"]
    with pytest.raises(UsageError, match="only StyleGAN3"):
        G(drawn(1, 6), transform=torch.eye(3))


def test_the_mean_of_w_moves_towards_the_batch_when_asked() -> None:
    G = small()
    before, c = G.mapping.w_avg.clone(), torch.eye(2, dtype=torch.float64)
    ws = G.mapping(drawn(2, 6), c, update_emas=True)
    expected = 0.995 * before + 0.005 * ws[:, 0].mean(dim=0)
    assert np.allclose(G.mapping.w_avg, expected)
