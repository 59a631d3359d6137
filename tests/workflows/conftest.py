"""A small collection that is deployed on the embedded chain, made once and copied to each test."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nftgan.cli.main import app
from nftgan.project import Project


def _run(*words: str) -> None:
    with pytest.raises(SystemExit) as stopped:
        app([*words, "--json"], standalone_mode=False)
    assert stopped.value.code == 0, words


@pytest.fixture(scope="session")
def _deployed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("deployed")
    where = ("-C", str(folder / "birds"))
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("NFTGAN_HOME", str(folder / "home"))
        _run("init", "birds", "--in", str(folder))
        _run("curate", *where, "-m", "base", "--pick", "3,8,15")
        _run("render", *where)
        _run("metadata", *where)
        _run("deploy", *where, "--force")
    return folder


@pytest.fixture
def published(_deployed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Three pieces, rendered and deployed, none minted; nothing is pinned."""
    shutil.copytree(_deployed, tmp_path, dirs_exist_ok=True)
    monkeypatch.setenv("NFTGAN_HOME", str(tmp_path / "home"))
    return Project(tmp_path / "birds")


@pytest.fixture
def answer(capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """answer("mint", …, expect=0): the result, or the error, of one command in this process."""

    def call(*words: str, expect: int = 0) -> Any:
        with pytest.raises(SystemExit) as stopped:
            app([*words, "--json"], standalone_mode=False)
        document = json.loads(capsys.readouterr().out)
        assert stopped.value.code == expect, document
        return document["result"] if document["ok"] else document["error"]

    return call
