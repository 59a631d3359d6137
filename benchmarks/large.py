"""What every verb costs for a large collection: seconds, processor seconds and peak memory.

    python benchmarks/large.py [--pieces 10000] [--model base] [--folder DIR] [--json]

Each verb runs in a process of its own, as typed, on the embedded chain and store; memory is that of
the largest of its processes. Where DIR is given, a run that was stopped goes on in it.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

PROGRAM = [sys.executable, "-c", "from nftgan.cli.main import run; run()"]


def verbs(pieces: int, model: str) -> list[list[str]]:
    here = ["-C", "large"]
    last = str(pieces - 1)
    pick = ["--pick", f"0-{last}", "--allow-copies", "-m", model]
    return [
        ["init", "large", "--in", ".", "--trunc", "1"],
        ["curate", *here, *pick],
        ["render", *here],
        ["metadata", *here],
        ["metadata", *here, "--check"],
        ["pin", *here],
        ["deploy", *here, "--yes"],
        ["mint", *here, "--yes", "--allow-copies"],
        ["status", *here],
        ["verify", *here, last],
        ["verify", *here, "--all"],
        ["regenerate", last, *here, "-o", "proof"],
        ["report", *here],
    ]


def measured(folder: Path, words: list[str]) -> dict[str, Any]:
    """Run one command in `folder`; wait4 counts the processes that it starts too."""
    start = time.perf_counter()
    with (folder / "said.json").open("wb") as said, (folder / "noise.txt").open("wb") as noise:
        child = os.posix_spawn(
            PROGRAM[0],
            [*PROGRAM, *words, "--json"],
            {**os.environ, "NFTGAN_HOME": str(folder / "home")},
            file_actions=[
                (os.POSIX_SPAWN_DUP2, said.fileno(), 1),
                (os.POSIX_SPAWN_DUP2, noise.fileno(), 2),
            ],
        )
        _, status, usage = os.wait4(child, 0)
    code = os.waitstatus_to_exitcode(status)
    if code:
        raise SystemExit(f"{' '.join(words)}: exit {code}: {(folder / 'said.json').read_text()}")
    return {
        "verb": " ".join(one for one in words if one not in ("-C", "large")),
        "seconds": round(time.perf_counter() - start, 1),
        "processor_seconds": round(usage.ru_utime + usage.ru_stime, 1),
        "peak_mb": round(usage.ru_maxrss / 1024),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pieces", type=int, default=10_000)
    parser.add_argument("--model", default="base")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = (chosen.folder or Path(scratch)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        os.chdir(folder)
        rows = []
        for words in verbs(chosen.pieces, chosen.model):
            if words[0] == "init" and (folder / "large" / "nftgan.toml").exists():
                continue
            rows.append(measured(folder, words))
            if not chosen.json:
                print(f"{rows[-1]}", flush=True)
    if chosen.json:
        print(json.dumps({"pieces": chosen.pieces, "rows": rows}, indent=2))


if __name__ == "__main__":
    main()
