"""Draws the manual's picture of the three enlargements: a drawing of 64 pixels, four times larger.

python -m scripts.docs.contour_picture
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from nftgan.png import encode_png
from nftgan.synthesis.finish import apply_finish
from nftgan.synthesis.recipe import Finish

ROOT = Path(__file__).resolve().parents[2]
SIDE, TIMES = 64, 4


def main() -> None:
    art = np.asarray(drawing().resize((SIDE, SIDE), Image.Resampling.BOX))
    finishes = [Finish(0, 0, TIMES, name) for name in ("nearest", "cubic", "contour")]
    row = np.concatenate([apply_finish(art, finish) for finish in finishes], axis=1)
    (ROOT / "docs" / "images" / "enlargements.png").write_bytes(encode_png(row))


def drawing() -> Image.Image:
    """A cat before hills, of seven colours, in 16 times the size."""
    unit = 16
    image = Image.new("RGB", (SIDE * unit, SIDE * unit), "#ffe2b8")
    draw = ImageDraw.Draw(image)

    def oval(x: float, y: float, across: float, down: float, colour: str) -> None:
        box = (x - across, y - down, x + across, y + down)
        draw.ellipse([value * unit for value in box], fill=colour)

    def shape(*points: tuple[float, float], colour: str) -> None:
        draw.polygon([(x * unit, y * unit) for x, y in points], fill=colour)

    oval(50, 13, 7, 7, "#f2994a")
    oval(12, 66, 30, 26, "#6fae8f")
    oval(56, 70, 30, 28, "#3f7d6e")
    shape((19, 30), (20, 10), (32, 22), colour="#3d405b")
    shape((45, 30), (44, 10), (32, 22), colour="#3d405b")
    oval(32, 34, 16, 15, "#3d405b")
    for x in (25, 39):
        oval(x, 32, 4, 5, "#ffffff")
        oval(x, 33, 1.8, 3.4, "#1d1e2c")
    shape((30, 39), (34, 39), (32, 41.5), colour="#f2994a")
    for bend in (-1, 1):
        points = [(32, 42), (32 + 2 * bend, 44), (32 + 5 * bend, 43)]
        line = [(x * unit, y * unit) for x, y in points]
        draw.line(line, fill="#ffe2b8", width=unit, joint="curve")
    return image


if __name__ == "__main__":
    main()
