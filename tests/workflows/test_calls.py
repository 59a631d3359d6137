"""Verbs as calls: they send only what was approved, and give whole results."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import nftgan
from nftgan.errors import Cancelled, MissingStepError, UsageError
from nftgan.progress import SILENT
from nftgan.project import Project
from nftgan.provenance.checks import FAIL, PASS, SKIPPED, Check, TokenReport
from nftgan.training.tick import Tick
from nftgan.workflows import calls


def test_nothing_is_sent_that_was_not_approved(published: Project) -> None:
    seen: list[Any] = []

    def refuse(plan: Any) -> bool:
        seen.append(plan)
        return False

    with pytest.raises(Cancelled, match="not approved"):
        nftgan.mint(published, approve=refuse, force=True)
    assert [plan.tokens for plan in seen] == [3]
    with pytest.raises(MissingStepError, match="nothing has been minted"):
        nftgan.verify(published, gateways=["http://127.0.0.1:9"])
    again = nftgan.deploy(published, approve=refuse, force=True)
    assert not again.created and len(seen) == 1  # it is there: nothing was to be approved


def test_only_the_embedded_chain_goes_without_approval() -> None:
    plan = SimpleNamespace(chain="sepolia")
    calls._ask(None, plan, embedded=True)
    calls._ask(lambda plan: True, plan, embedded=False)
    with pytest.raises(UsageError, match="nothing is sent to sepolia unasked"):
        calls._ask(None, plan, embedded=False)


def test_a_result_has_passed_only_when_everything_was_checked() -> None:
    good, bad, unknown = (Check("image", verdict, "") for verdict in (PASS, FAIL, SKIPPED))
    token = TokenReport(0, 7, (good,))
    assert nftgan.VerifyResult("0x", (token,), (good,)).passed
    for check in (bad, unknown):
        assert not nftgan.VerifyResult("0x", (token,), (check,)).passed
        assert not nftgan.VerifyResult("0x", (TokenReport(0, 7, (check,)),), ()).passed


def test_training_tells_each_tick_and_ends_with_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: dict[str, Any] = {}
    ticks = [SimpleNamespace(images=64), SimpleNamespace(images=128)]

    def plan(dataset: Path, runs: Path, **options: Any) -> Any:
        given.update(options, dataset=dataset, runs=runs)
        return SimpleNamespace(run_dir=tmp_path / "00000-art", continues=False)

    def run(plan: Any, *, progress: Any) -> Iterator[Tick]:
        yield from ticks  # type: ignore[misc]

    monkeypatch.setattr(calls, "plan_training", plan)
    monkeypatch.setattr(calls, "run_training", run)
    seen: list[Any] = []
    result = nftgan.train("art.zip", "runs", kimg=0.128, on_tick=seen.append)
    assert given == {
        "dataset": Path("art.zip"),
        "runs": Path("runs"),
        "preset": None,
        "resume": None,
        "progress": SILENT,
        "kimg": 0.128,
    }
    assert seen == ticks
    assert result == nftgan.TrainResult(tmp_path / "00000-art", False, 128, None)
