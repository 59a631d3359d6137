"""Several labels an image, as a vector: learned, kept in the model, and told to it again."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import nftgan
from nftgan.cli.main import app
from nftgan.dataset.archive import Dataset
from nftgan.dataset.holdout import Split
from nftgan.dataset.prepare import prepare
from nftgan.dataset.prepare_options import PrepareOptions
from nftgan.errors import UsageError
from nftgan.synthesis.recipe import Recipe
from nftgan.training.config import DatasetFacts
from nftgan.training.data_loader import DataLoader
from nftgan.training.loop import train
from nftgan.workflows.evaluate import _seeds, evaluate
from tests.dataset.test_prepare import art_folder
from tests.training.conftest import smallest

NAMES = ["age 20 to 30", "hat=no", "hat=yes"]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty drawings with an age and a hat, by the way that artists go."""
    folder = tmp_path_factory.mktemp("vectors")
    art_folder(folder / "art", 20)
    lines = [f"{n:02d}.png,{20 + n % 6 * 2},{'yes' if n % 5 == 0 else 'no'}" for n in range(20)]
    (folder / "labels.csv").write_text("\n".join(["file,age,hat", *lines]))
    options = PrepareOptions(resolution=16, labels=folder / "labels.csv", dedupe=-1)
    prepare(folder / "art", folder / "art.zip", options, workers=1)
    return folder / "art.zip"


@pytest.fixture(scope="module")
def run_dir(dataset: Path) -> Path:
    config = smallest(DatasetFacts.of(dataset), conditional=True, kimg=0.004)
    assert config.generator.c_dim == config.discriminator.c_dim == 3
    folder = dataset.parent / "run"
    assert list(train(config, run_dir=folder))[-1].last
    return folder


def test_training_learns_from_vectors_and_the_model_says_what_they_mean(run_dir: Path) -> None:
    conditioning = nftgan.load_model(run_dir).info["conditioning"]
    assert conditioning == {"classes": 3, "names": [], "conditions": NAMES}


def test_the_networks_are_told_the_vectors_of_the_art(dataset: Path) -> None:
    config = smallest(DatasetFacts.of(dataset), conditional=True)
    loader = DataLoader(config, Dataset.open(dataset))
    try:
        told = loader.conditions(np.arange(10))
        assert told is not None
        np.testing.assert_array_equal(told.numpy()[:, 2], [1, 0, 0, 0, 0, 1, 0, 0, 0, 0])
        np.testing.assert_allclose(told.numpy()[:6, 0], np.arange(6) / 5, rtol=1e-6)
        fakes = loader.sample_conditions(range(1_000))
        assert fakes is not None
        wanted = loader.conditions(loader.shown)
        assert wanted is not None
        np.testing.assert_allclose(fakes.mean(0).numpy(), wanted.mean(0).numpy(), atol=0.005)
    finally:
        loader.close()


