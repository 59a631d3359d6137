"""The real training of a run: seconds a thousand pictures, tick by tick, and peak memory."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from gpu_parts.common import Bench, Row, noise_set, run_options


def rows(bench: Bench, name: str) -> Iterator[Row]:
    from nftgan.workflows.train import plan_training, run_training

    tick = 0.008 if bench.tiny else 0.512 if name == "small" else 0.128
    most = 0.016 if bench.tiny else 2.048 if name == "small" else 0.768
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        side, options = run_options(bench, name, tick=tick, kimg=most, snap=1000)
        # The run first chooses its ways by measuring, which its time does not hold.
        before = 30 if bench.on_gpu else 4
        hours = max(bench.left() - before, 8) / 3600
        path = noise_set(folder, side)
        plan = plan_training(path, folder / "runs", resume=None, hours=hours, **options)
        bench.reset_memory()
        start = time.monotonic()
        paces = []
        for reached in run_training(plan):
            if not reached.images:
                continue
            paces.append(reached.seconds_per_kimg)
            yield {
                "what": "tick",
                "kimg": reached.kimg,
                "s_per_kimg": reached.seconds_per_kimg,
                "since_start": time.monotonic() - start,
            }
    steady = paces[1:] or paces
    yield {
        "what": f"train {name}",
        "batch": plan.config.batch,
        "micro_batch": plan.config.micro_batch,
        "s_per_kimg": statistics.median(steady) if steady else None,
        "ticks": len(steady),
        "memory_mb": bench.memory_mb(),
    }
