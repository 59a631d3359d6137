"""Several processes run a verb only where they share its work."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nftgan.cli.main import app


def test_a_verb_that_processes_cannot_share_is_refused_by_each_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two of them would deploy and mint twice."""
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(SystemExit) as ended:
        app(["init", "birds", "--in", str(tmp_path), "--json"], standalone_mode=False)
    assert ended.value.code == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["message"] == "init is not shared by several processes"
    assert "torchrun" in error["hint"]
    assert not list(tmp_path.iterdir())