def test_generate_takes_a_vector_and_heeds_each_of_its_numbers(
    run_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = nftgan.load_model(run_dir)
    young, old = ([age, 0.0, 1.0] for age in (0.0, 1.0))
    latents = [model.ws([7], conditions=row) for row in (young, old, young)]
    assert not np.array_equal(latents[0], latents[1])
    np.testing.assert_array_equal(latents[0], latents[2])
    # A 1 at one place is a class: both ways give the same.
    np.testing.assert_array_equal(model.ws([7], conditions=[0, 1, 0]), model.ws([7], class_idx=1))
    words = ["generate", "-m", str(run_dir), "--seeds", "7,8", "-o", str(tmp_path), "--json"]
    with pytest.raises(SystemExit) as ended:
        app([*words, "--condition", "1,0,1"], standalone_mode=False)
    assert ended.value.code == 0
    assert json.loads(capsys.readouterr().out)["result"]["images"] == 2
    painted = np.asarray(Image.open(tmp_path / "seed0007.png").convert("RGB"))
    finish = model.preview_finish()
    np.testing.assert_array_equal(painted, model.generate(ws=latents[1], finish=finish)[0])


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ("1,0", "takes 3 numbers: age 20 to 30, hat=no, hat=yes; given were 2"),
        ("1,nan,0", "condition must be a number"),
        ("1,x,0", "no numbers"),
    ],
)
def test_a_vector_that_does_not_fit_is_refused_in_words(
    condition: str, said: str, run_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["generate", "-m", str(run_dir), "--seeds", "1", "-o", str(tmp_path / "o"), "--json"]
    with pytest.raises(SystemExit) as ended:
        app([*words, "--condition", condition], standalone_mode=False)
    assert ended.value.code == 2
    assert said in json.loads(capsys.readouterr().out)["error"]["message"]
    assert not (tmp_path / "o").exists()


def test_evaluate_draws_the_vectors_of_its_fakes_from_the_art(run_dir: Path, dataset: Path) -> None:
    art = Dataset.open(dataset)
    split = Split(np.arange(8), np.arange(8, 10))
    model = nftgan.load_model(run_dir)
    drawn = _seeds(model, art, split, 400, 7)
    assert drawn == _seeds(model, art, split, 400, 7) != _seeds(model, art, split, 400, 8)
    assert sorted(seed for seed, _ in drawn) == list(range(7, 407))
    rows = art.conditions(split.train)
    assert rows is not None
    told = np.array([one for _, one in drawn], np.float32)
    assert {tuple(row) for row in told.tolist()} == {tuple(row) for row in rows.tolist()}
    np.testing.assert_allclose(told.mean(0), rows.mean(0), atol=0.1)


def test_evaluate_measures_a_model_of_vectors(run_dir: Path, dataset: Path) -> None:
    found = evaluate(run_dir, dataset, metrics="copies", images=8, holdout=0)
    assert (found.fakes, found.copies) == (8, 0)


def test_evaluate_wants_art_with_as_many_numbers(run_dir: Path, dataset: Path) -> None:
    with zipfile.ZipFile(dataset) as source, zipfile.ZipFile(dataset.parent / "x.zip", "w") as to:
        for name in source.namelist():
            if name != "dataset.json":
                to.writestr(name, source.read(name))
    split = Split(np.arange(8), np.arange(8, 10))
    with pytest.raises(UsageError, match="has no labels, and the model is told 3 numbers"):
        _seeds(nftgan.load_model(run_dir), Dataset.open(dataset.parent / "x.zip"), split, 4, 0)


def test_pieces_of_a_collection_are_told_a_vector_and_proven(
    run_dir: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("NFTGAN_HOME", str(tmp_path / "home"))

    def answer(*words: str, expect: int = 0) -> Any:
        with pytest.raises(SystemExit) as ended:
            app([*words, "--json"], standalone_mode=False)
        document = json.loads(capsys.readouterr().out)
        assert ended.value.code == expect, document
        return document.get("result") or document["error"]

    answer("init", "hats", "--in", str(tmp_path))
    where = ("-C", str(tmp_path / "hats"))
    pick = ("curate", *where, "-m", str(run_dir), "--pick", "3,8", "--allow-copies")
    refused = answer(*pick, expect=2)
    assert "trained with 3 numbers: age 20 to 30, hat=no, hat=yes" in refused["message"]
    assert "condition = [0.5, 0.5, 0.5]" in refused["hint"]
    settings = tmp_path / "hats" / "nftgan.toml"
    plain = settings.read_text()
    settings.write_text(plain.replace("[recipe]", "[recipe]\ncondition = [0.25, 0, 1]"))
    answer(*pick)
    answer("render", *where)
    answer("metadata", *where)
    own = json.loads((tmp_path / "hats" / "metadata" / "0.json").read_bytes())["nftgan"]
    assert own["recipe"]["condition"] == [0.25, 0, 1] and own["recipe"]["class"] is None
    model = nftgan.load_model(run_dir)
    recipe = Recipe.from_json(own["recipe"])
    image = model.render(own["seed"], recipe)
    np.testing.assert_array_equal(
        np.asarray(Image.open(tmp_path / "hats" / "images" / "0.png").convert("RGB")), image
    )
    other = model.render(own["seed"], replace(recipe, condition=(0.75, 0, 1)))
    assert not np.array_equal(other, image)
    said = answer("metadata", *where, "--live", expect=2)
    assert "several numbers" in said["message"]
    assert answer("regenerate", *where, "0", "-o", str(tmp_path / "again"))
    settings.write_text(plain.replace("[recipe]", "[recipe]\ncondition = [0.75, 0, 1]"))
    changed = answer("render", *where, expect=2)
    assert "condition" in changed["message"]


def test_a_model_without_labels_takes_no_conditions() -> None:
    model = nftgan.load_model("base")
    with pytest.raises(UsageError, match="without labels"):
        model.ws([1], conditions=[1.0])
