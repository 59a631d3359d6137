"""Ratings by eye belong to the images beside them, the last ones to the base model that ships."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nftgan.collection.parts import ArtParts, wholeness
from nftgan.networks.sources import base_model
from nftgan.synthesis.model import load_model
from nftgan.synthesis.recipe import Finish

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks" / "agreement"


@pytest.fixture
def agreement(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(FOLDER.parent))
    return importlib.import_module("agreement.__main__")


def ratings(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return found


def test_every_rating_is_of_an_image_that_is_there(agreement: Any) -> None:
    assert {path.stem for path in FOLDER.glob("*.json")} == set(agreement.SETS)
    for name in agreement.SETS:
        said = ratings(name)
        images = agreement.tiles(FOLDER / f"{name}.png", said["count"])
        assert len(images) == len(said["logits"]) == said["count"]
        assert all(image.max() > image.min() for image in images)
        seeds = agreement.seeds_of(said)
        assert len(set(seeds)) == said["count"]
        for kind in ("without_fault", "slight_fault"):
            rated = said.get(kind, [])
            assert rated == sorted(set(rated)) and set(rated) <= set(seeds)
        assert not set(said["without_fault"]) & set(said.get("slight_fault", []))


def test_the_shipped_ratings_are_of_the_base_model_that_ships(agreement: Any) -> None:
    said, model = ratings("shipped"), load_model(base_model(16))
    images = agreement.tiles(FOLDER / "shipped.png", said["count"])
    recipe = model.recipe(trunc=said["trunc"], finish=model.in_art_colours(Finish(0, 10, 1)))
    for number in range(4):  # its numbers were rounded after the rating, which moved some others
        image = model.render(said["first_seed"] + number, recipe)
        assert np.array_equal(image, images[number])


def test_the_chance_that_the_better_one_scores_higher(agreement: Any) -> None:
    good = np.array([True, False, True, False])
    assert agreement.auc(np.array([4.0, 1.0, 3.0, 2.0]), good) == 1
    assert agreement.auc(np.array([1.0, 1.0, 1.0, 1.0]), good) == 0.5
    assert agreement.auc(np.array([1.0, 4.0, 2.0, 3.0]), good) == 0


def test_patches_agree_with_the_eye_on_the_rated_landscapes(agreement: Any, tmp_path: Path) -> None:
    parts = ArtParts(agreement.shipped_art(tmp_path, "landscape"))
    said = ratings("hills-later")
    images = agreement.tiles(FOLDER / "hills-later.png", said["count"])
    whole = wholeness(parts.distances(list(images)), parts.own)
    assert whole is not None
    seeds = agreement.seeds_of(said)
    good = np.isin(seeds, said["without_fault"])
    assert agreement.auc(whole, good) > 0.95
    best = np.argsort(-whole, kind="stable")[:12]
    fine = good | np.isin(seeds, said["slight_fault"])
    assert good[best].sum() >= 9 and fine[best].all()
