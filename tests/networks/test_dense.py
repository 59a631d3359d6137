"""Generators with shared weights between scales, as on a GPU, are those with each sample's own."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from nftgan.networks import build_generator, stylegan2, stylegan3
from nftgan.networks.architecture import GeneratorConfig, StyleGAN2Config, StyleGAN3Config

SMALL: dict[str, Any] = {
    "img_resolution": 16,
    "channel_base": 64,
    "channel_max": 8,
    "z_dim": 8,
    "w_dim": 8,
}
CONFIGS: dict[str, GeneratorConfig] = {
    "stylegan3-t": StyleGAN3Config(**SMALL, num_layers=4, margin_size=2),
    "stylegan3-r": StyleGAN3Config(
        **SMALL,
        kind="stylegan3-r",
        num_layers=4,
        margin_size=2,
        conv_kernel=1,
        use_radial_filters=True,
    ),
    "stylegan2": StyleGAN2Config(**SMALL),
}


def results(kind: str, *, recompute: bool = False) -> tuple[list[Tensor], dict[str, Tensor]]:
    """Images, gradients of latents and of all parameters, those of the path length penalty; and
    the running averages after."""
    G = build_generator(CONFIGS[kind], seed=1).double()
    with torch.no_grad():
        for name, parameter in G.named_parameters():
            if name.endswith("noise_strength"):
                parameter.fill_(0.3)
    G.synthesis.recompute = recompute
    random = torch.Generator().manual_seed(0)
    z = torch.randn(3, 8, generator=random, dtype=torch.float64)
    ws = G.mapping(z, update_emas=True)
    images = G.synthesis(ws, update_emas=True)
    v = torch.randn(images.shape, generator=random, dtype=torch.float64)
    parameters = list(G.synthesis.parameters())
    (path,) = torch.autograd.grad((images * v).sum(), ws, create_graph=True)
    penalty = path.square().sum()
    first = torch.autograd.grad((images * v).sum(), parameters, retain_graph=True)
    second = torch.autograd.grad(penalty, parameters, allow_unused=True)
    found = [images, path, *first, *(g for g in second if g is not None)]
    return found, {name: value.clone() for name, value in G.named_buffers()}


@pytest.mark.parametrize("recompute", [False, True])
@pytest.mark.parametrize("kind", CONFIGS)
def test_images_gradients_penalties_and_averages_are_the_same(
    kind: str, recompute: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected, averages = results(kind)
    asked = []

    def dense(x: Tensor) -> bool:
        asked.append(x.shape)
        return True

    monkeypatch.setattr(stylegan2, "dense", dense)
    monkeypatch.setattr(stylegan3, "dense", dense)
    found, moved = results(kind, recompute=recompute)
    assert asked
    for mine, exact in zip(found, expected, strict=True):
        torch.testing.assert_close(
            mine, exact, rtol=2e-6, atol=1e-9 * float(exact.detach().abs().max())
        )
    for name, value in averages.items():
        torch.testing.assert_close(moved[name], value, rtol=1e-9, atol=1e-12)
