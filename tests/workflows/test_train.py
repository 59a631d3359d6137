"""Which folder a training run gets: its own again, else the next number."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from nftgan import files
from nftgan.dataset.holdout import RULE
from nftgan.dataset.pack import write_dataset
from nftgan.errors import UsageError
from nftgan.networks.sources import base_model
from nftgan.progress import NullProgress
from nftgan.training.config import OPTIONS_FILE
from nftgan.training.tick import Tick
from nftgan.workflows.train import TrainPlan, plan_training, tick_line


@pytest.fixture
def art(tmp_path: Path) -> Path:
    images = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), dtype=np.uint8)
    write_dataset(tmp_path / "art.zip", list(images), labels=None)
    return tmp_path / "art.zip"


def plan(
    art: Path, runs: Path | None = Path("runs"), resume: object = None, **options: object
) -> TrainPlan:
    return plan_training(
        art,
        runs and art.parent / runs,
        preset="tiny",
        resume=None if resume is None else str(resume),
        **options,
    )


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


def test_a_run_from_before_the_rule_goes_on_by_the_one_that_it_began_with(art: Path) -> None:
    first = plan(art)
    assert first.config.holdout_rule == RULE != 1
    first.run_dir.mkdir(parents=True)
    record = first.config.to_json()
    del record["holdout_rule"]  # as earlier versions wrote it
    files.write_json(first.run_dir / OPTIONS_FILE, record)
    again = plan(art)
    assert (again.run_dir, again.continues) == (first.run_dir, True)
    assert again.config.holdout_rule == 1
    changed = plan(art, resume=first.run_dir, gamma=3.0)
    assert (changed.config.holdout_rule, changed.config.gamma) == (1, 3.0)


def test_a_folder_that_was_killed_before_it_began_is_used(art: Path) -> None:
    first = plan(art)
    first.run_dir.mkdir(parents=True)
    assert plan(art).run_dir == first.run_dir


def test_a_folder_of_runs_to_resume_means_its_newest_run(art: Path) -> None:
    first = plan(art, gamma=2.0)
    begin(first)
    runs = first.run_dir.parent
    for named in (runs, first.run_dir):
        again = plan(art, resume=named, kimg=3)
        assert (again.run_dir, again.continues) == (first.run_dir, True)
        assert (again.config.gamma, again.config.total_images) == (2.0, 3000)
        assert plan(art, runs=None, resume=named).run_dir == first.run_dir
    begin(plan(art, seed=1))
    assert plan(art, resume=runs).run_dir.name[:5] == "00001"


def test_a_renamed_data_set_and_a_renamed_run_still_belong_together(art: Path) -> None:
    first = plan(art)
    begin(first)
    moved = first.run_dir.rename(first.run_dir.with_name("my owls"))
    renamed = art.rename(art.with_name("owls, all of them.zip"))
    again = plan(renamed)
    assert (again.run_dir, again.continues) == (moved, True)
    assert again.config.decisive() == first.config.decisive()
    # A copy that somebody keeps is not what goes on.
    shutil.copytree(moved, first.run_dir)
    assert plan(renamed).run_dir == first.run_dir
    assert plan(renamed, seed=1).run_dir.name[:5] == "00001"


def test_other_art_or_another_folder_starts_from_the_run_instead(art: Path) -> None:
    first = plan(art)
    begin(first)
    shutil.copy(base_model(32), first.run_dir / "network-000000.safetensors")
    new = plan(art, runs=Path("others"), resume=first.run_dir)
    assert (new.run_dir.parent.name, new.continues) == ("others", False)
    assert new.config.parent is not None
    other = art.with_name("other.zip")
    images = np.random.default_rng(1).integers(0, 256, (4, 32, 32, 3), dtype=np.uint8)
    write_dataset(other, list(images), labels=None)
    child = plan(other, resume=first.run_dir.parent)
    assert (child.run_dir.name[:5], child.continues) == ("00001", False)
    begin(child)
    assert plan(other, resume=first.run_dir.parent).run_dir == child.run_dir
    with pytest.raises(UsageError, match="where shall the new run go"):
        plan(other, runs=None, resume=first.run_dir)


def test_a_change_in_the_middle_belongs_to_the_run_from_then_on(art: Path) -> None:
    first = plan(art)
    begin(first)
    files.write_json(first.run_dir / "state-000004000.json", {"counters": {"images": 4000}})
    (first.run_dir / "state-000004000.safetensors").touch()
    changed = plan(art, resume=first.run_dir, batch=32)
    assert changed.config.batch == 32
    (change,) = changed.config.changes
    assert (change.images, change.values) == (4000, (("batch", 16, 32),))
    files.write_json(first.run_dir / OPTIONS_FILE, changed.config.to_json())
    again = plan(art)  # the first command goes on with what was changed
    assert (again.run_dir, again.config) == (first.run_dir, changed.config)
    assert plan(art, batch=32).run_dir != first.run_dir  # 32 from the start is another run
    with pytest.raises(UsageError, match="seed is 0 in this run"):
        plan(art, resume=first.run_dir, seed=5)


@pytest.mark.parametrize(
    ("images", "pace", "last", "line"),
    [
        (0, 0.0, False, "0 of 20 kimg"),
        (4_000, 14.25, False, "4 of 20 kimg, 14.2 s/kimg, 4 min left"),
        (20_016, 14.25, True, "20 of 20 kimg, 14.2 s/kimg"),
        (8_000, 14.25, True, "8 of 20 kimg, 14.2 s/kimg"),  # its hours are over
    ],
)
def test_a_tick_says_where_how_fast_and_how_long(
    images: int, pace: float, last: bool, line: str
) -> None:
    tick = Tick(1, images, 20_000, {}, 0.1, 60.0, pace, False, last, ())
    assert tick_line(tick) == line


def test_a_tick_of_the_first_stage_names_it() -> None:
    tick = Tick(1, 4000, 20_000, {}, 0.1, 60.0, 0.0, False, False, (), "autoencoder")
    assert tick_line(tick) == "4 of 20 kimg, autoencoder"


class Heard(NullProgress):
    """Keeps the warnings."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warn(self, message: str) -> None:
        self.warnings.append(message)


def test_class_numbers_without_images_are_told_before_networks_get_room_for_them(
    tmp_path: Path,
) -> None:
    images = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), dtype=np.uint8)
    for name, labels in (("sparse", [7, 202, 999, 7]), ("dense", [0, 1, 2, 2])):
        write_dataset(tmp_path / f"{name}.zip", list(images), labels=labels)
    told = {}
    for name, more in (("sparse", {}), ("dense", {}), ("sparse", {"conditional": False})):
        heard = Heard()
        plan(tmp_path / f"{name}.zip", progress=heard, **more)
        told[name, not more] = [line for line in heard.warnings if "class numbers" in line]
    assert len(told["sparse", True]) == 1
    assert told["sparse", True][0].startswith("only 3 of 1,000 class numbers have images")
    assert told["dense", True] == told["sparse", False] == []


def test_a_set_of_a_few_images_is_told_what_to_expect(
    art: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = Heard()
    plan(art, progress=heard)
    assert heard.warnings == [
        "only 4 images: the network will mostly repeat them; with some hundred it finds something"
        " new"
    ]
    monkeypatch.setattr("nftgan.workflows.train.FEW", 4)
    heard = Heard()
    plan(art, progress=heard)
    assert heard.warnings == []
