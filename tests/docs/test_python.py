"""The examples of docs/python.md run as they are written, one after the other."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import nftgan
from tests.test_docs import blocks

PAGE = (Path(__file__).parents[2] / "docs" / "python.md").read_text(encoding="utf-8")


IMAGES, _, REST = PAGE.partition("\n## A collection\n")
COLLECTION, _, REFERENCE = REST.partition("\n## Reference\n")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], dict[str, Any]]:
    """Runs the examples of a part of the page in an empty folder; gives what they have made."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NFTGAN_HOME", str(tmp_path / "home"))

    def call(part: str) -> dict[str, Any]:
        space: dict[str, Any] = {"__name__": "__main__", "nftgan": nftgan}
        for line, language, text in blocks(part):
            if language == "python":
                exec(compile("\n" * line + text, "docs/python.md", "exec"), space)
        return space

    return call


def test_the_examples_of_images_run(run: Callable[[str], dict[str, Any]]) -> None:
    made = run(IMAGES)
    assert made["images"].shape == (3, 32, 32, 3) and made["frames"].shape == (5, 32, 32, 3)
    assert Path("between.png").is_file()


@pytest.mark.slow
def test_the_examples_of_a_collection_run(run: Callable[[str], dict[str, Any]]) -> None:
    made = run(COLLECTION)
    assert made["proof"].passed and len(made["proof"].tokens) == 2
    assert "python" not in {language for _, language, _ in blocks(REFERENCE)}


def test_what_is_not_run_names_what_exists() -> None:
    """Blocks marked `py` train for hours; they compile, and take what the functions take."""
    (text,) = [text for _, language, text in blocks(PAGE) if language == "py"]
    used = {
        node.attr
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Attribute) and getattr(node.value, "id", "") == "nftgan"
    }
    assert used == {"prepare", "train", "evaluate"} and used <= set(nftgan.__all__)


def test_nothing_on_the_page_is_private() -> None:
    listed = set(re.findall(r"^::: (\S+)$", PAGE, re.MULTILINE))
    assert listed == {f"{module}.{own}" for module, own in nftgan._PLACES.values()}
