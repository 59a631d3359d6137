"""scripts/base_art/pack.py: a trained network becomes a base model that says what it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nftgan.dataset.archive import Dataset
from nftgan.dataset.pack import write_dataset
from nftgan.errors import UsageError
from nftgan.metrics.likeness import KEY, read
from nftgan.networks.model_file import load_networks, open_model, save_model
from nftgan.workflows.model import model_info
from tests.by_path import loaded
from tests.networks import small


@pytest.fixture(scope="module")
def script() -> Any:
    return loaded("scripts/base_art/pack.py")


@pytest.fixture
def art(tmp_path: Path) -> Dataset:
    images = np.random.default_rng(0).integers(0, 256, (3, 16, 16, 3), dtype=np.uint8)
    notes = {"flat_art": True}
    write_dataset(tmp_path / "art.zip", list(images), labels=None, notes=notes)
    return Dataset.open(tmp_path / "art.zip")


def trained(path: Path, kind: str, fingerprint: str, **parts: Any) -> Path:
    meta = {
        "training": {"kimg": 5},
        "dataset": {"fingerprint": fingerprint},
        "parent": {"identity": "sha256:1", "licence": "unknown", "source": "network.safetensors"},
    }
    save_model(path, **{"generator": small.generator(kind), **parts}, meta=meta)
    return path


@pytest.mark.parametrize("kind", ["t", "sg2"])
def test_a_packed_model_has_both_networks_and_knows_its_art(
    script: Any, kind: str, art: Dataset, tmp_path: Path
) -> None:
    d = small.discriminator()
    source = trained(tmp_path / "n.safetensors", kind, art.fingerprint, discriminator=d)
    target = tmp_path / "base.safetensors"
    identity = script.pack(source, art.path, target, "Squares")
    packed = open_model(target)
    assert identity == packed.identity == load_networks(target).identity
    assert packed.discriminator_config == d.config
    assert (
        packed.generator["synthesis.input.weight" if kind == "t" else "synthesis.b4.const"].itemsize
        == 2
    )
    assert packed.meta["licence"] == packed.meta["parent"]["licence"] == "CC0-1.0"
    facts = packed.meta["dataset"]
    assert facts["fingerprint"] == art.fingerprint and facts["images"] == 3
    assert "Squares" in facts["name"] and read(facts[KEY]) is not None
    assert facts["flat_art"] is True  # the finish of its images follows from it
    assert KEY not in model_info(target)["dataset"]  # nobody reads 224 numbers


def test_what_cannot_ship_is_refused(
    script: Any, art: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    d, target = small.discriminator(), tmp_path / "base.safetensors"
    alone = trained(tmp_path / "alone.safetensors", "t", art.fingerprint)
    with pytest.raises(UsageError, match="no discriminator"):
        script.pack(alone, art.path, target, "Squares")
    other = trained(tmp_path / "other.safetensors", "t", "sha256:2", discriminator=d)
    with pytest.raises(UsageError, match="learned from sha256:2, not from art"):
        script.pack(other, art.path, target, "Squares")
    large = trained(tmp_path / "large.safetensors", "t", art.fingerprint, discriminator=d)
    monkeypatch.setattr(script, "MOST_BYTES", 1000)
    with pytest.raises(UsageError, match="bytes are too many"):
        script.pack(large, art.path, target, "Squares")
    assert not target.exists()
