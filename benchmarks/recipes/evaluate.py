"""How good each recipe's networks are, against art that no run has seen: KID with error bars.

    python -m benchmarks.recipes.evaluate SETS RUNS [--images 500] [--json FILE]

For every run of `train.py` and each of its networks: KID of the fakes of fixed seeds against the
held-out images, on block 10 of EfficientNet-Lite0, times 1000; the KID of the training images
themselves against the same held-out ones is the floor. Copies are fakes nearer to a training
image than all but one in a hundred held-out images are.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch

from benchmarks.recipes.train import ARMS, SETS
from nftgan.dataset.archive import Dataset
from nftgan.metrics.features import Extractor
from nftgan.metrics.kid import kid
from nftgan.networks.model_file import load_networks


def fakes(network: Path, count: int) -> np.ndarray:
    """uint8 [N, 3, H, W] of seeds 0, 1, 2 … without truncation."""
    generator = load_networks(network).generator.eval()
    made = []
    with torch.inference_mode():
        for first in range(0, count, 25):
            seeds = range(first, min(first + 25, count))
            z = [np.random.RandomState(seed).randn(1, generator.z_dim) for seed in seeds]
            images = generator(torch.from_numpy(np.concatenate(z)).float(), noise_mode="const")
            made.append((images * 127.5 + 128).clamp(0, 255).to(torch.uint8).numpy())
    return np.concatenate(made)


def features_of(path: Path, extract: Extractor) -> np.ndarray:
    dataset = Dataset.open(path)
    return extract(dataset.images(range(len(dataset))))


def nearest(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """float [N]: cosine distance of each row of x to the nearest row of y."""
    return 1 - (x @ y.T).max(axis=1)


def measure(sets: Path, runs: Path, images: int) -> list[dict[str, object]]:
    extract = Extractor()
    rows: list[dict[str, object]] = []
    for name in SETS:
        train = features_of(sets / f"{name}-train.zip", extract)
        held = features_of(sets / f"{name}-held.zip", extract)
        floor = kid(train[np.random.default_rng(0).permutation(len(train))[: len(held)]], held)
        limit = float(np.quantile(nearest(held, train), 0.01))
        for arm in ARMS:
            for run in sorted(runs.glob(f"{name}-{arm}-*")):
                for network in sorted(run.glob("*/network-*.safetensors")):
                    found = extract(fakes(network, images))
                    score = kid(found, held)
                    row: dict[str, object] = {
                        "set": name,
                        "arm": arm,
                        "seed": int(run.name.rpartition("-")[2]),
                        "kimg": int(network.stem.rpartition("-")[2]),
                        "kid": round(score.value * 1000, 2),
                        "error": round(score.error * 1000, 2),
                        "floor": round(floor.value * 1000, 2),
                        "copies": int((nearest(found, train) < limit).sum()),
                        "images": images,
                    }
                    print(json.dumps(row), flush=True)
                    rows.append(row)
    return rows


def table(rows: list[dict[str, object]]) -> str:
    """One line a set and arm; columns are thousands of images, cells KID of each seed."""
    columns = sorted({int(str(row["kimg"])) for row in rows})
    lines = ["| set | arm | " + " | ".join(f"{n} kimg" for n in columns) + " |"]
    lines.append("| --- " * (len(columns) + 2) + "|")
    for name in SETS:
        for arm in ARMS:
            cells = []
            for kimg in columns:
                here = [r for r in rows if (r["set"], r["arm"], r["kimg"]) == (name, arm, kimg)]
                cells.append(" / ".join(f"{r['kid']:.0f}±{r['error']:.0f}" for r in here))
            lines.append(f"| {name} | {arm} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sets", type=Path)
    parser.add_argument("runs", type=Path)
    parser.add_argument("--images", type=int, default=500)
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    rows = measure(chosen.sets, chosen.runs, chosen.images)
    if chosen.json:
        chosen.json.write_text("".join(json.dumps(row) + "\n" for row in rows))
    print(table(rows))


if __name__ == "__main__":
    main()
