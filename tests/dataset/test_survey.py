"""Several processes see what one sees, and tell of a broken image as one does."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from nftgan.dataset import survey as module
from nftgan.dataset.archive import Dataset
from nftgan.dataset.holdout import RULE
from nftgan.dataset.orientations import coarse_key, image_key
from nftgan.dataset.pack import write_dataset
from nftgan.dataset.survey import Seen, survey
from nftgan.errors import UsageError
from nftgan.pixels import pixel_digest


@pytest.fixture
def art(tmp_path: Path) -> Path:
    images = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 3), dtype=np.uint8)
    write_dataset(tmp_path / "art.zip", list(images))
    return tmp_path / "art.zip"


def looks(
    path: Path, monkeypatch: pytest.MonkeyPatch, workers: int, rule: int | None = RULE
) -> list[Seen]:
    monkeypatch.setattr(module, "LARGE_BYTES", 0)
    monkeypatch.setattr(module, "CHUNK", 7)
    monkeypatch.setattr(module, "worker_count", lambda count: workers)
    return list(survey(Dataset.open(path), rule=rule, what="looking"))


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


@pytest.mark.parametrize("shape", [(40, 64, 64, 3), (40, 64, 64)])
def test_each_rule_has_its_key_and_all_have_the_digest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shape: tuple[int, ...]
) -> None:
    images = np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)
    write_dataset(tmp_path / "art.zip", list(images))
    for rule, key in ((None, lambda one: ""), (1, image_key), (2, coarse_key)):
        found = looks(tmp_path / "art.zip", monkeypatch, 1, rule)
        assert [one.key for one in found] == [key(one) for one in images]
        assert [one.digest for one in found] == [pixel_digest(one) for one in images]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems cannot fork safely")
def test_forked_processes_find_the_data_set_open(
    art: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: object, *args: object, **options: object) -> None:
        raise UsageError("it was opened again")

    opened = Dataset.open(art)
    monkeypatch.setattr(Dataset, "open", refuse)
    monkeypatch.setattr(module, "LARGE_BYTES", 0)
    monkeypatch.setattr(module, "worker_count", lambda count: 2)
    assert len(list(survey(opened, rule=RULE, what="looking"))) == 40
    assert not module._opened
