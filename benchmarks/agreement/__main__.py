"""How well scores of single images agree with an eye: AUC, and how many of the 12 best are whole.

python -m benchmarks.agreement

Each set of ratings is a .json beside a .png of the rated images, 20 in a row. The networks that
made them need not be here: what their discriminators said is kept, too. `first`, `later` and `demo`
are pixel avatars from before; `shipped` is base-16 as it is now. `hills` are landscapes of 64
pixels, of a demo from the base model when it had 130 kimg; `hills-later` were rated after the score
of patches was made, and are not drawn by chance: 40 of the 65 are, the others are the best by two
scores.
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

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

SETS = ("first", "later", "demo", "shipped", "hills", "hills-later")
COLUMNS, BEST = 20, 12
SMALLEST = 128  # pixels a side that the network of `evaluate` gets
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
    """uint8 [count, S, S, 3]."""
    sheet = read_png(path)
    side = sheet.shape[1] // COLUMNS
    rows = sheet.reshape(-1, side, COLUMNS, side, 3).transpose(0, 2, 1, 3, 4)
    return np.ascontiguousarray(rows.reshape(-1, side, side, 3)[:count])


def seeds_of(said: dict[str, Any]) -> np.ndarray:
    """int [count]: of the images of a set of ratings."""
    first = said.get("first_seed", 0)
    return np.array(said.get("seeds", range(first, first + said["count"])))


def shipped_art(folder: Path, name: str) -> Dataset:
    unpack(name, folder)
    write_dataset(folder / "art.zip", [read_png(path) for path in sorted(folder.glob("*.png"))])
    return Dataset.open(folder / "art.zip")


@dataclass(frozen=True)
class Art:
    """What a set of ratings is compared with."""

    parts: ArtParts
    deep: np.ndarray  # features of `evaluate`
    rows: np.ndarray  # coarse colours and edges


def deep(extract: Extractor, images: np.ndarray) -> np.ndarray:
    times = max(1, SMALLEST // images.shape[1])
    return extract(np.stack([upscale(image, times).transpose(2, 0, 1) for image in images]))


@lru_cache
def art_of(name: str) -> Art:
    with tempfile.TemporaryDirectory() as folder:
        dataset = shipped_art(Path(folder), name)
        art = dataset.images(range(len(dataset))).transpose(0, 2, 3, 1)
        parts = ArtParts(dataset)
    return Art(parts, deep(Extractor(), art), np.stack([features(image) for image in art]))


def main() -> None:
    extract = Extractor()
    for name in SETS:
        said = json.loads(Path(__file__).with_name(f"{name}.json").read_text())
        art = art_of(said.get("art", "pixel-art"))
        images = tiles(Path(__file__).with_name(f"{name}.png"), said["count"])
        good = np.isin(seeds_of(said), said["without_fault"])
        print(f"{name}: {good.sum()} of {len(good)} without a visible fault")
        logits = np.array(said["logits"])
        near = -nearest(np.stack([features(image) for image in images]), art.rows)[1]
        whole = wholeness(art.parts.distances(list(images)), art.parts.own)
        scores = {
            "logit of D": logits,
            "likeness, coarse colours and edges": near,
            "both, as --auto ordered before": ranks(logits) + ranks(near),
            "likeness in the features of evaluate": (deep(extract, images) @ art.deep.T).max(
                axis=1
            ),
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
