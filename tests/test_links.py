"""A collection folder from somebody else leads nowhere: no link in it is followed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from nftgan.errors import UsageError
from nftgan.links import refuse_links
from nftgan.project import find_project


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "received"
    for name in ("images", "metadata", "deployments", "sales", "history/0001"):
        (root / name).mkdir(parents=True)
    for name in ("nftgan.toml", "collection.json", "images/0.png", "history/0001/collection.json"):
        (root / name).write_text("")
    return root


def test_an_ordinary_folder_passes(folder: Path) -> None:
    (folder / "notes.txt").symlink_to("/etc/hostname")  # nothing of ours has this name
    assert find_project(folder).root == folder


@pytest.mark.parametrize(
    "name",
    [
        *("images", "metadata", "deployments", "sales", "history"),
        *("images/0.png", "metadata/1.json", "deployments/1.json", "sales/1-1.secret"),
        *("history/0001", "history/0001/model.safetensors"),
        *("collection.json", "model.safetensors", "pins.json", "ratings.jsonl", "report.html"),
        *("mint-1.jsonl", "pin.jsonl", "received.car", "Pins.JSON", ".lock"),
    ],
)
@pytest.mark.parametrize("target", ["elsewhere", "nothing"])
def test_every_link_is_refused_and_what_it_points_to_stays(
    folder: Path, tmp_path: Path, name: str, target: str
) -> None:
    outside = tmp_path / target
    path = folder / name
    if target == "elsewhere":
        outside.write_text("mine")
    if path.is_dir():
        path.rename(tmp_path / "moved")
    path.unlink(missing_ok=True)
    path.symlink_to(outside)
    with pytest.raises(UsageError, match="is a link: what nftgan reads and writes stays"):
        find_project(folder)
    assert target == "nothing" or outside.read_text() == "mine"


def test_the_folder_itself_may_be_a_link(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "short").symlink_to(folder)
    assert find_project(tmp_path / "short").root == folder


def test_a_folder_above_the_current_one_is_looked_at_too(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "pins.json").symlink_to("/etc/hostname")
    monkeypatch.chdir(folder / "images")
    with pytest.raises(UsageError, match=r"pins\.json is a link"):
        find_project()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_holds_nobody(folder: Path) -> None:
    os.mkfifo(folder / "images" / "1.png")
    with pytest.raises(UsageError, match="neither a file nor a folder"):
        refuse_links(folder)


def test_folders_without_end_are_an_end(folder: Path) -> None:
    (folder / "history/1/2/3/4/5").mkdir(parents=True)
    with pytest.raises(UsageError, match="too deep"):
        refuse_links(folder)


def test_a_verb_says_it_in_one_sentence_and_touches_nothing(folder: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.write_text("mine")
    (folder / ".lock").symlink_to(kept)
    words = [sys.executable, "-m", "nftgan", "render", "-C", str(folder)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2 and ".lock is a link" in done.stderr.replace("\n", " ")
    assert "Traceback" not in done.stderr and kept.read_text() == "mine"


@pytest.mark.parametrize(
    "name", ["mint-1.jsonl", "collection.json", "images/0.png", "sales/1-1.json"]
)
def test_a_file_with_a_hole_of_a_terabyte_is_not_read(folder: Path, name: str) -> None:
    with (folder / name).open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(UsageError, match="which no file of its kind has"):
        find_project(folder)


def test_models_and_cars_may_be_large(folder: Path) -> None:
    for name in ("model.safetensors", "received.car"):
        with (folder / name).open("wb") as file:
            file.truncate(1 << 33)
    find_project(folder)
