from __future__ import annotations

from pathlib import Path

import pytest

from nftgan.training import launch


def test_a_child_imports_nothing_from_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trap = "import pathlib; pathlib.Path(__file__).with_name('ran').touch()\n"
    for name in ("nftgan", "typer", "rich"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(trap)
        (tmp_path / name / "__main__.py").write_text(trap)
    (tmp_path / "out").mkdir()
    monkeypatch.chdir(tmp_path)
    child = launch._start(["--version"], 1, 2, tmp_path / "out")
    assert child.wait() == 0
    assert not list(tmp_path.rglob("ran"))
