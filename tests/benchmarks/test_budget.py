"""The study at equal processor seconds: what it shows, where it cuts, and that it goes on."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.recipes import budget
from nftgan.dataset.archive import Dataset
from nftgan.networks.model_file import save_model
from nftgan.training.config import DatasetFacts
from nftgan.training.parent import architecture_options
from nftgan.training.resolving import resolve
from tests.networks import small


@pytest.fixture
def job(tmp_path: Path) -> budget.Job:
    """The base arm on twelve pictures of 16 pixels, of which four are held out."""
    art, runs = tmp_path / "art", tmp_path / "runs"
    (art / "squares").mkdir(parents=True)
    runs.mkdir()
    rng = np.random.default_rng(0)
    for number in range(12):
        pixels = rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(art / "squares" / f"{number}.png")
    budget.build_sets(art, runs, {"squares": 8}, side=16)
    base = tmp_path / "base.safetensors"
    save_model(base, generator=small.generator("sg2"), discriminator=small.discriminator(), meta={})
    return budget.Job(runs, "squares", "base", 0, str(base), "tiny", 1e-9, 1, 8, tick=0.016)


def test_pictures_are_split_and_a_run_is_cut_judged_once_and_shown(
    job: budget.Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert [len(Dataset.open(job.zip(side))) for side in ("train", "held")] == [8, 4]
    (row,) = budget.work(job)
    assert (row["set"], row["arm"], row["shown"], row["held"]) == ("squares", "base", 8, 4)
    assert row["cpu"] > job.cpu and row["kid"] > 0
    again = budget.spent(job.run)
    monkeypatch.setattr("nftgan.metrics.kid.kid", None)  # nothing is trained or measured again
    assert budget.work(job) == [row] and budget.spent(job.run) == again
    assert "| squares | base | 0 |" in budget.table([row])
    target = job.runs / "squares.png"
    monkeypatch.setattr(budget, "SHOWN", 4)
    budget.sheet([job], target)
    assert Image.open(target).size == (4 * 16 * 2, 2 * 16 * 2)


def test_a_set_of_a_size_is_another_set(job: budget.Job, tmp_path: Path) -> None:
    budget.build_sets(tmp_path / "art", job.runs, {"squares:4": 4}, side=16)
    of_four = job.runs / f"{budget.in_files('squares:4')}-train.zip"
    assert [len(Dataset.open(path)) for path in (of_four, job.zip("train"))] == [4, 8]


def test_the_networks_that_are_judged_are_the_last_before_each_part(job: budget.Job) -> None:
    job = budget.Job(**{**vars(job), "cpu": 30.0, "points": 3})
    job.run.mkdir()
    ticks = [(0, 0.5), (1, 8.0), (2, 16.0), (3, 24.0), (4, 33.0)]
    (job.run / budget.LOG).write_text(
        "".join(json.dumps({"kimg": kimg + 0.004, "cpu": cpu}) + "\n" for kimg, cpu in ticks)
    )
    for kimg, _ in ticks:
        (job.run / f"network-{kimg:06d}.safetensors").touch()
    judged = [(used, path.stem[-1]) for used, path in budget.judged_at(job)]
    assert judged == [(8.0, "1"), (16.0, "2"), (33.0, "4")]
    assert budget.spent(job.run) == 33.0


def test_the_same_networks_without_the_base_are_those_of_the_base(job: budget.Job) -> None:
    facts = DatasetFacts.of(job.zip("train"))
    arms = {
        arm: resolve(
            facts, preset="tiny", **budget.options_of(budget.Job(**{**vars(job), "arm": arm}))
        )
        for arm in budget.ARMS
    }
    noise, same, base = (
        architecture_options(config.generator, config.discriminator) for config in arms.values()
    )
    assert same == base != noise
    assert arms["base"].parent is not None
    assert arms["same"].parent is arms["noise"].parent is None


def test_an_arm_names_where_it_starts_and_the_options_that_it_changes(job: budget.Job) -> None:
    arm = "base+batch=8+loss=relativistic+mirror=true"
    options = budget.options_of(budget.Job(**{**vars(job), "arm": arm}))
    assert options == {"resume": job.base, "batch": 8, "loss": "relativistic", "mirror": True}
    with pytest.raises(SystemExit, match="no start 'bas'"):
        budget.options_of(budget.Job(**{**vars(job), "arm": "bas+batch=8"}))
