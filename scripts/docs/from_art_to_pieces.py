"""Draw COLLECTION/from-art-to-pieces.png: art, candidates as they come, and the pieces.

python scripts/docs/from_art_to_pieces.py COLLECTION ART FIRST_SEED

ART is a folder of images; FIRST_SEED is the first of twelve candidates in a row, none left out.
"""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image

import nftgan
from nftgan.collection.manifest import load_manifest
from nftgan.project import find_project

SIDE, COLUMNS, ROWS, GAP, BETWEEN = 112, 4, 3, 4, 28
COUNT = COLUMNS * ROWS


def panel(images: list[Image.Image]) -> Image.Image:
    """Twelve images in four columns, on white."""
    step = SIDE + GAP
    sheet = Image.new("RGB", (COLUMNS * step - GAP, ROWS * step - GAP), "white")
    for number, image in enumerate(images[:COUNT]):
        small = image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.LANCZOS)
        sheet.paste(small, (number % COLUMNS * step, number // COLUMNS * step))
    return sheet


def main(collection: Path, art: Path, first: int) -> None:
    recipe = load_manifest(find_project(collection)).recipe
    model = nftgan.load_model(collection / "model.safetensors")
    seeds = range(first, first + COUNT)
    candidates = [Image.fromarray(model.render(seed, recipe)) for seed in seeds]
    pieces = sorted((collection / "images").glob("*.png"), key=lambda path: int(path.stem))
    panels = [
        panel([Image.open(path) for path in sorted(art.iterdir())[:COUNT]]),
        panel(candidates),
        panel([Image.open(path) for path in pieces]),
    ]
    width = sum(one.width for one in panels) + BETWEEN * (len(panels) - 1)
    whole = Image.new("RGB", (width, panels[0].height), "white")
    left = 0
    for one in panels:
        whole.paste(one, (left, 0))
        left += one.width + BETWEEN
    whole.save(collection / "from-art-to-pieces.png", optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
