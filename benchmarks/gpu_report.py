"""Everything that a GPU can tell, in one command and at most five minutes.

    python benchmarks/gpu_report.py [--seconds 300] [--json FILE] [--only PART,PART] [--record]

Correctness, activations, whole generators, real training, a profile of a step, kill and resume.
Every part runs in a process of its own with a limit of its own: one that fails, hangs or kills its
process costs only itself. Each row is printed and written to FILE as soon as it is known, so a
report that is cut off holds all that was measured before. Parts that no longer fit the time are
named as left out. `--tiny` is the same at sizes for a processor: a test runs it.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
HISTORY = HERE / "history.jsonl"
MARK = "ROW "
"""Begins a line of a worker that is a row in JSON; other lines are passed over."""

Row = dict[str, Any]


@dataclass(frozen=True)
class Part:
    """`function` of gpu_parts/`module`.py, with the seconds that it may take at most and the fewest
    that are of use; `options` go to the function."""

    name: str
    module: str
    most: float
    least: float
    options: tuple[str, ...] = ()


# In the order of what one wants to know first: a report may be cut off.
PARTS = (
    Part("environment", "environment", 30, 5),
    Part("compile", "compiling", 60, 10),
    Part("correctness", "correctness", 45, 10),
    Part("train stylegan3-t", "training", 60, 15, ("stylegan3-t",)),
    Part("profile stylegan3-t", "profiling", 30, 8, ("stylegan3-t",)),
    Part("activation stylegan3-t", "activation", 25, 5, ("stylegan3-t",)),
    Part("generators", "generators", 40, 10),
    Part("graphs small", "graphs", 25, 8, ("small",)),
    Part("train small", "training", 45, 10, ("small",)),
    Part("resume", "resuming", 50, 20),
    Part("train stylegan2", "training", 50, 15, ("stylegan2",)),
    Part("train stylegan3-r", "training", 55, 15, ("stylegan3-r",)),
    Part("convolution", "convolution", 25, 5),
    Part("resampling", "resampling", 20, 5),
    Part("profile small", "profiling", 20, 8, ("small",)),
    Part("graphs stylegan2", "graphs", 25, 10, ("stylegan2",)),
    Part("graphs stylegan3-t", "graphs", 25, 10, ("stylegan3-t",)),
    Part("profile stylegan2", "profiling", 25, 8, ("stylegan2",)),
    Part("profile stylegan3-r", "profiling", 25, 8, ("stylegan3-r",)),
    Part("activation stylegan3-r", "activation", 20, 5, ("stylegan3-r",)),
)


class Worker:
    """A process that gets ready (imports PyTorch) at once and measures when it is told to.

    So the next part gets ready while one measures. Nothing here raises for what the process does.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self._words = tempfile.TemporaryFile()  # noqa: SIM115 (lives as long as the process)
        self._child: subprocess.Popen[bytes] | None = None
        self._problem = ""
        try:
            self._child = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._words,
                cwd=ROOT,
                env=_environment(),
                start_new_session=True,
            )
        except OSError as exc:
            self._problem = str(exc)

    def run(self, seconds: float, on_row: Callable[[Row], None]) -> tuple[str, str]:
        """Let it measure, and hand on its rows as they come; how it ended, and its last words.

        It ended "done", "failed" or "out of time"; then it and all that it started are killed.
        """
        child = self._child
        if child is None:
            return "failed", self._problem
        assert child.stdin is not None
        deadline = time.monotonic() + seconds
        with contextlib.suppress(OSError):  # it is dead already: its exit code says so
            child.stdin.write(b"%.1f\n" % max(seconds - 2, 1))
            child.stdin.close()
        lines: queue.Queue[bytes | None] = queue.Queue()
        threading.Thread(target=_pump, args=(child.stdout, lines), daemon=True).start()
        ending = "done"
        while True:
            try:
                line = lines.get(timeout=max(deadline - time.monotonic(), 0.01))
            except queue.Empty:
                ending = "out of time"
                break
            if line is None:
                break
            row = _row(line)
            if row is not None:
                on_row(row)
        if ending == "done":
            try:
                child.wait(5)
            except subprocess.TimeoutExpired:  # it has said all, and hangs in its end
                ending = "out of time"
        self.kill()
        if ending == "done" and child.returncode:
            ending = "failed"
        self._words.seek(0)
        said = self._words.read().decode("utf-8", "replace").strip()
        return ending, said[-1500:] or f"exit code {child.returncode}"

    def kill(self) -> None:
        """The worker's whole session: what it started must not go on using the card."""
        child = self._child
        if child is None:
            return
        try:
            os.killpg(child.pid, signal.SIGKILL)
        except (OSError, AttributeError):
            with contextlib.suppress(OSError):
                child.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):  # in the driver: go on without it
            child.wait(10)


def _environment() -> dict[str, str]:
    path = [str(ROOT), str(HERE), os.environ.get("PYTHONPATH", "")]
    return os.environ | {
        "PYTHONPATH": os.pathsep.join(filter(None, path)),
        "PYTHONUNBUFFERED": "1",
        "OMP_WAIT_POLICY": "PASSIVE",
    }


def _pump(stream: Any, lines: queue.Queue[bytes | None]) -> None:
    try:
        for line in stream:
            lines.put(line)
    except (OSError, ValueError):
        pass
    finally:
        lines.put(None)


