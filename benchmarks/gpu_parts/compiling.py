"""Compile every kernel once, several at a time, so that what follows measures none of that."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import torch

from gpu_parts.common import KINDS, Bench, Row, step_of


def rows(bench: Bench) -> Iterator[Row]:
    start = time.perf_counter()
    if not bench.on_gpu or (os.cpu_count() or 1) < 4:
        for kind in KINDS:
            one(bench, kind)
    else:
        children = {
            kind: subprocess.Popen(
                [sys.executable, "-c", SCRIPT.format(kind, bench.device_name)],
                stderr=subprocess.PIPE,
            )
            for kind in KINDS
        }
        for kind, child in children.items():
            _, said = child.communicate(timeout=max(bench.left(), 1))
            if child.returncode:
                yield {"what": kind, "error": said.decode("utf-8", "replace").strip()[-300:]}
    yield {"what": "all kernels", "seconds": time.perf_counter() - start}


SCRIPT = """
import time
from gpu_parts.common import Bench
from gpu_parts.compiling import one
one(Bench({1!r}, False, time.monotonic() + 300), {0!r})
"""


def one(bench: Bench, kind: str) -> None:
    """A step with every phase, and pictures in single precision."""
    with tempfile.TemporaryDirectory() as scratch:
        more = {} if bench.tiny else {"batch": 4, "micro_batch": 4}
        step = step_of(bench, kind, Path(scratch), **more)
        step.run(0)
        step.loader.close()
    G = step.state.g_ema
    with torch.no_grad():
        G.synthesis(torch.randn(2, G.num_ws, G.w_dim, device=bench.device), force_fp32=True)
    bench.synchronize()
