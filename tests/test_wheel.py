"""The wheel is whole: installed into an empty environment it runs without the repository."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NEEDED = ("nftgan", "pyproject.toml", "README.md", "LICENSE", "NOTICE")


def sources() -> set[str]:
    """Every file of the package that belongs to it, as git sees it where there is git."""
    git = shutil.which("git")
    if git and (ROOT / ".git").exists():
        listed = subprocess.run(
            [git, "ls-files", "--cached", "--others", "--exclude-standard", "nftgan"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.splitlines()
        return {name for name in listed if (ROOT / name).exists()}
    return {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "nftgan").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, so that nothing of an earlier build can slip in."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in NEEDED:
        source, target = ROOT / name, folder / "source" / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            target.parent.mkdir(exist_ok=True)
            shutil.copy(source, target)
    pip(
        "wheel",
        str(folder / "source"),
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
        "--wheel-dir",
        str(folder),
    )
    (made,) = folder.glob("*.whl")
    return made


def pip(*words: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pip", "--disable-pip-version-check", *words],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


def test_the_wheel_holds_exactly_the_package(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    notes = {name for name in names if ".dist-info/" in name}
    assert names - notes == sources()
    assert {Path(name).name for name in notes} >= {"LICENSE", "NOTICE", "NOTICE.md", "METADATA"}


@dataclass(frozen=True)
class Installed:
    """An environment that has the wheel, and this one's packages instead of a download."""

    folder: Path

    def run(self, *words: str) -> str:
        empty = self.folder / "empty"
        empty.mkdir(exist_ok=True)
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PYTHON", "NFTGAN_", "VIRTUAL_ENV"))
        }
        done = subprocess.run(
            [str(self.folder / "env" / "bin" / words[0]), *words[1:]],
            cwd=empty,
            env={**inherited, "NFTGAN_HOME": str(self.folder / "home"), "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]
        return done.stdout


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder / "env", symlinks=True, with_pip=False)
    python = folder / "env" / "bin" / "python"
    pip("--python", str(python), "install", "--no-deps", "--no-index", str(wheel))
    own = next((folder / "env" / "lib").glob("python*/site-packages"))
    # A plain path: editable installs in there, such as of this repository, have no effect.
    (own / "shared.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    return Installed(folder)


def test_it_runs_from_the_environment_and_not_from_here(installed: Installed) -> None:
    where = installed.run("python", "-c", "import nftgan; print(nftgan.__file__)").strip()
    assert Path(where).is_relative_to(installed.folder / "env")
    assert "prepare" in installed.run("nftgan", "--help")
    assert json.loads(installed.run("nftgan", "model", "info", "base", "--json"))["ok"]


@pytest.mark.slow
def test_the_demo_runs_without_the_repository(installed: Installed) -> None:
    checks = json.loads(installed.run("nftgan", "doctor", "--offline", "--json"))["result"]
    assert checks["fail"] == 0
    words = ("nftgan", "demo", "--keep", "demo", "--kimg", "0.016", "--json")
    result = json.loads(installed.run(*words))["result"]
    assert [step["verb"] for step in result["steps"]][-3:] == ["verify", "regenerate", "site"]
    images = installed.folder / "empty" / "demo" / "collections" / "hills" / "images"
    assert len(list(images.glob("*.png"))) == 12
