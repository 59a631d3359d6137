"""StyleGAN3: schedule, equivariance, moving averages, batch independence."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from nftgan.networks import build_generator
from nftgan.networks.architecture import StyleGAN3Config, stylegan3_r
from nftgan.networks.stylegan3 import plan_layers

SMALL: dict[str, Any] = {"channel_base": 512, "channel_max": 16, "z_dim": 16, "w_dim": 16}

# The published 256-pixel table (Karras et al. 2021, figure 4c and the published defaults).
SIZES_256 = [36, 36, 36, 52, 52, 84, 84, 148, 148, 148, 276, 276, 276, 256, 256]
CHANNELS_256 = [512] * 9 + [362, 256, 181, 128, 128, 3]


def pixels(images: torch.Tensor) -> np.ndarray:
    return (images * 127.5 + 128).clamp(0, 255).to(torch.uint8).numpy()


def latents(count: int) -> torch.Tensor:
    return torch.from_numpy(np.random.RandomState(0).randn(count, 16))


def test_the_schedule_at_256_pixels_is_the_published_one() -> None:
    plans = plan_layers(StyleGAN3Config(256))
    assert [p.size for p in plans] == SIZES_256
    assert [p.channels for p in plans] == CHANNELS_256
    assert [p.rate for p in plans] == [16] * 3 + [32] * 2 + [64] * 2 + [128] * 3 + [256] * 5
    assert [p.critical for p in plans] == [False] * 12 + [True] * 3


@pytest.mark.parametrize(
    ("config", "parameters"),
    [
        (StyleGAN3Config(1024), 22_313_167),
        (StyleGAN3Config(512), 24_873_519),
        (StyleGAN3Config(256), 28_472_133),
        (StyleGAN3Config(256, channel_base=16384), 23_320_443),
        (stylegan3_r(1024), 15_093_151),
        (stylegan3_r(256, channel_base=32768), 15_779_565),
    ],
)
def test_the_published_sizes_have_the_published_number_of_parameters(
    config: StyleGAN3Config, parameters: int
) -> None:
    with torch.device("meta"):
        plans = plan_layers(config)
    k, w = config.conv_kernel, config.w_dim
    count = config.mapping_layers * (w * w + w)
    count += plans[0].channels ** 2 + 4 * w + 4
    for i, after in enumerate(plans):
        inner = plans[max(i - 1, 0)].channels
        kernel = 1 if i == config.num_layers else k
        count += after.channels * inner * kernel**2 + after.channels + inner * w + inner
    assert count == parameters


@pytest.mark.parametrize("resolution", [16, 32, 64])
@pytest.mark.parametrize("layers", [4, 6])
@pytest.mark.parametrize("margin", [0, 4, 10])
def test_small_networks_make_images_of_their_size(
    resolution: int, layers: int, margin: int
) -> None:
    for make in (StyleGAN3Config, stylegan3_r):
        options = {**SMALL, "num_layers": layers, "margin_size": margin}
        G = build_generator(make(resolution, **options), seed=0).requires_grad_(False)
        assert G(latents(2)).shape == (2, 3, resolution, resolution)


def test_a_seed_gives_the_same_pixels_alone_and_in_a_batch_of_sixteen() -> None:
    """Float32 sums round differently by batch (5e-6), float64 ones by 1e-13: no pixel moves."""
    G = build_generator(StyleGAN3Config(32, num_layers=6, **SMALL), seed=0)
    G = G.eval().requires_grad_(False)
    for dtype, limit, level in ((torch.float32, 5e-6, 1), (torch.float64, 1e-12, 0)):
        G = G.to(dtype)
        together = G(latents(16))
        alone = torch.cat([G(latents(16)[i : i + 1]) for i in range(16)])
        assert float((together - alone).abs().max()) < limit
        apart = pixels(together).astype(int) - pixels(alone).astype(int)
        assert np.abs(apart).max() <= level


def test_moving_averages_move_only_when_asked() -> None:
    G = build_generator(StyleGAN3Config(16, num_layers=4, **SMALL), seed=0).requires_grad_(False)
    before = {k: v.clone() for k, v in G.state_dict().items()}
    G(latents(4))
    assert all(torch.equal(v, before[k]) for k, v in G.state_dict().items())
    ws = G.mapping(latents(4))
    G(latents(4), update_emas=True)
    moved = {k for k, v in G.state_dict().items() if not torch.equal(v, before[k])}
    assert moved == {k for k in before if k.endswith(("w_avg", "magnitude_ema"))}
    torch.testing.assert_close(G.mapping.w_avg, 0.002 * ws[:, 0].mean(dim=0))
    first = getattr(G.synthesis, G.synthesis.layer_names[0])
    magnitude = G.synthesis.input(ws[:, 0]).square().mean()
    torch.testing.assert_close(first.magnitude_ema, 0.999 + 0.001 * magnitude)


def test_truncation_ends_at_the_average_and_obeys_its_cutoff() -> None:
    G = build_generator(StyleGAN3Config(16, num_layers=4, **SMALL), seed=0).requires_grad_(False)
    G.mapping.w_avg.normal_()
    plain = G.mapping(latents(3))
    flat = G.mapping(latents(3), truncation_psi=0, truncation_cutoff=2)
    torch.testing.assert_close(flat[:, :2], G.mapping.w_avg.expand(3, 2, -1))
    assert torch.equal(flat[:, 2:], plain[:, 2:])
    half = G.mapping(latents(3), truncation_psi=0.5)
    torch.testing.assert_close(half, (plain + G.mapping.w_avg) / 2)


def test_a_quarter_turn_of_the_input_turns_the_image() -> None:
    """With radial filters and 1x1 convolutions a quarter turn is exact but for rounding."""
    config = stylegan3_r(32, num_layers=6, num_critical=0, **SMALL)
    G = build_generator(config, seed=0).eval().double().requires_grad_(False)
    upright = G(latents(1))
    angle = math.pi / 2
    G.synthesis.input.transform[:2, :2] = torch.tensor(
        [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]
    )
    turned = G(latents(1))
    straight_back = min(
        float((torch.rot90(turned, k, (2, 3)) - upright).abs().max()) for k in (1, 3)
    )
    assert float((turned - upright).abs().max()) > 0.1 * float(upright.abs().max())
    assert straight_back < 1e-3 * float(upright.abs().max())
