"""One training step under PyTorch's profiler: kernels, launches, waits, how busy the card is."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile

from gpu_parts.common import Bench, Row, step_of

TOP = 14
NOTES = ("Optimizer.", "ProfilerStep", "## ")
"""Begin the names of spans that the profiler lays over kernels."""
WAITS = ("cudaStreamSynchronize", "cudaDeviceSynchronize", "cudaEventSynchronize")


def rows(bench: Bench, name: str) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as scratch:
        step = step_of(bench, name, Path(scratch))
        step.run(0)  # every phase
        step.run(1)
        bench.synchronize()
        start = time.perf_counter()
        for number in (1, 2, 3):
            step.run(number)
        bench.synchronize()
        wall = (time.perf_counter() - start) / 3
        yield {"what": "plain step", "ms": wall * 1e3, "s_per_kimg": wall / batch(step) * 1e3}
        start = time.perf_counter()
        step.run(16)
        bench.synchronize()
        full = time.perf_counter() - start
        yield {"what": "step with R1", "ms": full * 1e3}
        activities = [ProfilerActivity.CPU] + [ProfilerActivity.CUDA] * bench.on_gpu
        with profile(activities=activities) as told:
            step.run(5)
            bench.synchronize()
        step.loader.close()
    yield from summary(bench, told, wall)


def batch(step: Any) -> int:
    return int(step.state.config.batch)


def summary(bench: Bench, told: Any, wall: float) -> Iterator[Row]:
    """From the raw events, so that kernels of every kind count, Triton's too."""
    events = [one for one in told.events()]
    device = torch.autograd.DeviceType.CUDA
    kernels = [
        one for one in events if one.device_type == device and not one.name.startswith(NOTES)
    ]
    moved = [one for one in kernels if one.name.startswith(("Memcpy", "Memset"))]
    host = [one for one in events if one.device_type != device]
    launches = sum(one.name.startswith(("cudaLaunch", "cuLaunch")) for one in host)
    waits = sum(one.name in WAITS for one in host)
    operators = sum(one.name.startswith("aten::") for one in host)
    busy = union([(one.time_range.start, one.time_range.end) for one in kernels]) / 1e6
    yield {
        "what": "step",
        "kernels": len(kernels) - len(moved),
        "copies": len(moved),
        "launches": launches,
        "graph_launches": sum(one.name == "cudaGraphLaunch" for one in host),
        "waits": waits,
        "aten": operators,
        "busy_ms": busy * 1e3,
        "busy_share": busy / wall if bench.on_gpu else 0.0,
    }
    sums: dict[str, list[float]] = {}
    for one in kernels or [one for one in host if one.name.startswith("aten::")]:
        length = (one.time_range.end - one.time_range.start) / 1e3
        found = sums.setdefault(one.name, [0.0, 0])
        found[0] += length
        found[1] += 1
    for name, (total, count) in sorted(sums.items(), key=lambda item: -item[1][0])[:TOP]:
        yield {"ms": total, "calls": int(count), "kernel": name[:110]}


def union(spans: list[tuple[float, float]]) -> float:
    """Length covered by any of the spans."""
    total, end = 0.0, float("-inf")
    for first, last in sorted(spans):
        if last > end:
            total += last - max(first, end)
            end = last
    return total
