"""Draw COLLECTION/from-art-to-pieces.png: art, candidates as they come, and the pieces.

python scripts/docs/from_art_to_pieces.py COLLECTION ART FIRST_SEED

ART is a folder of images; FIRST_SEED is the first of twelve candidates in a row, none left out.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

import numpy as np
from PIL import Image

import nftgan
from nftgan.collection.manifest import load_manifest
from nftgan.project import find_project
from nftgan.synthesis.generate import contact_sheet, write_sheet

SIDE, COLUMNS, ROWS, GAP, BETWEEN = 112, 4, 3, 4, 28
COUNT = COLUMNS * ROWS


def panel(images: Iterable[Image.Image]) -> np.ndarray:
    """Twelve images in four columns, on white."""
    shown = (
        image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.LANCZOS)
        for image in islice(images, COUNT)
    )
    return contact_sheet([np.asarray(image) for image in shown], columns=COLUMNS, gap=GAP)


def main(collection: Path, art: Path, first: int) -> None:
    recipe = load_manifest(find_project(collection)).recipe
    model = nftgan.load_model(collection / "model.safetensors")
    seeds = range(first, first + COUNT)
    candidates = [Image.fromarray(model.render(seed, recipe)) for seed in seeds]
    pieces = sorted((collection / "images").glob("*.png"), key=lambda path: int(path.stem))
    panels = [
        panel(Image.open(path) for path in sorted(art.iterdir())),
        panel(candidates),
        panel(Image.open(path) for path in pieces),
    ]
    write_sheet(
        collection / "from-art-to-pieces.png", contact_sheet(panels, columns=3, gap=BETWEEN)
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
