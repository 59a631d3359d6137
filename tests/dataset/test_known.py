"""What was found out about a data set is found again for the same files, and only for those."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from nftgan.dataset import archive, known
from nftgan.dataset.archive import Dataset
from nftgan.dataset.pack import write_dataset
from nftgan.files import write_json


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NFTGAN_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(known, "_this_process", {})
    return tmp_path / "home"


@pytest.fixture
def art(tmp_path: Path) -> Path:
    images = np.random.default_rng(0).integers(0, 256, (6, 8, 8, 3), dtype=np.uint8)
    write_dataset(tmp_path / "art.zip", list(images))
    return tmp_path / "art.zip"


def refuse(*_: object) -> None:
    raise AssertionError("an image was decoded")


def test_a_fingerprint_is_computed_once_for_the_same_files(
    art: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = Dataset.open(art).fingerprint
    again = Dataset.open(art)
    monkeypatch.setattr(archive, "pixel_digest", refuse)
    assert again.fingerprint == found


def test_another_file_in_its_place_is_looked_at_anew(art: Path) -> None:
    before = Dataset.open(art).fingerprint
    facts = art.stat()
    images = np.random.default_rng(1).integers(0, 256, (6, 8, 8, 3), dtype=np.uint8)
    write_dataset(art, list(images))
    os.utime(art, ns=(facts.st_atime_ns, facts.st_mtime_ns))  # as a sync program sets it
    assert Dataset.open(art).fingerprint != before


def test_a_folder_is_known_by_its_files(art: Path, tmp_path: Path) -> None:
    import zipfile

    zipfile.ZipFile(art).extractall(tmp_path / "folder")
    first = Dataset.open(tmp_path / "folder")
    state = first.state
    assert first.fingerprint == Dataset.open(art).fingerprint
    assert Dataset.open(tmp_path / "folder").state == state
    next((tmp_path / "folder").rglob("*.png")).touch()
    assert Dataset.open(tmp_path / "folder").state != state


def test_a_cache_that_cannot_be_written_is_no_error(
    art: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.write_text("a file where the folder should be")
    found = Dataset.open(art).fingerprint
    monkeypatch.setattr(archive, "pixel_digest", refuse)
    assert Dataset.open(art).fingerprint == found  # this process still knows


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b"{",
        b'{"nftgan": 9}',
        b'{"nftgan": 1, "of": "other", "fingerprint": "sha256:x"}',
    ],
)
def test_a_damaged_note_is_passed_over(art: Path, text: bytes) -> None:
    found = Dataset.open(art)
    fingerprint = found.fingerprint
    known._path(found.state).write_bytes(text)
    assert known.known_fingerprint(found.state) is None
    assert Dataset.open(art).fingerprint == fingerprint


@pytest.mark.parametrize(
    "held", [[0, 1, 2, 3], [1, 1], [2, 1], [-1], [4], [1 << 70], ["1"], [True], "01"]
)
def test_indices_that_cannot_be_are_passed_over(held: object, home: Path) -> None:
    known.keep_held("state", "1 0.1", np.array([1, 3]))
    assert np.array_equal(known.known_held("state", "1 0.1", 4), [1, 3])
    assert known.known_held("state", "1 0.2", 4) is None
    write_json(known._path("state"), {"nftgan": 1, "of": "state", "held": {"1 0.1": held}})
    assert known.known_held("state", "1 0.1", 4) is None
