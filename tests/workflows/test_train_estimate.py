"""What a run will take, from a few steps of it."""

from __future__ import annotations

import dataclasses
import queue
from pathlib import Path
from typing import Any

import pytest

from nftgan.training.measure import Measured
from nftgan.training.resolving import resolve
from nftgan.workflows import train_estimate
from nftgan.workflows.train import TrainPlan
from nftgan.workflows.train_estimate import Estimate, estimate
from tests.training.facts import facts_of

ART = facts_of(32)
ROUND = dataclasses.asdict(Measured(16, 0.32, 0.0, 0.01, 10**9, 10**8, 10**7, True))
GIB = 1 << 30


def told(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    rounds: list[dict[str, Any]],
    error: str = "",
    start: str | None = None,
    **options: Any,
) -> Estimate:
    monkeypatch.setattr(train_estimate, "_measured", lambda *_: (rounds, error))
    monkeypatch.setattr(train_estimate, "free_memory", lambda: 8 * GIB)
    config = resolve(ART, device="cpu", kimg=100, tick=1, snap=5, start=start)
    plan = TrainPlan(config, tmp_path / "runs" / "00000-a", continues=False)
    return estimate(plan, **options)


def test_time_is_that_of_the_steps_and_of_the_fakes_of_snapshots(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = told(tmp_path, monkeypatch, [ROUND], price_per_hour=3.0)
    assert found.seconds_per_kimg == pytest.approx(20)
    assert found.hours == pytest.approx((100 * 20 + 20 * 496 * 0.01) / 3600)
    assert found.cost == pytest.approx(3 * (found.hours or 0))
    assert found.disk_bytes == 3 * 10**8 + 21 * 10**7 + (50 << 20)
    assert (found.warnings, found.bound) == ((), "about")
    assert dict(found.lines())["time"].startswith("about 35 min (20 s/kimg)")
    two = told(tmp_path, monkeypatch, [ROUND], processes=2)
    assert two.seconds_per_kimg == pytest.approx(10)


def test_the_first_stage_takes_what_its_own_steps_take(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cheaper = [ROUND | {"start_seconds": 0.16}]
    found = told(tmp_path, monkeypatch, cheaper, start="autoencoder:10")
    assert found.hours == pytest.approx((90 * 20 + 10 * 10 + 20 * 496 * 0.01) / 3600)


def test_too_little_memory_or_disk_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    large = ROUND | {"memory_bytes": 9 * GIB, "state_bytes": 10**16}
    found = told(tmp_path, monkeypatch, [large])
    assert [line.split(":")[0] for line in found.warnings] == [
        "more memory than is free",
        "more disk than is free",
    ]
    few = told(tmp_path, monkeypatch, [ROUND | {"images": 4, "step_seconds": 0.08}])
    assert few.seconds_per_kimg == pytest.approx(20)
    cold = told(tmp_path, monkeypatch, [ROUND | {"warm": False}])
    assert (cold.bound, len(cold.warnings)) == ("less than", 1)
    assert "only steps of 4 images were measured" in few.warnings[0]


def test_a_step_that_did_not_end_gives_a_lower_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = told(tmp_path, monkeypatch, [], price_per_hour=1.0)
    assert found.bound == "more than"
    assert found.hours == pytest.approx(6250 * 20 / 3600)
    assert dict(found.lines())["time"].startswith("more than 34 h 43 min")
    assert "no step ended within 20 s here" in found.warnings
    broken = told(tmp_path, monkeypatch, [], error="there is not enough memory")
    assert broken.hours is None
    assert broken.warnings == ("there is not enough memory",)


def test_what_was_measured_before_the_time_was_over_counts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def rounds(*texts: bytes) -> tuple[list[dict[str, Any]], str]:
        lines: queue.Queue[bytes] = queue.Queue()
        for text in texts:
            lines.put(text)
        return train_estimate._rounds_of(lines)

    monkeypatch.setattr(train_estimate, "SECONDS", 0)
    monkeypatch.setattr(train_estimate, "START_SECONDS", 0)
    begun, few = b'{"started": true}', b'{"images": 4, "warm": true}'
    assert rounds() == ([], "the measurement did not begin")
    assert rounds(begun) == ([], "")
    assert rounds(begun, few) == ([{"images": 4, "warm": True}], "")
    assert rounds(begun, few, b"") == ([{"images": 4, "warm": True}], "")
    assert rounds(begun, b"") == ([], "the measurement broke off")
    assert rounds(begun, b'{"error": "full"}')[1] == "full"
