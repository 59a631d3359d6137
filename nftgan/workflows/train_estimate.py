"""What a training run will take on this machine: time, memory, disk and cost, by a few steps."""

from __future__ import annotations

import json
import math
import queue
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import nftgan
from nftgan.memory import free_memory
from nftgan.training.state import KEEP, saved_images
from nftgan.words import counted, duration
from nftgan.workflows.scoring import FAKES
from nftgan.workflows.train import TrainPlan

SECONDS = 20.0  # that the steps may take
START_SECONDS = 180.0  # until they begin: on a new machine kernels are compiled
SHEET = 96  # images of a sheet, at most
SPARE_BYTES = 50 << 20  # log, sheets, report
_HOME = str(Path(nftgan.__file__).resolve().parents[1])
_PROGRAM = (
    f"import sys; sys.path[:] = [{_HOME!r}, *filter(None, sys.path)];"
    " from nftgan.training.measure import main; main()"
)


@dataclass(frozen=True)
class Estimate:
    """Of the images that are left; a number is None where the measurement did not come so far."""

    seconds_per_kimg: float | None
    hours: float | None
    bound: str  # of time and cost: about, more than or less than
    memory_bytes: int | None
    memory_free_bytes: int | None
    disk_bytes: int | None
    disk_free_bytes: int
    cost: float | None  # hours at the price that was given
    warnings: tuple[str, ...]

    def lines(self) -> list[tuple[str, str]]:
        """For a person."""
        found = []
        if self.hours is not None and self.seconds_per_kimg is not None:
            took = duration(self.hours * 3600)
            found.append(("time", f"{self.bound} {took} ({self.seconds_per_kimg:.3g} s/kimg)"))
        if self.cost is not None:
            found.append(("cost", f"{self.bound} {self.cost:.2f}"))
        if self.memory_bytes is not None:
            free = self.memory_free_bytes
            have = "" if free is None else f" of {_size(free)} free"
            found.append(("memory", f"{_size(self.memory_bytes)}{have}"))
        if self.disk_bytes is not None:
            free = self.disk_free_bytes
            found.append(("disk", f"up to {_size(self.disk_bytes)} of {_size(free)} free"))
        return found


def estimate(
    plan: TrainPlan, *, price_per_hour: float | None = None, processes: int = 1
) -> Estimate:
    """Run a few steps of `plan` in a process of its own, for at most `SECONDS`; nothing is written.

    The time has the sheets and fakes of snapshots in it, not the features that score them, nor what
    a GPU gains by the choices that a run finds at its start.
    """
    free = _free(plan.config.device)
    rounds, error = _measured(plan.config.to_json(), None if free is None else int(free * 0.8))
    return _estimate(plan, rounds, error, free, price_per_hour, processes)


def _estimate(
    plan: TrainPlan,
    rounds: list[dict[str, Any]],
    error: str,
    free: int | None,
    price_per_hour: float | None,
    processes: int,
) -> Estimate:
    config = plan.config
    done = saved_images(plan.run_dir) if plan.continues else 0
    left = max(config.total_images - done, 0)
    disk_free = shutil.disk_usage(_existing(plan.run_dir)).free
    last = rounds[-1] if rounds else None
    warnings = [error] if error else []
    if last is None:
        steps = math.ceil(left / config.batch)
        hours = None if error else steps * SECONDS / 3600
        per_kimg = None if error else SECONDS / config.batch * 1000
        cost = None if hours is None or price_per_hour is None else hours * price_per_hour
        if not error:
            warnings.append(f"no step ended within {SECONDS:g} s here")
        return Estimate(
            per_kimg, hours, "more than", None, free, None, disk_free, cost, tuple(warnings)
        )
    per_kimg = last["step_seconds"] / last["images"] * 1000 / processes
    snapshots = math.ceil(left / (config.tick_images * config.snap))
    fakes = SHEET + (FAKES if "kid" in config.metrics else 0)
    start = min(max(config.start_images - done, 0), left) / 1000  # kimg of the first stage
    spared = start * (per_kimg - last["start_seconds"] / last["images"] * 1000 / processes)
    hours = (left / 1000 * per_kimg - spared + snapshots * fakes * last["image_seconds"]) / 3600
    whole = last["images"] == config.micro_batch
    memory = last["memory_bytes"] or None
    networks = min(config.keep, snapshots + 1) + 1
    disk = (KEEP + 1) * last["state_bytes"] + networks * last["network_bytes"] + SPARE_BYTES
    if not whole:
        warnings.append(
            f"only steps of {counted(last['images'], 'image')} were measured: memory will be"
            " more than said"
        )
    bound = "about" if last["warm"] else "less than"
    if not last["warm"]:
        warnings.append("only first steps were measured, which are slower than later ones")
    if memory and free is not None and memory > free:
        warnings.append("more memory than is free: a smaller --micro-batch or --preset takes less")
    if disk > disk_free:
        warnings.append("more disk than is free: a smaller --keep takes less")
    cost = None if price_per_hour is None else hours * price_per_hour
    return Estimate(per_kimg, hours, bound, memory, free, disk, disk_free, cost, tuple(warnings))


def _measured(config: dict[str, Any], memory: int | None) -> tuple[list[dict[str, Any]], str]:
    """The rounds that ended in time, and why there are no more, where that is known."""
    process = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdin is not None and process.stdout is not None
    lines: queue.Queue[bytes] = queue.Queue()
    reader = threading.Thread(target=_read, args=(process.stdout, lines), daemon=True)
    try:
        process.stdin.write(json.dumps({"config": config, "memory": memory}).encode())
        process.stdin.close()
        reader.start()
        return _rounds_of(lines)
    finally:
        process.kill()
        process.wait()
        reader.join()
        process.stdout.close()


def _rounds_of(lines: queue.Queue[bytes]) -> tuple[list[dict[str, Any]], str]:
    rounds: list[dict[str, Any]] = []
    limit = time.monotonic() + START_SECONDS
    started = False
    while True:
        try:
            line = lines.get(timeout=max(limit - time.monotonic(), 0))
        except queue.Empty:
            return rounds, "" if started else "the measurement did not begin"
        if not line:
            done = bool(rounds) and rounds[-1].get("warm", False)
            return rounds, "" if done else "the measurement broke off"
        found = json.loads(line)  # noqa: TID251 - of our own process
        if "error" in found:
            return rounds, str(found["error"])
        if "started" in found:
            limit = limit if started else time.monotonic() + SECONDS
            started = True
        else:
            rounds.append(found)


def _read(source: IO[bytes], lines: queue.Queue[bytes]) -> None:
    for line in source:
        if line.endswith(b"\n"):
            lines.put(line)
    lines.put(b"")


def _free(device: str) -> int | None:
    """Bytes that a run may take on its device; None where the system does not say."""
    if not device.startswith("cuda"):
        return free_memory()
    import torch

    return int(torch.cuda.mem_get_info(device)[0])


def _existing(path: Path) -> Path:
    while not path.exists() and path != path.parent:
        path = path.parent
    return path


def _size(number: int) -> str:
    return f"{number / 1e9:.2g} GB" if number >= 1e9 else f"{number / 1e6:.0f} MB"
