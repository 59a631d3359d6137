"""Draw docs/images/training-film.gif: the same seeds from snapshot to snapshot of a run.

python scripts/docs/training_film.py RUN [LAST_KIMG]

The run's images have 64 pixels.
"""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image

OUT = Path(__file__).resolve().parents[2] / "docs" / "images" / "training-film.gif"
SIDE, COLUMNS, ROWS, ENLARGED = 64, 5, 4, 1
FRAMES, FRAME_MS, LAST_MS = 18, 280, 3000


def frames(run: Path, last_kimg: int | None) -> list[Image.Image]:
    """Sheets of FRAMES snapshots; closer together at the beginning, where most is learnt."""
    sheets = {int(path.stem[5:]): path for path in run.glob("fakes*.png")}
    known = sorted(kimg for kimg in sheets if last_kimg is None or kimg <= last_kimg)
    wanted = [known[-1] * (n / (FRAMES - 1)) ** 2 for n in range(FRAMES)]
    chosen = sorted({min(known, key=lambda kimg: abs(kimg - want)) for want in wanted})
    size = (COLUMNS * SIDE, ROWS * SIDE)
    large = (size[0] * ENLARGED, size[1] * ENLARGED)
    found = []
    for kimg in chosen:
        with Image.open(sheets[kimg]) as sheet:
            part = sheet.convert("RGB").crop((0, 0, *size))
        found.append(part.resize(large, Image.Resampling.NEAREST))
    return found


def main() -> None:
    run, *rest = sys.argv[1:]
    images = frames(Path(run), int(rest[0]) if rest else None)
    strip = Image.new("RGB", (images[0].width, images[0].height * len(images)))
    for n, image in enumerate(images):
        strip.paste(image, (0, n * image.height))
    palette = strip.quantize(128, dither=Image.Dither.NONE)
    first, *others = [image.quantize(palette=palette, dither=Image.Dither.NONE) for image in images]
    times = [FRAME_MS] * len(others) + [LAST_MS]
    first.save(OUT, save_all=True, append_images=others, duration=times, loop=0, optimize=True)


if __name__ == "__main__":
    main()
