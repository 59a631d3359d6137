"""`nftgan mint` refuses pieces that are too like other art, unless it is told to mint them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from nftgan.chain.contract import Collection
from nftgan.chain.networks import CHAINS
from nftgan.chain.rpc import connect
from nftgan.cli.main import app
from nftgan.collection.manifest import Manifest
from nftgan.files import read_json
from nftgan.project import Project

WHY = "too like piece 0"


def typed(
    capsys: pytest.CaptureFixture[str], project: Project, *words: str, expect: int = 0
) -> dict[str, Any]:
    """The document of one command on the collection."""
    with pytest.raises(SystemExit) as stopped:
        app([*words, "-C", str(project.root), "--json"], standalone_mode=False)
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert stopped.value.code == expect, document
    return document


def test_marked_pieces_are_minted_only_knowingly(
    published: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = Manifest.load(published.manifest_path)
    pieces = [replace(p, kept=WHY if p.id in (1, 2) else None) for p in manifest.pieces]
    manifest.with_pieces(pieces).save(published.manifest_path)
    for more in ((), ("--dry-run",), ("--tokens", "0-1")):
        error = typed(capsys, published, "mint", "--force", *more, expect=3)["error"]
        assert error["kind"] == "check_failed" and "--allow-copies" in error["hint"]
        assert f"token 1 ({pieces[1].title}): {WHY}" in error["message"]
        assert ("token 2" in error["message"]) == ("--tokens" not in more)
    record = read_json(next(published.deployments.glob("*.json")))
    collection = Collection(connect(CHAINS["embedded"]), record["collection"])
    assert collection.next_token_id() == 0
    typed(capsys, published, "mint", "--force", "--tokens", "0")  # not one of them
    plan = typed(capsys, published, "mint", "--force", "--allow-copies", "--dry-run")["result"]
    assert plan["warnings"] == ["too like other art, minted knowingly: tokens 1-2"]
    assert collection.next_token_id() == 1
    typed(capsys, published, "mint", "--force", "--allow-copies")
    assert collection.next_token_id() == len(pieces)
    typed(capsys, published, "mint", "--force")  # nothing is left that could be refused


def test_what_is_final_is_chosen_by_number_or_left_to_the_node(
    published: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    for wrong in ("soon", "-1", "1.5", "٣"):
        words = ("mint", "--force", f"--confirmations={wrong}")
        error = typed(capsys, published, *words, expect=2)["error"]
        assert "neither a number of blocks nor finalized" in error["message"]
    for rule, found in (("3", "2 final"), ("finalized", "3 finalized")):
        more = ("--tokens", "0-1") if rule == "3" else ()
        typed(capsys, published, "mint", "--force", "--confirmations", rule, *more)
        steps = typed(capsys, published, "status")["result"]["steps"]
        [mint] = [step for step in steps if step["verb"] == "mint"]
        assert mint["found"] == found
        assert mint["done"] == (rule == "finalized")
