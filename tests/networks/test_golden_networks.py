"""Generators and discriminators against numbers from the published reference programs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from nftgan.networks import build_discriminator, build_generator
from nftgan.networks.architecture import (
    DiscriminatorConfig,
    GeneratorConfig,
    StyleGAN2Config,
    StyleGAN3Config,
    from_json,
    to_json,
)
from tests.networks.filling import fill

GOLDEN = Path(__file__).parent.parent / "golden"
CASES = json.loads((GOLDEN / "networks.json").read_text())
EXPECTED = np.load(GOLDEN / "networks.npz")
GENERATORS = [name for name, case in CASES.items() if "psi" in case]
DISCRIMINATORS = [name for name in CASES if name not in GENERATORS]


def generator_config(kwargs: dict[str, Any]) -> GeneratorConfig:
    options = dict(kwargs)
    layers = options.pop("mapping_kwargs")["num_layers"]
    if "num_fp16_res" in options:
        return StyleGAN2Config(**options, mapping_layers=layers)
    kind = "stylegan3-r" if options.get("use_radial_filters") else "stylegan3-t"
    return StyleGAN3Config(**options, kind=kind, mapping_layers=layers)


def filled_generator(name: str) -> torch.nn.Module:
    G = build_generator(generator_config(CASES[name]["kwargs"]))
    fill(G)
    if CASES[name]["transform"] is not None:
        G.synthesis.input.transform.copy_(torch.as_tensor(CASES[name]["transform"]))
    return G.eval().requires_grad_(False)


def latents(G: torch.nn.Module) -> tuple[torch.Tensor, torch.Tensor | None]:
    z = torch.from_numpy(np.random.RandomState(5).randn(2, G.z_dim))
    c = torch.eye(G.c_dim)[[1, 2]] if G.c_dim else None
    return z, c


@pytest.mark.parametrize("name", GENERATORS)
def test_state_dict_names_and_shapes_are_the_published_ones(name: str) -> None:
    G = filled_generator(name)
    assert {k: list(v.shape) for k, v in G.state_dict().items()} == CASES[name]["keys"]


@pytest.mark.parametrize("name", GENERATORS)
def test_latents_and_images_equal_the_reference(name: str) -> None:
    G, case = filled_generator(name), CASES[name]
    z, c = latents(G)
    ws = G.mapping(z, c, truncation_psi=case["psi"], truncation_cutoff=case["cutoff"])
    np.testing.assert_allclose(ws.numpy(), EXPECTED[f"{name}/ws"], rtol=1e-5, atol=1e-6)
    images = G(z, c, truncation_psi=case["psi"], truncation_cutoff=case["cutoff"])
    assert images.dtype == torch.float32
    np.testing.assert_allclose(images.numpy(), EXPECTED[f"{name}/img"], rtol=0, atol=5e-6)


@pytest.mark.parametrize("name", GENERATORS)
def test_a_float64_generator_computes_in_float64_throughout(name: str) -> None:
    G, case = filled_generator(name).double(), CASES[name]
    z, c = latents(G)
    images = G(z, c, truncation_psi=case["psi"], truncation_cutoff=case["cutoff"])
    assert images.dtype == torch.float64
    np.testing.assert_allclose(images.numpy(), EXPECTED[f"{name}/img"], rtol=0, atol=5e-6)
    # A single float32 step inside would leave an error near 1e-7 when a batch is reordered.
    swapped = G(z.flip(0), None if c is None else c.flip(0), case["psi"], case["cutoff"]).flip(0)
    assert (images - swapped).abs().max() < 1e-12


@pytest.mark.parametrize("name", DISCRIMINATORS)
def test_logits_and_gradient_penalty_equal_the_reference(name: str) -> None:
    options = dict(CASES[name]["kwargs"])
    freeze = options.pop("block_kwargs", {}).get("freeze_layers", 0)
    D = build_discriminator(DiscriminatorConfig(**options, freeze_layers=freeze))
    assert {k: list(v.shape) for k, v in D.named_parameters()} == CASES[name]["params"]
    assert {k: list(v.shape) for k, v in D.named_buffers()} == CASES[name]["buffers"]
    fill(D)
    pixels = np.random.RandomState(9).uniform(-1, 1, (8, 3, 32, 32)).astype(np.float32)
    image = torch.from_numpy(pixels).requires_grad_()
    c = torch.eye(3)[torch.arange(8) % 3] if D.c_dim else None
    logits = D(image, c)
    np.testing.assert_allclose(logits.detach(), EXPECTED[f"{name}/logits"], rtol=1e-5, atol=5e-6)
    (gradient,) = torch.autograd.grad(logits.sum(), image)
    penalty = gradient.square().sum(dim=(1, 2, 3))
    np.testing.assert_allclose(penalty, EXPECTED[f"{name}/r1_penalty"], rtol=1e-5)


@pytest.mark.parametrize("resolution", [16, 32, 64])
def test_a_seed_gives_the_same_image_alone_and_in_a_batch_of_sixteen(resolution: int) -> None:
    config = StyleGAN3Config(
        resolution, channel_base=512, channel_max=16, num_layers=6, z_dim=16, w_dim=16
    )
    G = build_generator(config, seed=0).eval().requires_grad_(False)
    z = torch.from_numpy(np.random.RandomState(0).randn(16, 16))
    together = G(z)
    alone = torch.cat([G(z[i : i + 1]) for i in range(16)])
    # Different kernels may round differently; nothing else may move.
    assert (together - alone).abs().max() < 2e-5


def test_a_config_survives_its_journey_through_json() -> None:
    for name in GENERATORS:
        config = generator_config(CASES[name]["kwargs"])
        assert from_json(json.loads(json.dumps(to_json(config)))) == config


def test_filters_equal_the_reference() -> None:
    expected = np.load(GOLDEN / "filters.npz")
    for key in expected.files:
        family, layer, which = key.split("/")
        plans = {"T": {}, "R": {"kind": "stylegan3-r", "use_radial_filters": True}}[family[0]]
        extra: dict[str, Any] = {"channel_base": 2048, "channel_max": 2, "z_dim": 2, "w_dim": 2}
        G = build_generator(StyleGAN3Config(int(family[1:]), **plans, **extra))
        name = G.synthesis.layer_names[int(layer[1:])]
        found = getattr(getattr(G.synthesis, name), which)
        np.testing.assert_allclose(found, expected[key], rtol=1e-4, atol=1e-7, err_msg=key)
