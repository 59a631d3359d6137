"""Make a model that ships from one that was trained: in float16, with lineage and kind of art.

python scripts/base_art/pack.py OUT.safetensors base_art.zip TARGET.safetensors STYLES

OUT was trained on base_art.zip, whose art is CC0. A new file needs one line more in
`nftgan/networks/sources.py`, and stays below 16 MB.
"""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import nftgan
from nftgan.dataset.archive import Dataset
from nftgan.errors import UsageError
from nftgan.metrics.features import Extractor
from nftgan.metrics.likeness import KEY, mean_features, written
from nftgan.networks.model_file import open_model, write_model

LICENCE = "CC0-1.0"
MOST_BYTES = 16_000_000
LOOKED_AT = 500


def pack(trained: Path, archive: Path, target: Path, styles: str) -> str:
    """Write `target`; its identity.

    Raises UsageError for a model without a discriminator or with labels, one that learned from
    other art than `archive`, and a file that is too large (which is not left).
    """
    model, dataset = open_model(trained), Dataset.open(archive)
    if model.discriminator_config is None or model.generator_config.c_dim:
        raise UsageError(
            f"{trained.name} has labels or no discriminator: fine-tuning wants D alone"
        )
    known = (model.meta.get("dataset") or {}).get("fingerprint")
    if known not in (None, dataset.fingerprint):
        raise UsageError(f"{trained.name} learned from {known}, not from {archive.name}")
    parent = model.meta.get("parent")
    meta = {
        "conditioning": None,
        "licence": LICENCE,
        "training": model.meta["training"],
        "dataset": {
            "name": f"nftgan base art: {styles}",
            "fingerprint": dataset.fingerprint,
            "images": len(dataset),
            "pixel_art": dataset.notes.get("pixel_art"),
            **({"flat_art": True} if dataset.notes.get("flat_art") is True else {}),
            KEY: written(mean_features(dataset, Extractor(), images=LOOKED_AT)),
        },
        # An earlier stage of the same work, on the same kind of art.
        **({"parent": {**parent, "licence": LICENCE}} if parent else {}),
        "version": nftgan.__version__,
    }
    identity = write_model(target, dataclasses.replace(model, meta=meta), dtype="float16")
    size = target.stat().st_size
    if size >= MOST_BYTES:
        target.unlink()
        raise UsageError(f"{size:,} bytes are too many for the package; {MOST_BYTES:,} is the most")
    return identity


if __name__ == "__main__":
    print(pack(*map(Path, sys.argv[1:4]), styles=sys.argv[4]))
