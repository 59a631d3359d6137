"""`report --verify` checks what `verify` checks, the collection as a whole too, and ends alike."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nftgan.project import Project
from nftgan.provenance.checks import FAIL, PASS, SKIPPED, Check
from nftgan.provenance.models import Limits
from nftgan.workflows import report as workflow
from nftgan.workflows import verify as verifying

Answer = Callable[..., Any]


@pytest.fixture
def page(published: Project, answer: Answer, tmp_path: Path) -> tuple[str, ...]:
    """The words of `report --verify` for three minted pieces."""
    answer("pin", "-C", str(published.root))
    answer("mint", "-C", str(published.root))
    return ("report", "--verify", "-C", str(published.root), "-o", str(tmp_path / "page.html"))


def test_the_page_has_the_checks_of_the_collection_as_verify_makes_them(
    page: tuple[str, ...], published: Project, answer: Answer, tmp_path: Path
) -> None:
    result = answer(*page)
    verified = answer("verify", "-C", str(published.root))
    assert result["collection"] == verified["collection"]
    assert [one["name"] for one in result["collection"]] == [
        "links",
        "each once",
        "traits",
        "words",
    ]
    assert result["collection"][2]["verdict"] == PASS  # measured again
    text = (tmp_path / "page.html").read_text("utf-8")
    assert "The collection as a whole" in text and "not frozen" in text


@pytest.mark.parametrize(
    ("verdict", "code", "sentence"),
    [
        (FAIL, 3, "The tokens hold, the collection as a whole does not."),
        (SKIPPED, 6, "The tokens are proven; of the collection not all could be checked."),
    ],
)
def test_what_does_not_hold_of_the_whole_decides_the_exit_code(
    page: tuple[str, ...],
    answer: Answer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    verdict: Any,
    code: int,
    sentence: str,
) -> None:
    checks = (Check("traits", verdict, "token 1 says blue"),)
    monkeypatch.setattr(workflow, "collection_checks", lambda *_, **__: checks)
    error = answer(*page, expect=code)
    assert "the collection: traits: token 1 says blue" in error["message"]
    assert sentence in (tmp_path / "page.html").read_text("utf-8")


def test_what_is_heavy_is_left_out_unless_it_is_allowed(
    page: tuple[str, ...], answer: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verifying, "Limits", lambda: Limits(pieces=2))
    error = answer(*page, expect=6)
    assert "--allow-heavy" in error["message"] + str(error["hint"])
    assert answer(*page, "--allow-heavy")["broken"] == []
    words = [word for word in page if word != "--verify"]
    assert "go with --verify" in answer(*words, "--allow-heavy", expect=2)["message"]
