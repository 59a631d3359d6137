"""`nftgan mint` refuses pieces that are too like other art, unless it is told to mint them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from nftgan.chain.contract import Collection
from nftgan.chain.networks import CHAINS
from nftgan.chain.rpc import connect
from nftgan.collection.manifest import Manifest
from nftgan.files import read_json
from nftgan.project import Project

WHY = "too like piece 0"


Answer = Callable[..., Any]


def test_marked_pieces_are_minted_only_knowingly(published: Project, answer: Answer) -> None:
    manifest = Manifest.load(published.manifest_path)
    pieces = [replace(p, override_reason=WHY if p.id in (1, 2) else None) for p in manifest.pieces]
    manifest.with_pieces(pieces).save(published.manifest_path)
    for more in ((), ("--dry-run",), ("--tokens", "0-1")):
        error = answer("mint", "-C", str(published.root), "--force", *more, expect=3)
        assert error["kind"] == "check_failed" and "--allow-copies" in error["hint"]
        assert f"token 1 ({pieces[1].title}): {WHY}" in error["message"]
        assert ("token 2" in error["message"]) == ("--tokens" not in more)
    record = read_json(next(published.deployments.glob("*.json")))
    collection = Collection(connect(CHAINS["embedded"]), record["collection"])
    assert collection.next_token_id() == 0
    answer("mint", "-C", str(published.root), "--force", "--tokens", "0")  # not one of them
    plan = answer("mint", "-C", str(published.root), "--force", "--allow-copies", "--dry-run")
    assert plan["warnings"] == ["too like other art, minted knowingly: tokens 1-2"]
    assert collection.next_token_id() == 1
    answer("mint", "-C", str(published.root), "--force", "--allow-copies")
    assert collection.next_token_id() == len(pieces)
    answer("mint", "-C", str(published.root), "--force")  # nothing is left that could be refused


def test_what_is_final_is_chosen_by_number_or_left_to_the_node(
    published: Project, answer: Answer
) -> None:
    for wrong in ("soon", "-1", "1.5", "٣"):
        words = ("mint", "-C", str(published.root), "--force", f"--confirmations={wrong}")
        error = answer(*words, expect=2)
        assert "neither a number of blocks nor finalized" in error["message"]
    for rule, found in (("3", "2 final"), ("finalized", "3 finalized")):
        more = ("--tokens", "0-1") if rule == "3" else ()
        answer("mint", "-C", str(published.root), "--force", "--confirmations", rule, *more)
        steps = answer("status", "-C", str(published.root))["steps"]
        [mint] = [step for step in steps if step["verb"] == "mint"]
        assert mint["found"] == found
        assert mint["done"] == (rule == "finalized")
