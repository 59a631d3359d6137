"""Hints of a collection without a model lead to the person's own runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from nftgan.cli.main import app
from nftgan.networks.sources import RUN_OPTIONS
from nftgan.project import Project
from nftgan.workflows.init import init
from nftgan.workflows.own_runs import model_option, runs_near, which_model
from nftgan.workflows.status import status


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A collection in its own folder, where the person stands."""
    monkeypatch.setenv("NFTGAN_HOME", str(tmp_path / "home"))
    init("birds", tmp_path / "my art" / "collections")
    monkeypatch.chdir(tmp_path / "my art" / "collections" / "birds")
    return Project(Path.cwd())


def began(runs: Path) -> None:
    (runs / "00000-one").mkdir(parents=True)
    (runs / "00000-one" / RUN_OPTIONS).write_text("{}")


def error_of(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    with pytest.raises(SystemExit) as ended:
        app([*words, "--json"], standalone_mode=False)
    assert ended.value.code == 2
    error: dict[str, Any] = json.loads(capsys.readouterr().out)["error"]
    return error


def test_a_run_is_found_where_train_was_typed(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert runs_near(project) is None and model_option(project) == ""
    (tmp_path / "my art" / "runs").mkdir()
    assert runs_near(project) is None  # no run in it
    began(tmp_path / "my art" / "runs")
    assert runs_near(project) == Path("../../runs")
    assert status(project, offline=True).next == "nftgan curate --model ../../runs --auto 12"
    monkeypatch.chdir(tmp_path)
    assert model_option(Project(project.root)) == "--model 'my art/runs'"


def test_no_hint_of_a_new_collection_leads_to_the_art_of_the_base_model(
    project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for words in (("curate", "--auto", "12"), ("curate", "--model", "runs", "--auto", "12")):
        assert "nftgan train" in error_of(capsys, *words)["hint"]
    began(tmp_path / "my art" / "runs")
    for words in (("curate", "--auto", "12"), ("curate", "--model", "runs", "--auto", "12")):
        assert error_of(capsys, *words)["hint"] == "--model ../../runs"
    assert which_model(project) == "--model ../../runs"


def test_a_collection_that_has_a_model_is_asked_for_no_other(
    project: Project, tmp_path: Path
) -> None:
    began(tmp_path / "my art" / "runs")
    project.model_path.write_bytes(b"")
    assert model_option(project) == ""
