"""How well scores of single images agree with an eye: AUC, and how many of the 12 best are whole.

python -m benchmarks.agreement

Each set of ratings is a .json beside a .png of the rated images, 16 pixels each, 20 in a row. The
networks that made them need not be here: what their discriminators said is kept, too. `first`,
`later` and `demo` are from before; `shipped` is base-16 as it is now.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import numpy as np

from nftgan.collection.features import features, nearest
from nftgan.collection.parts import ArtParts, wholeness
from nftgan.collection.quality import ranks
from nftgan.dataset.archive import Dataset
from nftgan.dataset.pack import write_dataset
from nftgan.dataset.shipped import unpack
from nftgan.metrics.features import Extractor
from nftgan.png import read_png
from nftgan.synthesis.finish import upscale

SETS = ("first", "later", "demo", "shipped")
SIDE, COLUMNS, BEST = 16, 20, 12
DRAWS = 300  # of the bootstrap


def auc(scores: np.ndarray, good: np.ndarray) -> float:
    """Chance that a good image has the higher score; 0.5 is none."""
    yes, no = scores[good][:, None], scores[~good][None]
    return float((yes > no).mean() + (yes == no).mean() / 2)


def error(scores: np.ndarray, good: np.ndarray) -> float:
    """Standard error of the AUC, by drawing images anew."""
    found = []
    for seed in range(DRAWS):
        drawn = np.random.default_rng(seed).integers(0, len(good), len(good))
        found.append(auc(scores[drawn], good[drawn]))
    return float(np.std(found))


def tiles(path: Path, count: int) -> np.ndarray:
    """uint8 [count, 16, 16, 3]."""
    sheet = read_png(path)
    rows = sheet.reshape(-1, SIDE, COLUMNS, SIDE, 3).transpose(0, 2, 1, 3, 4)
    return np.ascontiguousarray(rows.reshape(-1, SIDE, SIDE, 3)[:count])


def shipped_art(folder: Path) -> Dataset:
    unpack("pixel-art", folder)
    write_dataset(folder / "art.zip", [read_png(path) for path in sorted(folder.glob("*.png"))])
    return Dataset.open(folder / "art.zip")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        dataset = shipped_art(Path(folder))
        art = dataset.images(range(len(dataset))).transpose(0, 2, 3, 1)
        parts = ArtParts(dataset)
    extract = Extractor()

    def deep(images: np.ndarray) -> np.ndarray:
        return extract(np.stack([upscale(image, 8).transpose(2, 0, 1) for image in images]))

    known, rows = deep(art), np.stack([features(image) for image in art])
    for name in SETS:
        said = json.loads(Path(__file__).with_name(f"{name}.json").read_text())
        images = tiles(Path(__file__).with_name(f"{name}.png"), said["count"])
        seeds = np.arange(said["first_seed"], said["first_seed"] + said["count"])
        good = np.isin(seeds, said["without_fault"])
        print(f"{name}: {good.sum()} of {len(good)} without a visible fault")
        logits = np.array(said["logits"])
        near = -nearest(np.stack([features(image) for image in images]), rows)[1]
        whole = wholeness(parts.distances(list(images)), parts.own)
        scores = {
            "logit of D": logits,
            "likeness, coarse colours and edges": near,
            "both, as --auto ordered before": ranks(logits) + ranks(near),
            "likeness in the features of evaluate": (deep(images) @ known.T).max(axis=1),
            "parts, as --auto orders now": np.zeros(len(good)) if whole is None else whole,
        }
        for score, values in scores.items():
            best = np.argsort(-values, kind="stable")[:BEST]
            print(
                f"  {score}: AUC {auc(values, good):.2f} ± {error(values, good):.2f},"
                f" {good[best].sum()} of the {BEST} best"
            )


if __name__ == "__main__":
    main()
