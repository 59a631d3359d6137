"""Several processes see what one sees, and tell of a broken image as one does."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from nftgan.dataset import survey as module
from nftgan.dataset.archive import Dataset
from nftgan.dataset.pack import write_dataset
from nftgan.dataset.survey import Seen, survey
from nftgan.errors import UsageError


@pytest.fixture
def art(tmp_path: Path) -> Path:
    images = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 3), dtype=np.uint8)
    write_dataset(tmp_path / "art.zip", list(images))
    return tmp_path / "art.zip"


def looks(path: Path, monkeypatch: pytest.MonkeyPatch, workers: int) -> list[Seen]:
    monkeypatch.setattr(module, "LARGE_BYTES", 0)
    monkeypatch.setattr(module, "CHUNK", 7)
    monkeypatch.setattr(module, "worker_count", lambda count: workers)
    return list(survey(Dataset.open(path), keys=True, what="looking"))


def plain(found: list[Seen]) -> list[tuple[object, ...]]:
    return [
        (one.digest, one.key, one.looks[1].upright, one.looks[1].thumbnail.tobytes())
        for one in found
    ]


def test_two_processes_find_what_one_finds(art: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alone, shared = (looks(art, monkeypatch, workers) for workers in (1, 2))
    assert len(alone) == 40
    assert plain(alone) == plain(shared)


def test_a_broken_image_is_named_from_another_process_too(
    art: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "broken.zip"
    with zipfile.ZipFile(art) as source, zipfile.ZipFile(broken, "w") as target:
        for name in source.namelist():
            data = source.read(name)
            target.writestr(name, data[:60] if name.endswith("img00000020.png") else data)
    with pytest.raises(UsageError, match=r"img00000020\.png is damaged") as caught:
        looks(broken, monkeypatch, 2)
    assert "img00000020" in caught.value.message