def _row(line: bytes) -> Row | None:
    text = line.decode("utf-8", "replace")
    if not text.startswith(MARK):
        return None
    try:
        row = json.loads(text[len(MARK) :])
    except ValueError:
        return None
    return row if isinstance(row, dict) else None


class Report:
    """The document, on disk after each row, and the same in words on the terminal."""

    def __init__(self, path: Path | None, head: Row) -> None:
        self.path = path
        self.document: Row = {**head, "parts": {}}
        self._columns: list[str] = []

    def begin(self, name: str) -> None:
        self.document["parts"][name] = {"rows": []}
        self._columns = []
        print(f"\n== {name}", flush=True)

    def add(self, name: str, row: Row) -> None:
        self.document["parts"][name]["rows"].append(row)
        self._print(row)
        self._save()

    def end(self, name: str, ending: str, seconds: float, said: str) -> None:
        if ending == "left out":
            print(f"\n== {name}", flush=True)
        part = self.document["parts"].setdefault(name, {"rows": []})
        part |= {"ended": ending, "seconds": round(seconds, 1)}
        if ending != "done" and said:
            part["said"] = said
        print(f"   {ending}, {seconds:.1f} s", flush=True)
        if ending == "failed":
            print("   " + "\n   ".join(said.splitlines()[-6:]), flush=True)
        self._save()

    def _print(self, row: Row) -> None:
        names = list(row)
        if any(isinstance(value, (list, dict)) for value in row.values()):
            print("   " + json.dumps(row), flush=True)
            return
        if names != self._columns:
            self._columns = names
            print("   " + " ".join(f"{name:>14.14}" for name in names), flush=True)
        print("   " + " ".join(f"{_short(row[name]):>14}" for name in names), flush=True)

    def _save(self) -> None:
        if self.path is None:
            return
        try:
            scratch = self.path.with_suffix(".part")
            scratch.write_text(json.dumps(self.document, indent=1))
            scratch.replace(self.path)
        except OSError as exc:
            print(f"   {self.path} cannot be written: {exc}", flush=True)
            self.path = None


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def commit() -> str:
    """What git says of the tree; the device machine may have none."""
    try:
        told = subprocess.run(
            ["git", "describe", "--always", "--dirty"],
            capture_output=True,
            text=True,
            cwd=ROOT,
            check=False,
            timeout=10,
        )
        return told.stdout.strip() or "unknown"
    except (OSError, subprocess.SubprocessError):
        return "unknown"


def chosen_parts(only: str | None) -> Iterator[Part]:
    wanted = None if only is None else only.split(",")
    for part in PARTS:
        if wanted is None or any(part.name == one or part.module == one for one in wanted):
            yield part


def worker(module: str, device: str, tiny: bool, options: Sequence[str]) -> None:
    """One part, in this process, once stdin says for how many seconds: rows go to stdout."""
    from importlib import import_module

    from gpu_parts.common import Bench

    part = import_module(f"gpu_parts.{module}")
    Bench(device, tiny, 0.0).synchronize()  # gets the card ready as well
    said = sys.stdin.readline()
    if not said:
        return  # the report has ended
    bench = Bench(device, tiny, time.monotonic() + float(said))
    for row in part.rows(bench, *options):
        print(MARK + json.dumps(row), flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=300, help="for everything")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--tiny", action="store_true", help="sizes for a processor")
    parser.add_argument("--only", metavar="PART,PART")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--record", action="store_true", help="add a line to history.jsonl")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    parser.add_argument("--options", default="", help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    if chosen.worker:
        options = [one for one in chosen.options.split(",") if one]
        worker(chosen.worker, chosen.device, chosen.tiny, options)
        return 0
    start = time.monotonic()
    head = {"time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "commit": commit()}
    report = Report(chosen.json, head | {"device": chosen.device, "tiny": chosen.tiny})
    parts = list(chosen_parts(chosen.only))
    if not parts:
        print(f"no part is called {chosen.only}; there are: {', '.join(p.name for p in PARTS)}")
        return 2

    def ready(part: Part) -> Worker:
        command = [sys.executable, str(HERE / "gpu_report.py"), "--worker", part.module]
        command += ["--device", chosen.device, "--options", ",".join(part.options)]
        return Worker([*command, *(["--tiny"] if chosen.tiny else [])])

    waiting = ready(parts[0])
    for part, following in zip(parts, [*parts[1:], None], strict=True):
        current = waiting
        if following is not None:
            waiting = ready(following)
        left = chosen.seconds - (time.monotonic() - start)
        if left < part.least:
            current.kill()
            report.end(part.name, "left out", 0.0, f"{left:.0f} s were left")
            continue
        report.begin(part.name)
        began = time.monotonic()
        ending, said = current.run(
            min(part.most, left), lambda row, name=part.name: report.add(name, row)
        )
        report.end(part.name, ending, time.monotonic() - began, said)
    endings = [part.get("ended") for part in report.document["parts"].values()]
    bad = [name for name, part in report.document["parts"].items() if part["ended"] == "failed"]
    print(f"\n{endings.count('done')} of {len(parts)} parts done, {time.monotonic() - start:.0f} s")
    if bad:
        print(f"failed: {', '.join(bad)}")
    if chosen.record:
        with HISTORY.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"gpu_report": report.document}, sort_keys=True) + "\n")
    return 1 if bad else 0


if __name__ == "__main__":
    raise SystemExit(main())
