"""The baseline of the speed benchmarks: the same networks on the published formulation.

Zero-insertion, padding and a depthwise convolution for every resampling, each sample's own weights
in a grouped convolution; PyTorch's operators throughout, with our allocator settings, which alone
halve the published programs' time.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib import import_module
from typing import Any

PUBLISHED, PURE, NATIVE = "published", "no compiler", "native kernels"
WAYS: dict[str, dict[str, str]] = {PUBLISHED: {}, PURE: {"NFTGAN_KERNELS": "off"}, NATIVE: {}}


def prepare_way(way: str) -> None:
    """Make this process compute in that way; for the beginning of a worker."""
    from nftgan.ops.memory import keep_freed_memory

    keep_freed_memory()
    if way != PUBLISHED:
        return
    modules: dict[str, Any] = {
        name: import_module(f"nftgan.ops.{name}") for name in ("fused", "gpu", "winograd")
    }
    modules["fused"].plan = modules["gpu"].plan = lambda *_: None
    modules["winograd"].usable = lambda *_: False
    # The package's function of this name hides its module.
    lrelu: Any = sys.modules["nftgan.ops.filtered_lrelu"]
    lrelu._parts, lrelu._plain = lambda *_: 1, lrelu.reference


def in_own_process(script: str, way: str, arguments: list[str]) -> dict[str, Any]:
    """What `script --worker WAY ARGUMENTS` prints as JSON; its peak memory is its own."""
    done = subprocess.run(
        [sys.executable, script, "--worker", way, *arguments],
        env={**os.environ, "OMP_WAIT_POLICY": "PASSIVE", **WAYS[way]},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer
