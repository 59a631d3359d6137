"""Layers in parts of their channels give what whole ones give."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from nftgan.networks import build_generator, stylegan3
from nftgan.networks.architecture import StyleGAN3Config
from nftgan.ops import parts as subject
from nftgan.ops.modulation import grouped_conv2d
from nftgan.ops.parts import convolved_in_parts, in_parts, joined


def test_parts_are_joined_in_their_places_as_they_come() -> None:
    whole = torch.arange(2 * 5 * 3 * 3).reshape(2, 5, 3, 3)
    assert joined(iter(whole.split(2, dim=1)), 5).equal(whole)
    with pytest.raises(AssertionError):
        joined(iter(whole.split(2, dim=1)[:2]), 5)


@pytest.mark.parametrize("most", [1, 3 * 8 * 36 * 4, 1 << 30])
def test_a_convolution_in_parts_is_the_whole_one(monkeypatch: Any, most: int) -> None:
    monkeypatch.setattr(subject, "PART_BYTES", most)
    random = torch.Generator().manual_seed(0)
    x = torch.randn(2, 3, 4, 4, generator=random, dtype=torch.float64)
    weights = torch.randn(2, 7, 3, 3, 3, generator=random, dtype=torch.float64)
    bias = torch.randn(7, generator=random, dtype=torch.float64)
    seen = []

    def activate(y: torch.Tensor, at: slice) -> torch.Tensor:
        seen.append(at)
        assert y.shape == (2, len(bias[at]), 6, 6)
        return (y + bias[at, None, None]).relu()

    found = convolved_in_parts(x, weights, 2, activate, up=2)
    expected = (grouped_conv2d(x, weights, padding=2) + bias[:, None, None]).relu()
    assert torch.allclose(found, expected, rtol=0, atol=1e-12)
    assert [at.start for at in seen] == {1: list(range(7)), 1 << 30: [0]}.get(
        most, [0, 1, 2, 3, 4, 5, 6]
    )


def test_a_processor_and_what_has_a_gradient_compute_layers_whole() -> None:
    on_gpu = torch.ones(1, 1, 4, 4, device="meta", dtype=torch.float64)
    weight = torch.ones(1, device="meta", requires_grad=True)
    assert not in_parts(on_gpu, weight)
    with torch.no_grad():
        assert in_parts(on_gpu, weight)
        assert not in_parts(on_gpu.float(), weight)
        assert not in_parts(torch.ones(1, 1, 4, 4, dtype=torch.float64))


@pytest.mark.parametrize("radial", [False, True])
def test_a_canonical_image_in_parts_is_the_whole_one(
    monkeypatch: pytest.MonkeyPatch, radial: bool
) -> None:
    kernel = {"conv_kernel": 1, "use_radial_filters": True} if radial else {}
    config = StyleGAN3Config(
        z_dim=8, w_dim=8, img_resolution=16, channel_base=256, channel_max=16, **kernel
    )
    G = build_generator(config, seed=0).double().eval()
    z = torch.randn(1, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    with torch.no_grad():
        whole = G(z, None)
        monkeypatch.setattr(stylegan3, "in_parts", lambda *rest: True)
        monkeypatch.setattr(subject, "PART_BYTES", 20_000)
        parts = G(z, None)
    assert torch.allclose(parts, whole, rtol=0, atol=1e-11) and whole.abs().max() > 0.01
