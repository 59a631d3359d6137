"""The canonical renderer in WebAssembly against our native float64 path, piece by piece in turn.

    python -m benchmarks.wasm [--models base,small-64,T-64,T-256,R-256] [--pieces 2] [--workers 2]

Both paint the same pieces, which must be equal: WebAssembly in Node with --workers workers, native
with as many threads. Models but the base are untrained: small-N has the channels that a processor
can train (the preset `small`), the others have the published ones. A file may be named too. The
ratio of processor seconds holds on a busy machine too; the ratio of seconds needs an idle one.
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


def model_file(name: str, folder: Path) -> Path:
    from benchmarks.render import published
    from nftgan.networks import build_generator
    from nftgan.networks.model_file import save_model
    from nftgan.networks.sources import base_model

    if name == "base":
        return base_model()
    if name.endswith(".safetensors"):
        return Path(name)
    kind, _, side = name.partition("-")
    path = folder / f"{name}.safetensors"
    config = small(int(side)) if kind == "small" else published(kind, int(side))
    save_model(path, generator=build_generator(config, seed=0), meta={})
    return path


def small(side: int) -> Any:
    """StyleGAN3-T with the preset `small` at this side."""
    from nftgan.networks.architecture import StyleGAN3Config
    from nftgan.training.presets import PRESETS
    from nftgan.training.resolving import FIRST_STOPBAND_REL

    preset = PRESETS["small"]
    return StyleGAN3Config(
        img_resolution=side,
        z_dim=preset.z_dim,
        w_dim=preset.w_dim,
        channel_base=preset.cbase,
        channel_max=preset.cmax,
        num_layers=preset.num_layers,
        margin_size=preset.margin_size,
        first_cutoff=preset.first_cutoff,
        first_stopband=preset.first_cutoff * FIRST_STOPBAND_REL,
    )


def measure(names: list[str], pieces: int, workers: int) -> list[dict[str, Any]]:
    # Threads that wait must not count as work; before torch loads its OpenMP runtime.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    import torch

    from nftgan.synthesis.model import load_model
    from tests.site.drawing import Drawing

    torch.set_num_threads(workers)
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for named in names:
            path = model_file(named, folder)
            model = load_model(path)
            recipe = model.recipe(truncation_psi=0.7)
            spent: dict[str, list[float]] = {"wasm_s": [], "native_s": []}
            cpu: dict[str, list[float]] = {"wasm_s": [], "native_s": []}
            differing = 0
            with Drawing(folder, workers=workers, shared=True) as node:
                node.load(path)
                for seed in range(pieces + 1):  # the first warms up
                    started, before = time.perf_counter(), time.process_time()
                    ours = model.render(seed, recipe)
                    spent["native_s"].append(time.perf_counter() - started)
                    cpu["native_s"].append(time.process_time() - before)
                    drawn, said = node.draw(recipe.to_json(), seed)
                    spent["wasm_s"].append(said["seconds"])
                    cpu["wasm_s"].append(said["cpu_seconds"])
                    differing += int((ours != drawn).sum())
            row: dict[str, Any] = {"model": named, "workers": workers, "differing": differing}
            for what, times in (("seconds", spent), ("cpu_seconds", cpu)):
                best = {key: min(values[1:]) for key, values in times.items()}
                row[what] = {key: round(value, 3) for key, value in best.items()}
                row[what]["ratio"] = round(best["wasm_s"] / best["native_s"], 2)
            rows.append(row)
            print(json.dumps(row), file=sys.stderr, flush=True)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", default="base,T-64,T-256,R-256")
    parser.add_argument("--pieces", type=int, default=2)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    rows = measure(arguments.models.split(","), arguments.pieces, arguments.workers)
    if arguments.json:
        print(json.dumps({"models": rows}, indent=2))
        return
    for row in rows:
        for what in ("seconds", "cpu_seconds"):
            times = row[what]
            print(
                f"{row['model']:8} {what:12} WebAssembly {times['wasm_s']:8.3f}, native"
                f" {times['native_s']:8.3f}: {times['ratio']} times;"
                f" {row['differing']} values differ"
            )


if __name__ == "__main__":
    main()
