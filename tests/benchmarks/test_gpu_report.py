"""The GPU report on a processor: every part gives rows, and one that fails costs only itself."""

from __future__ import annotations

import importlib
import json
import math
import sys
import time
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture
def report(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("gpu_report")


def rows_of(report: Any, part: Any) -> list[dict[str, Any]]:
    common = importlib.import_module("gpu_parts.common")
    bench = common.Bench("cpu", True, time.monotonic() + 60)
    return list(importlib.import_module(f"gpu_parts.{part.module}").rows(bench, *part.options))


SOON = ("environment", "compile", "correctness", "activation stylegan3-t", "generators")
LATER = ("train small", "graphs stylegan2", "profile stylegan2", "convolution", "resampling")


@pytest.mark.parametrize("name", SOON + LATER)
def test_a_part_measures_on_a_processor_without_an_error(report: Any, name: str) -> None:
    (part,) = (one for one in report.PARTS if one.name == name)
    rows = rows_of(report, part)
    assert rows and not [row for row in rows if "error" in row], rows
    assert json.loads(json.dumps(rows)) == rows
    for row in rows:
        numbers = [value for value in row.values() if isinstance(value, float)]
        assert all(math.isfinite(value) for value in numbers), row


def test_what_is_wrong_is_seen_by_the_part_on_correctness(
    report: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    correctness = importlib.import_module("gpu_parts.correctness")
    common = importlib.import_module("gpu_parts.common")
    bench = common.Bench("cpu", True, time.monotonic() + 60)
    assert max(row["gradient"] for row in correctness.operators(bench)) < 1e-5
    import nftgan.ops

    right = nftgan.ops.upfirdn2d
    monkeypatch.setattr(
        nftgan.ops, "upfirdn2d", lambda x, *a, **k: right(x, *a, **k) + (x.dtype.itemsize < 8) * 0.1
    )
    assert max(row["value"] for row in correctness.operators(bench)) > 0.01


@pytest.mark.slow
def test_a_killed_run_ends_as_an_undisturbed_one_in_the_report(report: Any) -> None:
    (part,) = (one for one in report.PARTS if one.name == "resume")
    rows = rows_of(report, part)
    verdicts = [row["same_model"] for row in rows if "same_model" in row]
    assert verdicts == [True, True]


def worked(report: Any, script: str, seconds: float = 20) -> tuple[str, str, list[Any]]:
    rows: list[Any] = []
    ending, said = report.Worker([sys.executable, "-c", script]).run(seconds, rows.append)
    return ending, said, rows


def test_a_part_that_fails_keeps_its_rows_and_says_why(report: Any) -> None:
    script = "print('ROW {\"a\": 1}', flush=True); print('noise'); raise ValueError('broken')"
    ending, said, rows = worked(report, script)
    assert ending == "failed" and "broken" in said and rows == [{"a": 1}]


def test_a_part_that_kills_its_process_fails_alone(report: Any) -> None:
    script = "import os; print('ROW {\"a\": 1}', flush=True); os.abort()"
    assert worked(report, script)[0] == "failed"


def running(pid: int) -> bool:
    """Whether a process is there and no zombie, which nobody may ever have collected."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


def test_a_part_that_hangs_is_killed_with_what_it_started(report: Any) -> None:
    script = (
        "import subprocess, sys, time;"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']);"
        "print('ROW {\"pid\": %d}' % child.pid, flush=True); time.sleep(600)"
    )
    ending, _, rows = worked(report, script, seconds=3)
    assert ending == "out of time"
    end = time.monotonic() + 60
    while running(rows[0]["pid"]):
        assert time.monotonic() < end, "what it started goes on"
        time.sleep(0.01)


def test_torn_and_foreign_lines_are_passed_over(report: Any) -> None:
    script = "print('ROW {\"a\": 1'); print('ROW [1]'); print('ROW {\"b\": 2}'); print('\\x1b[2J')"
    assert worked(report, script)[2] == [{"b": 2}]


def test_a_command_that_does_not_exist_fails(report: Any) -> None:
    ending, said = report.Worker(["/no/such/program"]).run(5, lambda row: None)
    assert ending == "failed" and "/no/such/program" in said


def test_the_report_leaves_out_what_no_longer_fits_and_goes_on_after_a_failure(
    report: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    parts = (
        report.Part("broken", "no_such_part", 30, 1),
        report.Part("environment", "environment", 60, 1),
        report.Part("long", "generators", 1000, 900),
    )
    monkeypatch.setattr(report, "PARTS", parts)
    path = tmp_path / "report.json"
    code = report.main(["--device", "cpu", "--tiny", "--seconds", "100", "--json", str(path)])
    document = json.loads(path.read_text())
    assert {name: part["ended"] for name, part in document["parts"].items()} == {
        "broken": "failed",
        "environment": "done",
        "long": "left out",
    }
    assert "no_such_part" in document["parts"]["broken"]["said"]
    assert document["parts"]["environment"]["rows"][0]["torch"]
    assert code == 1 and "failed: broken" in capsys.readouterr().out
