"""Which folder a training run gets: its own again, else the next number."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nftgan import files
from nftgan.dataset.pack import write_dataset
from nftgan.training.config import OPTIONS_FILE
from nftgan.workflows.train import TrainPlan, plan_training


@pytest.fixture
def art(tmp_path: Path) -> Path:
    images = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), dtype=np.uint8)
    write_dataset(tmp_path / "art.zip", list(images), labels=None)
    return tmp_path / "art.zip"


def plan(art: Path, **options: object) -> TrainPlan:
    return plan_training(art, art.parent / "runs", preset="tiny", resume=None, **options)


def begin(found: TrainPlan) -> None:
    found.run_dir.mkdir(parents=True)
    files.write_json(found.run_dir / OPTIONS_FILE, found.config.to_json())


def test_the_same_options_go_on_in_their_folder_and_others_get_the_next(art: Path) -> None:
    first = plan(art)
    assert (first.run_dir.name[:5], first.continues) == ("00000", False)
    begin(first)
    assert plan(art) == TrainPlan(first.config, first.run_dir, continues=True)
    longer = plan(art, kimg=3, keep=5, watchdog="stop", tensorboard=True, metrics=())
    assert longer.run_dir == first.run_dir
    other = plan(art, seed=1)
    assert (other.run_dir.name[:5], other.continues) == ("00001", False)


def test_a_folder_that_was_killed_before_it_began_is_used(art: Path) -> None:
    first = plan(art)
    first.run_dir.mkdir(parents=True)
    assert plan(art).run_dir == first.run_dir
