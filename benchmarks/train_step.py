"""What a thousand images of training cost in each preset: seconds and peak memory, ours and the
published formulation.

    python benchmarks/train_step.py [--presets tiny,small,narrow,wide] [--batch 0] [--json]


The baseline is in published.py. Every way runs in a process of its own, so that its peak memory is
its own. A step with R1 and the better of two without are timed after one
that is not counted; sixteen steps in a row have one with R1. `narrow` and `wide` are networks of
the published 14 layers for 64 px, without augmentation, with at most 64 and 256 channels.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

from published import PUBLISHED, WAYS, in_own_process, prepare_way

LAYERS = {"num_layers": 14, "margin_size": 10, "first_cutoff": 2.0, "z_dim": 512, "w_dim": 512}
SIZES: dict[str, dict[str, Any]] = {
    "narrow": LAYERS | {"cbase": 2048, "cmax": 64, "d_cbase": 2048, "d_cmax": 64},
    "wide": LAYERS | {"cbase": 16384, "cmax": 256, "d_cbase": 16384, "d_cmax": 256},
}


def cost(preset: str, cfg: str, batch: int, device: str) -> dict[str, Any]:
    """Seconds a thousand images and peak memory of this process."""
    import numpy as np
    import torch

    from nftgan.dataset.archive import Dataset
    from nftgan.dataset.pack import write_dataset
    from nftgan.training.augment import Augment
    from nftgan.training.config import DatasetFacts
    from nftgan.training.data_loader import DataLoader
    from nftgan.training.presets import PRESETS
    from nftgan.training.resolving import resolve
    from nftgan.training.state import fresh_state
    from nftgan.training.step import train_step

    size, preset = SIZES.get(preset, {}), "small" if preset in SIZES else preset
    side = PRESETS[preset].resolution
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "noise.zip"
        pixels = np.random.default_rng(0).integers(0, 256, (32, side, side, 3), dtype=np.uint8)
        write_dataset(path, pixels, labels=None)
        sizes = {"batch": batch, "micro_batch": batch} if batch else {}
        facts = DatasetFacts.of(path)
        config = resolve(facts, preset=preset, cfg=cfg, aug_p=0.3, device=device, **sizes, **size)
        loader, state = DataLoader(config, Dataset.open(path)), fresh_state(config)
        augment = None if size else Augment(config.augpipe)

        def step(number: int) -> float:
            state.step = number
            start = time.perf_counter()
            train_step(state, loader.batch(0), lambda phase: loader.latents(phase, number), augment)
            if device != "cpu":
                torch.cuda.synchronize()
            return time.perf_counter() - start

        step(0)
        with_r1, without = step(16), min(step(17), step(18))
    seconds = (with_r1 + 15 * without) / 16
    return {
        "batch": config.batch,
        "seconds_per_kimg": seconds / config.batch * 1000,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "gpu_mb": torch.cuda.max_memory_allocated() / 2**20 if device != "cpu" else 0.0,
        "threads": torch.get_num_threads(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--presets", default="tiny,small,narrow")
    parser.add_argument("--cfg", default="stylegan3-t")
    parser.add_argument("--batch", type=int, default=0, help="0: the preset's")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.worker:
        prepare_way(chosen.worker)
        print(json.dumps(cost(chosen.presets, chosen.cfg, chosen.batch, chosen.device)))
        return
    rows = []
    for preset in chosen.presets.split(","):
        given = ["--presets", preset, "--cfg", chosen.cfg, "--batch", str(chosen.batch)]
        given += ["--device", chosen.device]
        found = {way: in_own_process(__file__, way, given) for way in WAYS}
        for way, answer in found.items():
            base = found[PUBLISHED]["seconds_per_kimg"]
            rows.append(
                {"preset": preset, "cfg": chosen.cfg, "way": way}
                | {key: round(value, 1) for key, value in answer.items()}
                | {"times_faster": round(base / answer["seconds_per_kimg"], 2)}
            )
    if chosen.json:
        print(json.dumps({"rows": rows}, indent=2))
        return
    print(f"{'preset':8} {'way':18} {'batch':>5} {'s/kimg':>8} {'peak MB':>8} {'faster':>7}")
    for row in rows:
        print(
            f"{row['preset']:8} {row['way']:18} {row['batch']:5.0f} {row['seconds_per_kimg']:8}"
            f" {row['peak_mb']:8.0f} {row['times_faster']:7}"
        )


if __name__ == "__main__":
    main()
