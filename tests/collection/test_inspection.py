"""Inspecting candidates: the preview before the finish is judged, the finished one is compared."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from nftgan.alpha import looked_at
from nftgan.collection.features import features
from nftgan.collection.inspection import Candidate, LocalInspector, Refusal, art_key, is_blank
from nftgan.collection.novelty import NoveltyGuard
from nftgan.dataset.archive import Dataset
from nftgan.dataset.pack import write_dataset
from nftgan.pixels import pixel_hash
from nftgan.synthesis.model import Model
from nftgan.synthesis.recipe import Finish
from tests.synthesis import tiny


@pytest.fixture(scope="module")
def model() -> Model:
    return tiny.stylegan3()


@pytest.fixture
def training(model: Model, tmp_path: Path) -> Dataset:
    write_dataset(tmp_path / "art.zip", list(model.generate(range(100, 112))))
    return Dataset.open(tmp_path / "art.zip")


def test_what_is_compared_is_the_finished_image_without_its_enlargement(model: Model) -> None:
    finish = Finish(grid=8, palette=6, upscale=4)
    (seen,) = LocalInspector(model, model.recipe(finish=finish)).inspect([5])
    whole = model.generate([5], model.recipe(finish=Finish(grid=8, palette=6)))[0]
    assert isinstance(seen, Candidate)
    assert seen.hash == pixel_hash(whole) and np.array_equal(seen.row, features(whole))
    assert np.array_equal(seen.small, whole) and seen.neighbour is None


def test_a_copy_is_refused_before_a_finish_could_hide_it(model: Model, training: Dataset) -> None:
    recipe = model.recipe(finish=Finish(grid=2, palette=2))
    guard = NoveltyGuard(training)
    copied, fresh = LocalInspector(model, recipe, guard).inspect([105, 3])
    assert isinstance(copied, Refusal) and "training image" in copied.reason
    assert isinstance(fresh, Candidate) and fresh.copy is None and fresh.neighbour is not None
    (kept,) = LocalInspector(model, recipe, guard, allow_copies=True).inspect([105])
    assert isinstance(kept, Candidate) and kept.copy == copied.reason


def test_a_piece_made_after_training_art_is_a_copy_of_it(model: Model, training: Dataset) -> None:
    origin = model.generate([105])[0]
    (seen,) = LocalInspector(
        model, model.recipe(), NoveltyGuard(training), origins={3: origin}
    ).inspect([3])
    assert isinstance(seen, Refusal) and seen.reason.startswith("projected from an image that is")


def test_scores_and_margins_are_those_of_the_model(model: Model) -> None:
    recipe = model.recipe(truncation_psi=0.7)
    inspector = LocalInspector(model, recipe)
    images = model.generate([4, 9], recipe)
    assert inspector.logits([4, 9]) == [float(model.score(one[None])[0]) for one in images]
    assert inspector.margins([9]) == [model.render_checked(9, recipe).margin]


def test_other_art_and_art_that_was_touched_have_another_key(training: Dataset) -> None:
    before = art_key(training)
    assert art_key(None) == "" and art_key(training) == before
    os.utime(training.path, ns=(1, 1))
    assert art_key(training) != before


def test_nothing_to_see_is_blank_whether_by_colour_or_by_transparency() -> None:
    nothing = np.zeros((8, 8, 4), np.uint8)
    shape = nothing.copy()
    shape[2:6, 2:6] = (128, 128, 128, 255)  # the very grey that it is looked at over
    assert is_blank(nothing) and is_blank(np.full((8, 8, 4), 255, np.uint8))
    assert is_blank(np.full((8, 8, 3), 77, np.uint8)) and not is_blank(shape)
    hidden = nothing.copy()
    hidden[2:6, 2:6, 0] = 255  # of a pixel that does not show
    assert is_blank(hidden)


def test_transparent_candidates_are_told_apart_by_all_four_channels(tmp_path: Path) -> None:
    clear = tiny.stylegan3(img_channels=4)
    images = clear.generate(range(20))
    write_dataset(tmp_path / "art.zip", list(images[:12]))
    guard = NoveltyGuard(Dataset.open(tmp_path / "art.zip"))
    inspector = LocalInspector(clear, clear.recipe(finish=Finish(upscale=3)), guard)
    found = inspector.inspect([2, 15])
    assert isinstance(found[0], Refusal) and "training image" in found[0].reason
    assert isinstance(found[1], Candidate)
    assert found[1].hash == pixel_hash(images[15]) and found[1].small.shape == (16, 16, 3)
    assert np.array_equal(found[1].row, features(looked_at(images[15])))
