from __future__ import annotations

import json
from pathlib import Path

import pytest

from nftgan.cli.main import app


def test_the_program_alone_says_where_one_is_and_exits_0(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "birds[b]").mkdir()
    (tmp_path / "birds[b]" / "1.png").touch()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        app([], standalone_mode=False)
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert "birds[b]" in shown and "1 image" in shown
    assert "next: nftgan prepare 'birds[b]' -o 'birds[b].zip'" in shown
    with pytest.raises(SystemExit):
        app(["--json"], standalone_mode=False)
    assert json.loads(capsys.readouterr().out)["result"]["found"][0]["kind"] == "art"
