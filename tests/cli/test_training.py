"""The options of `train` are the lines of one dataclass."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import typer

from nftgan.cli.main import app
from nftgan.dataset.pack import write_dataset
from nftgan.training.measure import Measured
from nftgan.training.options import OPTIONS
from nftgan.training.tick import Tick
from nftgan.workflows import train_estimate
from nftgan.workflows.init import RecipeDefaults

OF_THE_VERB = {"dataset", "output", "gpus", "dry_run", "price_per_hour", "help_all"}
OF_ALL = {"as_json", "quiet", "verbose", "debug"}


@pytest.fixture(autouse=True)
def measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that takes 40 seconds a kimg."""
    found = Measured(16, 0.64, 0.0, 0.001, 500_000_000, 10**7, 10**6, True)
    monkeypatch.setattr(
        train_estimate, "_measured", lambda config, memory: ([dataclasses.asdict(found)], "")
    )


@pytest.fixture
def art(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NFTGAN_HOME", str(tmp_path / "home"))
    images = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), dtype=np.uint8)
    write_dataset(tmp_path / "art.zip", list(images), labels=None)
    return tmp_path / "art.zip"


def train(art: Path, *words: str) -> int:
    with pytest.raises(SystemExit) as ended:
        app(["train", str(art), "-o", str(art.parent / "runs"), *words], standalone_mode=False)
    return int(ended.value.code or 0)


def test_the_verb_has_the_options_of_the_table_and_no_others() -> None:
    command = typer.main.get_command(app).commands["train"]  # type: ignore[attr-defined]
    shown = {name for name, one in OPTIONS.items() if one.flag is not None}
    assert {one.name for one in command.params} == shown | OF_THE_VERB | OF_ALL
    for one in command.params:
        if one.name in shown:
            assert OPTIONS[one.name].help.split(",")[0] in one.help
            assert f"--{OPTIONS[one.name].flag}" in one.opts


def test_a_dry_run_shows_every_option_and_who_decided_it(
    art: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert train(art, "--gamma", "2", "--no-cond", "--no-exact", "-n") == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    told = {words[0]: words[1:] for words in lines if len(words) > 2}
    assert set(OPTIONS) <= set(told)
    assert "given" in told["gamma"] and "2.0" in told["gamma"]
    assert "given" in told["conditional"] and "given" in told["exact"]
    assert "preset" in told["batch"] and "default" in told["snap"]


def test_a_dry_run_tells_time_cost_memory_and_disk_and_writes_nothing(
    art: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(art, "-n", "--json", "--price-per-hour", "2", "--kimg", "180") == 0
    found = json.loads(capsys.readouterr().out)["result"]["estimate"]
    assert found["seconds_per_kimg"] == 40
    assert found["hours"] == pytest.approx(2, abs=0.1)
    assert found["cost"] == pytest.approx(2 * found["hours"])
    assert found["memory_bytes"] == 500_000_000
    assert {path.name for path in art.parent.iterdir()} <= {"art.zip", "home"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--gamma", "low"), "--gamma 'low' is neither a number nor auto"),
        (("--batch", "0"), "batch must be above zero, not 0"),
        (("--metrics", "kid,fib"), "no metric is called 'fib'"),
        (("--aug", "adda"), "no aug is called 'adda'"),
    ],
)
def test_a_wrong_value_is_one_sentence_and_exit_2(
    art: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], message: str
) -> None:
    assert train(art, *words, "-n", "--json") == 2
    assert json.loads(capsys.readouterr().out)["error"]["message"] == message


def test_texts_of_the_command_line_become_values(
    art: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(art, "--gamma", "auto", "--metrics", "none", "-n", "--json") == 0
    options = json.loads(capsys.readouterr().out)["result"]["options"]
    assert options["metrics"] == [] and options["gamma"] == 0.5


def test_a_run_that_its_hours_ended_says_that_it_goes_on(
    art: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    tick = Tick(1, 4000, 8000, {}, 0.0, 60.0, 15.0, snapshot=True, last=True, warnings=())
    monkeypatch.setattr("nftgan.workflows.train.run_training", lambda plan, progress: iter([tick]))
    assert train(art, "--hours", "0.1") == 0
    said = "--hours ended it at 4 of 8 kimg: the same command goes on"
    assert said in capsys.readouterr().out
    ended = dataclasses.replace(tick, images=8000)
    monkeypatch.setattr("nftgan.workflows.train.run_training", lambda plan, progress: iter([ended]))
    assert train(art, "--hours", "0.1") == 0
    assert "--hours ended" not in capsys.readouterr().out


def test_the_next_line_shows_the_look_that_a_collection_will_have(
    art: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("nftgan.workflows.train.run_training", lambda plan, progress: iter(()))
    monkeypatch.setattr("nftgan.workflows.train.run_advice", lambda run: "It is still learning.")
    assert train(art) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "It is still learning. next: nftgan generate -m " in shown
    assert f" --trunc {RecipeDefaults().trunc:g} " in shown
