"""Run the speed benchmarks one after the other and, with --record, add a line to history.jsonl.

    python benchmarks/record.py [--only ops,startup] [--record]

A line holds the commit, the machine, how busy it was, and every benchmark's own JSON. Ratios of one
line compare; seconds of two lines compare only for the same machine, equally quiet.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
HISTORY = HERE / "history.jsonl"
RUNS: dict[str, list[str]] = {
    "startup": [],
    "ops": [],
    "generate": ["--repeat", "1"],
    "train_step": [],
    "prepare": ["--repeat", "2"],
    "render": ["-m", "--pieces", "0", "--speed", "256"],
    "ipfs": ["--repeat", "1"],
    "gas": [],
    "wasm": ["-m", "--models", "base,small-64,small-128", "--pieces", "2"],
    "gallery": ["-m"],
}


def machine() -> dict[str, Any]:
    """What the figures depend on."""
    import torch

    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = cpuinfo.read_text().splitlines()
        model = next((one.split(":")[1].strip() for one in lines if "model name" in one), model)
    return {
        "processor": model,
        "cores": os.cpu_count(),
        "simd": torch.backends.cpu.get_cpu_capability(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "system": platform.system(),
    }


def run(name: str, options: list[str]) -> dict[str, Any]:
    module = options[:1] == ["-m"]
    script = ["-m", f"benchmarks.{name}"] if module else [str(HERE / f"{name}.py")]
    command = [sys.executable, *script, *options[module:], "--json"]
    start = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, cwd=HERE.parent, check=False)
    if done.returncode:
        raise SystemExit(f"{name} failed:\n{done.stderr}")
    load = os.getloadavg()[0]
    print(f"{name}: {time.perf_counter() - start:.0f} s, load {load:.1f}", file=sys.stderr)
    # Some say each row as it is done; the document comes last.
    text = done.stdout[done.stdout.index("{") :]
    return {"load": round(load, 1), "result": json.loads(text)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default=",".join(RUNS))
    parser.add_argument("--record", action="store_true")
    arguments = parser.parse_args()
    described = subprocess.run(
        ["git", "describe", "--always", "--dirty"], capture_output=True, text=True, cwd=HERE
    )
    line = {
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "commit": described.stdout.strip(),
        "machine": machine(),
        "benchmarks": {name: run(name, RUNS[name]) for name in arguments.only.split(",")},
    }
    print(json.dumps(line["benchmarks"], indent=1))
    if arguments.record:
        with HISTORY.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
