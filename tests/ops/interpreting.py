"""Runs a file of tests where Triton interprets its kernels; it decides that at its import."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def run_interpreted(file: str, cache: Path) -> None:
    """`file` of this folder; every one of its tests must run and pass."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", f"tests/ops/{file}"],
        env={**os.environ, "TRITON_INTERPRET": "1", "TRITON_CACHE_DIR": str(cache)},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "skipped" not in done.stdout
