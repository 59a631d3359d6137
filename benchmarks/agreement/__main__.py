"""How well scores of single images agree with an eye: AUC, and how many of the 12 best are whole.

python -m benchmarks.agreement ART.zip     (ART: the shipped pixel avatars, prepared)
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import torch

from nftgan.dataset.archive import Dataset
from nftgan.metrics.features import Extractor
from nftgan.networks.sources import base_model
from nftgan.synthesis.finish import to_palette, upscale
from nftgan.synthesis.model import load_model

RATINGS = Path(__file__).with_name("base-16.json")


def auc(scores: np.ndarray, good: np.ndarray) -> float:
    """Chance that a good image has the higher score; 0.5 is none."""
    yes, no = scores[good][:, None], scores[~good][None]
    return float((yes > no).mean() + (yes == no).mean() / 2)


def main(art: Path) -> None:
    said = json.loads(RATINGS.read_text())
    model = load_model(base_model(16))
    if model.identity != said["model"]:
        raise SystemExit("the ratings are of another base-16")
    raw = model.generate(list(range(said["seeds"])), trunc=said["trunc"])
    finished = np.stack([to_palette(image, said["palette"]) for image in raw])
    good = np.isin(np.arange(said["seeds"]), said["without_fault"])
    with torch.no_grad():
        logits = [
            float(
                model.discriminator(
                    torch.from_numpy(one.transpose(2, 0, 1)[None] / 127.5 - 1).float()
                )
            )
            for one in raw
        ]
    extract = Extractor()

    def features(images: np.ndarray) -> np.ndarray:
        return extract(np.stack([upscale(image, 8).transpose(2, 0, 1) for image in images]))

    dataset = Dataset.open(art)
    known = features(dataset.images(range(len(dataset))).transpose(0, 2, 3, 1))
    scores = {
        "logit of D": np.array(logits),
        "nearest art, before the finish": (features(raw) @ known.T).max(axis=1),
        "nearest art, after the finish": (features(finished) @ known.T).max(axis=1),
    }
    for name, values in scores.items():
        best = np.argsort(-values)[:12]
        print(f"{name}: AUC {auc(values, good):.2f}, {good[best].sum()} of the 12 best")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
