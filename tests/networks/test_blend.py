"""Two networks in one: which layers are whose, and what the lineage says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nftgan.errors import UsageError
from nftgan.networks import build_generator
from nftgan.networks.architecture import StyleGAN3Config
from nftgan.networks.blend import blend
from nftgan.networks.model_file import ModelFile, read_model, save_model
from nftgan.networks.stylegan3 import plan_layers
from nftgan.synthesis.model import load_model
from nftgan.workflows.model import blend_models
from tests.networks import small

WIDE = StyleGAN3Config(64, num_layers=8, **small.TINY)


def made(path: Path, name: str | StyleGAN3Config, seed: int, **meta: Any) -> ModelFile:
    config = small.GENERATORS[name] if isinstance(name, str) else name
    save_model(path, generator=build_generator(config, seed=seed), meta=meta)
    return read_model(path)


@pytest.fixture
def pair(tmp_path: Path) -> tuple[ModelFile, ModelFile]:
    facts = {"dataset": {"fingerprint": "sha256:" + "d" * 64, "pixel_art": {"grid": 8}}}
    return (
        made(tmp_path / "a.safetensors", "t", 1, licence="CC0-1.0"),
        made(tmp_path / "b.safetensors", "t", 2, licence="CC-BY-4.0", **facts),
    )


@pytest.mark.parametrize(("name", "at", "first"), [("t", "L3", 3), ("r", "L2", 2), ("sg2", "8", 1)])
def test_layers_before_the_place_are_of_one_and_the_others_of_the_other(
    tmp_path: Path, name: str, at: str, first: int
) -> None:
    low = made(tmp_path / "a.safetensors", name, 1)
    high = made(tmp_path / "b.safetensors", name, 2)
    whole = blend(low, high, at)
    layers = whole.meta["parent"]["blended"]["layers"]
    assert layers[0].startswith("b8" if name == "sg2" else f"L{first}_")
    for key, array in whole.generator.items():
        taken = any(key.startswith(f"synthesis.{layer}.") for layer in layers)
        assert np.array_equal(array, (high if taken else low).generator[key])
    assert any(not np.array_equal(a, low.generator[k]) for k, a in whole.generator.items())


def test_a_resolution_is_the_first_layer_that_works_at_it(tmp_path: Path) -> None:
    low, high = (made(tmp_path / f"{i}.safetensors", WIDE, i) for i in (1, 2))
    rates = [layer.rate for layer in plan_layers(WIDE)]
    assert rates[0] < rates[-1] == 64
    for rate in sorted(set(rates))[1:]:
        layers = blend(low, high, str(int(rate))).meta["parent"]["blended"]["layers"]
        assert len(layers) == len(rates) - rates.index(rate)
        assert layers[0].startswith(f"L{rates.index(rate)}_")


def test_the_file_opens_and_names_both(tmp_path: Path, pair: tuple[ModelFile, ModelFile]) -> None:
    low, high = pair
    to = tmp_path / "blend.safetensors"
    done = blend_models(tmp_path / "a.safetensors", tmp_path / "b.safetensors", to, "L2")
    first = to.read_bytes()
    model = load_model(to)
    assert model.identity == done.identity not in (low.identity, high.identity)
    parent = model.info["parent"] if "parent" in model.info else model.info["meta"]["parent"]
    assert parent["identity"] == low.identity
    assert parent["blended"]["identity"] == high.identity
    assert parent["blended"]["dataset"] == "sha256:" + "d" * 64
    assert read_model(to).meta["licence"] == "CC0-1.0 and CC-BY-4.0"
    assert model.render(3).shape == (16, 16, 3)
    blend_models(tmp_path / "a.safetensors", tmp_path / "b.safetensors", to, "L2")
    assert to.read_bytes() == first


def test_what_cannot_be_blended_is_refused_in_a_sentence(
    tmp_path: Path, pair: tuple[ModelFile, ModelFile]
) -> None:
    low, high = pair
    other = made(tmp_path / "c.safetensors", "sg2", 1)
    with pytest.raises(UsageError, match="one architecture"):
        blend(low, other, "8")
    with pytest.raises(UsageError, match="same model"):
        blend(low, low, "8")
    for at in ("", "L0", "L99", "7", "x", "L", "-1", "²", "9" * 50):
        with pytest.raises(UsageError, match="no place to blend"):
            blend(low, high, at)
