"""Make the model that ships from the one that was trained: float16, with its lineage inside.

python scripts/base_art/pack.py OUT.safetensors base_art.zip nftgan/assets/base-32.safetensors
"""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import nftgan
from nftgan.dataset.archive import Dataset
from nftgan.networks.model_file import open_model, write_model

STYLES = "DiceBear pixel-art, open-peeps, lorelei, notionists, thumbs, shapes"


def main(trained: Path, archive: Path, target: Path) -> None:
    model, dataset = open_model(trained), Dataset.open(archive)
    meta = {
        "conditioning": None,
        "licence": "CC0-1.0",
        "training": {"preset": "tiny", **model.meta["training"]},
        "dataset": {
            "name": f"nftgan base art: {STYLES}",
            "fingerprint": dataset.fingerprint,
            "images": len(dataset),
        },
        "version": nftgan.__version__,
    }
    print(write_model(target, dataclasses.replace(model, meta=meta), dtype="float16"))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
