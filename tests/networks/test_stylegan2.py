"""StyleGAN2's generator: noise, sizes, batch independence, derivatives of any order."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from nftgan.errors import UsageError
from nftgan.networks import build_generator
from nftgan.networks.architecture import StyleGAN2Config

SMALL: dict[str, Any] = {
    "channel_base": 128,
    "channel_max": 8,
    "z_dim": 8,
    "w_dim": 8,
    "mapping_layers": 2,
}


def generator(**options: Any) -> Any:
    G = build_generator(StyleGAN2Config(16, **{**SMALL, **options}), seed=0)
    for name, parameter in G.named_parameters():
        if name.endswith("noise_strength"):
            parameter.data.fill_(0.3)
    return G.requires_grad_(False)


def latents(count: int) -> torch.Tensor:
    return torch.from_numpy(np.random.RandomState(0).randn(count, 8))


def test_constant_noise_repeats_random_noise_does_not_and_none_is_neither() -> None:
    G, z = generator(), latents(2)
    const, none, random = (G(z, noise_mode=mode) for mode in ("const", "none", "random"))
    assert torch.equal(const, G(z))
    assert torch.equal(none, G(z, noise_mode="none"))
    assert not torch.equal(random, G(z, noise_mode="random"))
    assert not torch.equal(const, none)


def test_random_noise_comes_from_the_given_generator() -> None:
    G, z = generator(), latents(2)

    def image(seed: int) -> torch.Tensor:
        return G(z, noise_mode="random", generator=torch.Generator().manual_seed(seed))

    state = torch.get_rng_state()
    assert torch.equal(image(1), image(1))
    assert not torch.equal(image(1), image(2))
    assert torch.equal(torch.get_rng_state(), state)


def test_an_unknown_noise_mode_is_refused() -> None:
    with pytest.raises(UsageError, match="unknown noise mode 'loud'"):
        generator()(latents(1), noise_mode="loud")


def test_without_noise_inputs_there_are_no_noise_tensors() -> None:
    assert not [name for name in generator(use_noise=False).state_dict() if "noise" in name]


@pytest.mark.parametrize("resolution", [4, 8, 32])
@pytest.mark.parametrize("channels", [1, 3])
def test_images_have_the_size_that_was_asked_for(resolution: int, channels: int) -> None:
    config = StyleGAN2Config(resolution, img_channels=channels, **SMALL)
    G = build_generator(config, seed=0).requires_grad_(False)
    assert G.num_ws == 2 * int(np.log2(resolution)) - 2
    assert G(latents(2)).shape == (2, channels, resolution, resolution)


def test_a_seed_gives_the_same_pixels_alone_and_in_a_batch_of_sixteen() -> None:
    G = generator()
    together = G(latents(16))
    alone = torch.cat([G(latents(16)[i : i + 1]) for i in range(16)])
    assert float((together - alone).abs().max()) < 5e-6
    levels = [(x * 127.5 + 128).clamp(0, 255).to(torch.uint8) for x in (together, alone)]
    assert torch.equal(*levels)


def test_the_path_length_can_be_differentiated() -> None:
    """Against finite differences in float64: the penalty needs second derivatives."""
    G = generator().double()
    ws = G.mapping(latents(1)).requires_grad_()
    y = torch.from_numpy(np.random.RandomState(1).randn(1, 3, 16, 16)) / 16

    def length(ws: torch.Tensor) -> torch.Tensor:
        image = G.synthesis(ws)
        (slope,) = torch.autograd.grad((image * y).sum(), ws, create_graph=True)
        return slope.square().sum(2).mean(1).sqrt().sum()

    (gradient,) = torch.autograd.grad(length(ws), ws)
    direction = torch.from_numpy(np.random.RandomState(2).randn(*ws.shape))
    step = 1e-6 * direction
    above, below = length(ws + step).detach(), length(ws - step).detach()
    numeric = float((above - below) / 2e-6)
    assert float((gradient * direction).sum()) == pytest.approx(numeric, rel=1e-4, abs=1e-7)
