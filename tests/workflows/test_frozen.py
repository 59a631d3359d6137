"""`status` says whether links can be moved, and waits for no node that does not answer."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from typing import Any

import pytest

from nftgan.chain import node
from nftgan.project import Project
from nftgan.workflows.frozen import FROZEN, MOVABLE, base_uri_states, minted_tokens

Answer = Callable[..., Any]


def record_of(project: Project) -> dict[str, Any]:
    (path,) = project.deployments.glob("*.json")
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def test_status_says_it_before_and_after_the_freeze(published: Project, answer: Answer) -> None:
    where = ("-C", str(published.root))
    assert answer("status", *where)["links"] == {"embedded": MOVABLE}
    assert answer("status", "--offline", *where)["links"] == {}
    answer("freeze", "--yes", *where)
    assert answer("status", *where)["links"] == {"embedded": FROZEN}


def test_a_report_says_what_is_minted_and_its_page_stays_the_same(
    published: Project, answer: Answer
) -> None:
    where = ("-C", str(published.root))
    page = published.root / "report.html"
    assert answer("report", *where)["on_chain"] == {"embedded": "0 tokens minted"}
    before = page.read_bytes()
    assert answer("report", "--offline", *where)["on_chain"] == {}
    assert page.read_bytes() == before
    error = answer("report", "--offline", "--verify", *where, expect=2)
    assert "--offline does not" in error["message"]
    record = record_of(published)
    gone = minted_tokens([{**record, "collection": "0x" + "1" * 40}])
    assert gone == {"embedded": "not asked: there is no contract at this address"}


def test_what_cannot_be_asked_is_said_and_makes_no_chain(
    published: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    record = record_of(published)
    reset = base_uri_states([{**record, "genesis": "0x" + "1" * 64}])
    assert reset == {"embedded": "not asked: the chain was reset"}
    wrong = base_uri_states([{**record, "collection": "0x" + "1" * 40}])
    assert wrong == {"embedded": "not asked: there is no contract at this address"}
    assert "unknown chain" in base_uri_states([{**record, "chain": "nowhere"}])["nowhere"]
    monkeypatch.setenv("NFTGAN_HOME", str(tmp_path / "empty"))
    assert "does not have the chain" in base_uri_states([record])["embedded"]
    assert not (tmp_path / "empty").exists()


def test_a_silent_node_holds_nobody_up(published: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node, "BRIEF_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:  # it takes the call and says nothing
        monkeypatch.setenv("NFTGAN_RPC_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        found = base_uri_states([{**record_of(published), "chain": "sepolia"}])
        assert found["sepolia"].startswith("not asked: the node at http://127.0.0.1")
        silent.accept()
        silent.setblocking(False)
        with pytest.raises(BlockingIOError):  # it was asked once, and not five times
            silent.accept()
