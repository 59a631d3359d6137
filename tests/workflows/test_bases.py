"""Which base model a run starts from: by size, by pixel art, and by how alike the art is."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from nftgan.dataset.archive import Dataset
from nftgan.dataset.pack import write_dataset
from nftgan.metrics import likeness
from nftgan.metrics.features import SIZE, Extractor
from nftgan.networks import sources
from nftgan.networks.model_file import open_model, write_model
from nftgan.networks.sources import BaseModel, base_model
from nftgan.workflows import bases
from nftgan.workflows.bases import choose, fitting, parent_source
from nftgan.workflows.train import plan_training


def dataset(path: Path, side: int, *, grid: int = 0) -> Dataset:
    images = np.random.default_rng(side).integers(0, 256, (2, side, side, 3), dtype=np.uint8)
    write_dataset(path, list(images), labels=None)
    found = Dataset.open(path)
    if grid:
        found.notes = {"pixel_art": {"grid": grid, "colours": 5}}
    return found


@pytest.mark.parametrize("side", [16, 64])
def test_base_is_the_model_made_for_the_data_sets_size(side: int, tmp_path: Path) -> None:
    art = dataset(tmp_path / "art.zip", side)
    assert parent_source("base", art) == (str(base_model(side)), "")
    assert parent_source("base-32", art) == (str(base_model(32)), "")


@pytest.mark.parametrize(
    ("side", "grid", "name", "words"),
    [
        (64, 0, "base-32", "made for 64 pixels: base-32 (drawn avatars) is nearest"),
        (8, 0, "base-32", "made for 8 pixels: base-32"),
        (64, 64, "base-16", "made for pixel art of 64 pixels: base-16 (pixel art) is nearest"),
        (32, 32, "base-16", "made for pixel art of 32 pixels: base-16"),
    ],
)
def test_where_none_has_the_size_the_nearest_of_its_kind_is_taken(
    side: int, grid: int, name: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = {base.name: base for base in bases.BASES}
    monkeypatch.setattr(bases, "BASES", (whole["base-16"], whole["base-32"]))
    base, why = choose(dataset(tmp_path / "art.zip", side, grid=grid))
    assert base.name == name and words in why


def test_of_two_sizes_as_near_the_smaller_is_grown(monkeypatch: pytest.MonkeyPatch) -> None:
    small, large = BaseModel("base-32", 32, "avatars"), BaseModel("base-128", 128, "avatars")
    monkeypatch.setattr(bases, "BASES", (large, small))
    assert fitting(64, pixel_art=False) == (small,)
    assert fitting(256, pixel_art=False) == (large,)


@pytest.fixture
def two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[BaseModel, BaseModel]:
    """Two base models of 32 pixels: one whose art is that of `dataset(…, 32)`, and another."""
    model = open_model(base_model(32))
    art = dataset(tmp_path / "seen.zip", 32)
    like = likeness.mean_features(art, Extractor())
    unlike = np.full(SIZE, SIZE**-0.5, np.float32)
    made = []
    for name, mean in (("base-32-other", unlike), ("base-32-noise", like)):
        facts = model.meta["dataset"] | {likeness.KEY: likeness.written(mean)}
        path = tmp_path / f"{name}.safetensors"
        write_model(path, dataclasses.replace(model, meta=model.meta | {"dataset": facts}))
        made.append(BaseModel(name, 32, name.rpartition("-")[2]))
    monkeypatch.setattr(sources, "ASSETS", tmp_path)
    monkeypatch.setattr(bases, "BASES", tuple(made))
    return made[0], made[1]


def test_of_several_of_a_size_the_one_whose_art_is_most_alike_is_taken_and_named(
    two: tuple[BaseModel, BaseModel], tmp_path: Path
) -> None:
    art = dataset(tmp_path / "art.zip", 32)
    base, why = choose(art)
    assert base == two[1]
    assert why.startswith("base-32-noise (noise) is most like this art: distance 0.00; base-32-o")
    plan = plan_training(tmp_path / "art.zip", tmp_path / "runs", preset=None, resume="base")
    assert plan.notes[0] == why and plan.config.parent is not None
    assert plan.config.parent.source.endswith("base-32-noise.safetensors")
    larger, why = choose(dataset(tmp_path / "larger.zip", 64))
    assert larger == two[1] and "made for 64 pixels; of the nearest base-32-noise (noise) is" in why


def test_without_what_the_art_is_compared_by_the_first_is_taken_and_that_is_said(
    two: tuple[BaseModel, BaseModel], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bases, "_looked_at", lambda dataset: None)
    base, why = choose(dataset(tmp_path / "art.zip", 32))
    assert base == two[0] and "no art is compared" in why
