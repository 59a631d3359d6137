"""Train three recipes for the same number of images on two CC0 and MIT sets, two seeds each.

    python -m benchmarks.recipes.train SETS RUNS [--kimg 20] [--seeds 0,1]

`plain` is the published recipe from scratch (pipe bgc without a cap, published gamma, rates and
average), `ours` our defaults from scratch, `tune` our fine-tuning of the shipped base model for two
fifths of the length. The networks are those of the preset `tiny`, so a step costs all the same.
SETS holds NAME-train.zip and NAME-held.zip of `sets.py`. Run again, it goes on where it stopped.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

SETS = ("emoji", "peeps")
ARMS: dict[str, dict[str, Any]] = {
    "plain": {
        "gamma": 0.064,  # 0.001 side^2 / batch
        "augpipe": "bgc",
        "aug_cap": 1.0,
        "glr": 0.0025,
        "dlr": 0.002,
        "ema_kimg": 5.0,
    },
    "tune": {"resume": "base"},
    "ours": {},
}
SHARE = {"plain": 1.0, "tune": 0.4, "ours": 1.0}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sets", type=Path)
    parser.add_argument("runs", type=Path)
    parser.add_argument("--kimg", type=float, default=20)
    parser.add_argument("--seeds", default="0,1")
    chosen = parser.parse_args()
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from nftgan.workflows.train import plan_training, run_training, tick_line

    for seed in map(int, chosen.seeds.split(",")):
        for name in SETS:
            for arm, options in ARMS.items():
                plan = plan_training(
                    chosen.sets / f"{name}-train.zip",
                    chosen.runs / f"{name}-{arm}-{seed}",
                    **{"preset": "tiny", "resume": None, "seed": seed, "tick": 1, "snap": 1}
                    | {"keep": 1000, "threads": 1, "device": "cpu"}
                    | {"kimg": chosen.kimg * SHARE[arm]}
                    | options,
                )
                for tick in run_training(plan):
                    print(name, arm, seed, tick_line(tick), flush=True)


if __name__ == "__main__":
    main()
