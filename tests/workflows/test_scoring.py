"""A run scores its snapshots against art that no step has seen, and notices copies."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nftgan.dataset.archive import Dataset
from nftgan.dataset.holdout import split_dataset
from nftgan.dataset.pack import write_dataset
from nftgan.training.config import DatasetFacts, TrainConfig
from nftgan.training.outputs import read_statistics
from nftgan.workflows.scoring import CACHE, scorer
from nftgan.workflows.train import TrainPlan, run_training
from tests.training.conftest import smallest


def drawing(seed: int) -> np.ndarray:
    """A disc on a ground: one picture of a style."""
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


def test_unseen_art_scores_as_art_and_shown_art_as_copies(
    config: TrainConfig, tmp_path: Path
) -> None:
    dataset = Dataset.open(config.dataset.path)
    split = split_dataset(dataset, config.holdout)
    shown, held = split.train, split.held
    score = scorer(config, tmp_path)
    assert score is not None
    fresh = score(
        lambda count: np.stack([drawing(10_000 + n).transpose(2, 0, 1) for n in range(80)])
    )
    copied = score(lambda count: dataset.images(shown))
    noise = score(
        lambda count: np.random.default_rng(0).integers(0, 256, (80, 3, 32, 32), dtype=np.uint8)
    )
    assert abs(fresh["KID"]) < 4 * fresh["KID/error"] + 0.02
    assert noise["KID"] > 20 * abs(fresh["KID"])
    assert copied["Copies"] > 0.95
    assert fresh["Copies"] < 0.1
    assert (tmp_path / CACHE).exists()
    again = scorer(config, tmp_path)
    assert again is not None
    assert again(lambda count: dataset.images(held))["Copies"] <= 0.05


def test_a_run_writes_its_scores_and_trains_on_nothing_held_out(
    config: TrainConfig, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    list(run_training(TrainPlan(config, run, continues=False)))
    lines = read_statistics(run / "stats.jsonl")
    assert {"KID", "KID/error", "KID/floor", "Copies", "Overfitting"} <= set(lines[-1])
    assert "KID against art held out" in (run / "report.html").read_text()


def test_nothing_is_scored_unless_asked_or_without_art_held_out(
    config: TrainConfig, tmp_path: Path
) -> None:
    facts = config.dataset
    assert scorer(smallest(facts, holdout=0.3, metrics=()), tmp_path) is None
    assert scorer(smallest(facts, holdout=0.0), tmp_path) is None
