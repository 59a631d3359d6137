"""status: how many tokens are planned, sent, mined and final, from the journals alone."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from nftgan.chain.journal import Attempt, Journal
from nftgan.collection.manifest import Manifest
from nftgan.project import Project
from nftgan.workflows import publishing
from nftgan.workflows.publishing import journal_summary
from nftgan.workflows.status import Step, status
from tests.workflows.typed import Desk


def written(folder: Path) -> None:
    journal = Journal.open(folder / "mint-31337.jsonl", {"chain_id": 31_337})
    for first, count in ((0, 10), (10, 20), (30, 40), (70, 80)):
        journal.plan(f"mint {first}", first=first, count=count)
    for nonce, first in enumerate((0, 10, 30)):
        journal.attempt(Attempt(f"mint {first}", nonce, f"0x{nonce}", "0x", 1, 1))
    for first in (0, 10):
        journal.mine(f"mint {first}", hash="0x", block=1)
    journal.final("mint 0", hash="0x", block=1, gas=1, fee_wei=1)


def test_status_tells_planned_sent_mined_and_final(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.type("init", "birds", "--in", str(tmp_path / "collections"))
    written(desk.collection)
    states = {"final": 10, "mined": 20, "sent": 40, "planned": 80}
    assert journal_summary(Project(desk.collection)) == states
    [step] = [
        step
        for step in desk.type("status", "-C", str(desk.collection))["result"]["steps"]
        if step["verb"] == "mint"
    ]
    assert step["found"] == "10 final, 20 mined, 40 sent, 80 planned" and not step["done"]


def test_a_reorganisation_takes_mined_tokens_back_to_sent(tmp_path: Path) -> None:
    written(tmp_path)
    Journal.open(tmp_path / "mint-31337.jsonl", {}).undo("mint 10")
    summary = journal_summary(Project(tmp_path))
    assert summary == {"final": 10, "sent": 60, "planned": 80}


def test_a_plan_that_was_given_up_counts_for_nothing(tmp_path: Path) -> None:
    """A list of recipients that others got the tokens of: planned, and never signed."""
    journal = Journal.open(tmp_path / "mint-1.jsonl", {"chain_id": 1})
    for first in range(5):
        journal.plan(f"mint {first}-{first}", first=first, count=1, start=0)
    journal.attempt(Attempt("mint 0-0", 0, "0x0", "0x", 1, 1))
    assert journal_summary(Project(tmp_path)) == {"sent": 1, "planned": 4}
    journal.plan("mint 1-3", first=1, count=3)
    journal.attempt(Attempt("mint 1-3", 1, "0x1", "0x", 1, 1))
    assert journal_summary(Project(tmp_path)) == {"sent": 4, "planned": 1}
    journal.plan("odd")
    assert journal_summary(Project(tmp_path)) == {"sent": 4, "planned": 1}


EXAMPLE = Path(__file__).parents[2] / "collections" / "avatars"


def mint_step(folder: Path, monkeypatch: pytest.MonkeyPatch, summary: dict[str, int]) -> Step:
    """What status says of minting a collection whose journals sum up to this."""
    for name in ("nftgan.toml", "collection.json"):
        shutil.copy(EXAMPLE / name, folder / name)
    monkeypatch.setattr(publishing, "journal_summary", lambda _: summary)
    return next(step for step in status(Project(folder)).steps if step.verb == "mint")


def test_minting_is_done_when_every_token_is_final_or_finalized(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pieces = len(Manifest.load(EXAMPLE / "collection.json").pieces)
    done = [{"final": pieces}, {"finalized": pieces}, {"final": 1, "finalized": pieces - 1}]
    for summary in done:
        assert mint_step(tmp_path, monkeypatch, summary).done
    for summary in ({"mined": pieces}, {"finalized": pieces - 1, "sent": 1}, {}):
        assert not mint_step(tmp_path, monkeypatch, summary).done
