"""Do two undisturbed runs end alike, and does a run that was killed end as they do?"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gpu_parts.common import Bench, Row, noise_set, run_options

SCRIPT = """
import json, sys
from pathlib import Path
from nftgan.workflows.train import plan_training, run_training
path, runs, options = sys.argv[1:]
for tick in run_training(plan_training(Path(path), Path(runs), resume=None, **json.loads(options))):
    print(tick.images, flush=True)
"""


def rows(bench: Bench) -> Iterator[Row]:
    tick, kimg = (0.008, 0.032) if bench.tiny else (0.064, 0.384)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        side, options = run_options(bench, "small", tick=tick, kimg=kimg, snap=1)
        if bench.tiny:
            options["threads"] = 1
        path = noise_set(folder, side)
        if bench.on_gpu:  # what is chosen by measuring is the same for all from here on
            start(path, folder / "warm", options | {"kimg": tick}).communicate(
                timeout=max(bench.left() / 2, 1)
            )
        # At the same time: determinism must not depend on what else the card does.
        begun = {
            name: start(path, folder / name, options) for name in ("first", "second", "killed")
        }
        seen = killed_after(begun["killed"], ticks=3, until=bench.until - 10)
        yield {"what": "killed", "at_images": seen}
        again = start(path, folder / "killed", options)
        for name, child in (*begun.items(), ("killed", again)):
            if name == "killed" and child is not again:
                continue
            _, said = child.communicate(timeout=max(bench.left(), 1))
            if child.returncode:
                yield {"what": name, "error": said.strip()[-400:]}
        found = {name: ending(folder / name) for name in begun}
        for name in ("second", "killed"):
            yield {
                "what": f"{name} against first",
                "same_model": found[name]["identity"] == found["first"]["identity"],
                "largest_difference": difference(found[name], found["first"]),
                "loss_G": found[name]["losses"].get("Loss/G"),
                "first_loss_G": found["first"]["losses"].get("Loss/G"),
            }


def start(path: Path, runs: Path, options: dict[str, Any]) -> subprocess.Popen[str]:
    given = json.dumps(options)
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(path), str(runs), given],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def killed_after(child: subprocess.Popen[str], *, ticks: int, until: float) -> int:
    """Kill it in the step after so many ticks; the images of the last one."""
    assert child.stdout is not None
    seen = 0
    for count, line in enumerate(child.stdout, start=1):
        if line.strip().isdecimal():
            seen = int(line)
        if count > ticks or time.monotonic() > until:
            break
    time.sleep(0.05)
    child.kill()
    child.communicate()
    return seen


def ending(runs: Path) -> dict[str, Any]:
    from nftgan.networks.model_file import load_networks
    from nftgan.training.outputs import read_statistics

    (run,) = (one for one in runs.iterdir() if one.is_dir())
    newest = sorted(run.glob("network-*.safetensors"))[-1]
    loaded = load_networks(newest)
    lines = read_statistics(run / "stats.jsonl")
    return {
        "identity": loaded.identity,
        "losses": lines[-1] if lines else {},
        "tensors": loaded.generator.state_dict(),
    }


def difference(one: dict[str, Any], other: dict[str, Any]) -> float:
    pairs = zip(one["tensors"].values(), other["tensors"].values(), strict=True)
    return max(float((a - b).abs().max()) for a, b in pairs)
