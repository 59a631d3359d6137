"""A run scores its snapshots against art that no step has seen, and notices copies."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from nftgan.dataset.archive import Dataset
from nftgan.dataset.holdout import split_dataset
from nftgan.dataset.pack import write_dataset
from nftgan.training.config import DatasetFacts, TrainConfig
from nftgan.training.distributed import SINGLE_PROCESS
from nftgan.training.outputs import read_statistics
from nftgan.workflows.scoring import CACHE, scorer
from nftgan.workflows.train import TrainPlan, run_training
from tests.training.conftest import smallest

ROOT = Path(__file__).resolve().parents[2]


def drawing(seed: int) -> np.ndarray:
    """A disc on a ground: one image of a style."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:32, :32]
    pixels = np.full((32, 32, 3), random.integers(0, 256, 3), np.uint8)
    cx, cy, radius = random.uniform([8, 8, 4], [24, 24, 12])
    pixels[(x - cx) ** 2 + (y - cy) ** 2 < radius**2] = random.integers(0, 256, 3)
    return pixels


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> TrainConfig:
    path = tmp_path_factory.mktemp("art") / "discs.zip"
    write_dataset(path, [drawing(n) for n in range(240)], labels=None)
    return smallest(DatasetFacts.of(path), holdout=0.3, num_layers=5, margin_size=2)


PROGRAM = """
import sys
from pathlib import Path
import torch
torch.set_num_threads(1)
from nftgan.training.config import DatasetFacts
from nftgan.workflows import scoring
from nftgan.workflows.train import TrainPlan, run_training
from tests.training.conftest import smallest
scoring.FAKES = 81  # an odd number is not shared evenly
options = dict(batch=8, kimg=0.016, holdout=0.3, num_layers=5, margin_size=2)
config = smallest(DatasetFacts.of(Path(sys.argv[1])), **options)
list(run_training(TrainPlan(config, Path(sys.argv[2]), continues=False)))
"""


def test_a_team_shares_the_fakes_and_finds_the_same(config: TrainConfig, tmp_path: Path) -> None:
    found = []
    for size in (1, 2):
        run = tmp_path / f"run{size}"
        distributed = [
            subprocess.Popen(
                [sys.executable, "-c", PROGRAM, config.dataset.path, str(run)],
                cwd=ROOT,
                env=os.environ
                | {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(size)}
                | {"NFTGAN_RENDEZVOUS": str(tmp_path / f"team{size}"), "OMP_NUM_THREADS": "1"},
            )
            for rank in range(size)
        ]
        assert [one.wait(240) for one in distributed] == [0] * size
        found.append(read_statistics(run / "stats.jsonl")[-1])
    for name in ("KID", "KID/error", "KID/floor", "Copies"):
        assert found[1][name] == pytest.approx(found[0][name], rel=1e-3, abs=1e-3), name


def test_unseen_art_scores_as_art_and_shown_art_as_copies(
    config: TrainConfig, tmp_path: Path
) -> None:
    dataset = Dataset.open(config.dataset.path)
    split = split_dataset(dataset, config.holdout)
    shown, held = split.train, split.held
    score = scorer(config, tmp_path)
    assert score is not None
    fresh = score(
        lambda seeds: np.stack([drawing(10_000 + n).transpose(2, 0, 1) for n in range(80)]),
        SINGLE_PROCESS,
    )
    copied = score(lambda seeds: dataset.images(shown), SINGLE_PROCESS)
    noise = score(
        lambda seeds: np.random.default_rng(0).integers(0, 256, (80, 3, 32, 32), dtype=np.uint8),
        SINGLE_PROCESS,
    )
    assert abs(fresh["KID"]) < 4 * fresh["KID/error"] + 0.02
    assert noise["KID"] > 20 * abs(fresh["KID"])
    assert copied["Copies"] > 0.95
    assert fresh["Copies"] < 0.1
    assert (tmp_path / CACHE).exists()
    again = scorer(config, tmp_path)
    assert again is not None
    assert again(lambda seeds: dataset.images(held), SINGLE_PROCESS)["Copies"] <= 0.05


def test_a_run_writes_its_scores_and_trains_on_nothing_held_out(
    config: TrainConfig, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    list(run_training(TrainPlan(config, run, continues=False)))
    lines = read_statistics(run / "stats.jsonl")
    assert {"KID", "KID/error", "KID/floor", "Copies", "Overfitting"} <= set(lines[-1])
    assert "KID against the art" in (run / "report.html").read_text()


def test_nothing_is_scored_unless_asked(config: TrainConfig, tmp_path: Path) -> None:
    assert scorer(smallest(config.dataset, holdout=0.3, metrics=()), tmp_path) is None


def test_a_small_set_is_scored_without_a_hold_out_and_its_copies_are_found(tmp_path: Path) -> None:
    path = tmp_path / "small.zip"
    art = [drawing(n) for n in range(80)]
    write_dataset(path, art, labels=None)
    config = smallest(DatasetFacts.of(path), num_layers=5, margin_size=2)
    assert config.holdout == 0
    score = scorer(config, tmp_path)
    assert score is not None
    images = np.stack(art).transpose(0, 3, 1, 2)
    fresh = np.stack([drawing(n) for n in range(1000, 1400)]).transpose(0, 3, 1, 2)
    copies = score(lambda seeds: images[np.asarray(seeds) % 80], SINGLE_PROCESS)
    honest = score(lambda seeds: fresh[np.asarray(seeds)], SINGLE_PROCESS)
    noise = np.random.default_rng(0).integers(0, 256, fresh.shape, dtype=np.uint8)
    broken = score(lambda seeds: noise[np.asarray(seeds)], SINGLE_PROCESS)
    assert copies["Copies"] == 1 and honest["Copies"] < 0.1 and broken["Copies"] == 0
    assert abs(honest["KID"] - honest["KID/floor"]) < 0.1 < broken["KID"]
    tiny = tmp_path / "tiny.zip"
    write_dataset(tiny, art[:30], labels=None)
    assert scorer(smallest(DatasetFacts.of(tiny)), tmp_path) is None
