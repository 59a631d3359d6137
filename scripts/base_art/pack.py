"""Make the model that ships from the one that was trained: float16, with its lineage inside.

python scripts/base_art/pack.py OUT.safetensors base_art.zip TARGET.safetensors STYLES
"""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import nftgan
from nftgan.dataset.archive import Dataset
from nftgan.networks.model_file import open_model, write_model


def main(trained: Path, archive: Path, target: Path, styles: str) -> None:
    model, dataset = open_model(trained), Dataset.open(archive)
    meta = {
        "conditioning": None,
        "licence": "CC0-1.0",
        "training": {"preset": "tiny", **model.meta["training"]},
        "dataset": {
            "name": f"nftgan base art: {styles}",
            "fingerprint": dataset.fingerprint,
            "images": len(dataset),
            "pixel_art": dataset.notes.get("pixel_art"),
        },
        "version": nftgan.__version__,
    }
    print(write_model(target, dataclasses.replace(model, meta=meta), dtype="float16"))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]), styles=sys.argv[4])
