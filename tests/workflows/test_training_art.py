"""The art of a model is found wherever it lies, by its fingerprint; else everyone is told."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nftgan.collection.manifest import NOVELTY_CHECKED, Manifest
from nftgan.dataset.archive import Dataset
from nftgan.dataset.pack import write_dataset
from nftgan.errors import UsageError
from nftgan.networks.sources import base_model
from nftgan.project import Project
from nftgan.synthesis.model import load_model
from nftgan.workflows.training_art import find_training_art, note_art

Answer = Callable[..., Any]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NFTGAN_HOME", str(tmp_path / "home"))


def art(path: Path, first: int = 0, count: int = 4) -> str:
    """A data set whose images say which they are; its fingerprint."""
    images = [np.full((16, 16, 3), first + i, dtype=np.uint8) for i in range(count)]
    path.parent.mkdir(parents=True, exist_ok=True)
    write_dataset(path, images)
    return Dataset.open(path).fingerprint


def a_run(folder: Path, **facts: Any) -> Path:
    run = folder / "runs" / "00000-x"
    run.mkdir(parents=True)
    (run / "training_options.json").write_text(json.dumps({"dataset": facts}))
    return run


def found(run: Path, near: Path) -> Path | None:
    dataset = find_training_art(run / "network-000001.safetensors", None, {}, near=near).dataset
    return None if dataset is None else dataset.path


def test_a_path_typed_in_another_folder_is_found_beside_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fingerprint = art(tmp_path / "w" / "art.zip")
    run = a_run(tmp_path / "w", path="art.zip", fingerprint=fingerprint)
    collection = tmp_path / "w" / "collections" / "c"
    collection.mkdir(parents=True)
    monkeypatch.chdir(collection)
    assert found(run, collection) == tmp_path / "w" / "art.zip"


def test_a_file_of_the_same_name_with_other_images_is_not_taken(tmp_path: Path) -> None:
    fingerprint = art(tmp_path / "art.zip")
    run = a_run(tmp_path, path=str(tmp_path / "art.zip"), fingerprint=fingerprint)
    assert found(run, tmp_path) == tmp_path / "art.zip"
    art(tmp_path / "art.zip", first=50)
    assert found(run, tmp_path) is None


def test_a_renamed_set_is_found_where_it_was_seen_last(tmp_path: Path) -> None:
    fingerprint = art(tmp_path / "a" / "art.zip")
    run = a_run(tmp_path / "b", path="art.zip", fingerprint=fingerprint)
    renamed = tmp_path / "c" / "paintings.zip"
    renamed.parent.mkdir()
    shutil.move(tmp_path / "a" / "art.zip", renamed)
    assert found(run, tmp_path / "b") is None
    note_art(renamed, fingerprint)
    assert found(run, tmp_path / "b") == renamed


def test_a_note_counts_only_while_the_file_is_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "a" / "art.zip"
    fingerprint = art(path)
    note_art(path, fingerprint)
    art(path, first=50)
    os.utime(path, (1, 1))
    assert found(a_run(tmp_path / "b", path="x.zip", fingerprint=fingerprint), tmp_path) is None


def test_a_model_that_left_its_run_still_knows_its_art(tmp_path: Path) -> None:
    fingerprint = art(tmp_path / "art.zip")
    note_art(tmp_path / "art.zip", fingerprint)
    meta = {"dataset": {"fingerprint": fingerprint, "name": "art", "images": 4}}
    search = find_training_art(tmp_path / "model.safetensors", None, meta, near=tmp_path)
    assert search.dataset is not None and not search.missing
    (tmp_path / "art.zip").unlink()
    search = find_training_art(tmp_path / "model.safetensors", None, meta, near=tmp_path)
    assert search.dataset is None and "the training art art was not found" in search.missing


@pytest.mark.parametrize("transparent", [False, True])
def test_named_art_of_another_kind_cannot_tell_copies_and_is_refused(
    tmp_path: Path, transparent: bool
) -> None:
    channels = 3 if transparent else 4
    images = np.random.default_rng(0).integers(0, 256, (3, 16, 16, channels), dtype=np.uint8)
    write_dataset(tmp_path / "art.zip", list(images))
    with pytest.raises(UsageError, match="near-copies would not be seen"):
        find_training_art("model", tmp_path / "art.zip", {}, near=tmp_path, transparent=transparent)


def test_nothing_is_missing_of_the_model_that_ships(tmp_path: Path) -> None:
    assert find_training_art(base_model(), None, {}, near=tmp_path).missing == ""


def test_a_copy_is_refused_from_the_collections_own_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: Answer
) -> None:
    images = load_model(base_model()).generate(seeds=range(100, 140), trunc=0.7)
    images[7] = load_model(base_model()).generate(seeds=[5], trunc=0.7)[0][:, ::-1]
    write_dataset(tmp_path / "own.zip", list(images))
    fingerprint = Dataset.open(tmp_path / "own.zip").fingerprint
    run = a_run(tmp_path, path="own.zip", fingerprint=fingerprint)
    shutil.copy(base_model(), run / "network-000001.safetensors")
    answer("init", "c", "--in", str(tmp_path / "collections"))
    project = Project(tmp_path / "collections" / "c")
    monkeypatch.chdir(project.root)
    error = answer("curate", "-m", "../../runs", "--pick", "5", expect=3)
    assert "seed 5 is" in error["message"]
    answer("curate", "-m", "../../runs", "--pick", "500,501")
    assert Manifest.load(project.manifest_path).novelty == NOVELTY_CHECKED


def test_everyone_is_told_when_copies_were_not_looked_for(
    published: Project, answer: Answer
) -> None:
    manifest = Manifest.load(published.manifest_path)
    assert manifest.novelty is None
    replace(manifest, novelty="the training art own.zip was not found").save(
        published.manifest_path
    )
    assert "not looked for" in str(answer("status", "-C", str(published.root))["steps"])
    plan = answer("mint", "-C", str(published.root), "--force", "--dry-run")
    assert "own.zip was not found" in str(plan["warnings"])
