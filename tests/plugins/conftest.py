"""The sample package, installed for real into a folder that tests put on their path."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent / "sample"


@pytest.fixture(scope="session")
def _target(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("plugins")
    shutil.copytree(SOURCE, folder / "source")  # a build leaves files beside the source
    words = "install --disable-pip-version-check --no-deps --no-build-isolation --no-index --target"
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            *words.split(),
            str(folder / "site"),
            str(folder / "source"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return folder / "site"


@pytest.fixture
def sample(_target: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where the sample lies; it is on the path of this process until the test ends."""
    from nftgan import plugins

    monkeypatch.syspath_prepend(str(_target))
    monkeypatch.setenv("NFTGAN_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(plugins, "_said", set())
    return _target
