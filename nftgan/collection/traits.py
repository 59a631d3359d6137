"""Traits measured from the canonical pixels: whole numbers, then quantiles of the collection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nftgan.collection.oklab import oklab
from nftgan.errors import UsageError

NAMED_COLOURS: dict[str, tuple[int, int, int]] = {
    "Black": (12, 12, 14),
    "Charcoal": (66, 66, 70),
    "Grey": (128, 128, 128),
    "Silver": (192, 192, 196),
    "White": (248, 248, 246),
    "Red": (214, 40, 40),
    "Maroon": (110, 24, 36),
    "Coral": (244, 122, 100),
    "Orange": (240, 140, 30),
    "Brown": (122, 76, 42),
    "Tan": (206, 172, 130),
    "Peach": (250, 208, 176),
    "Yellow": (248, 220, 60),
    "Olive": (126, 126, 44),
    "Lime": (156, 220, 60),
    "Green": (46, 150, 66),
    "Forest": (28, 76, 44),
    "Mint": (168, 230, 196),
    "Teal": (24, 130, 130),
    "Cyan": (64, 210, 226),
    "Sky": (146, 192, 240),
    "Blue": (44, 86, 206),
    "Navy": (26, 32, 92),
    "Purple": (124, 58, 172),
    "Lavender": (196, 172, 236),
    "Magenta": (212, 50, 168),
    "Pink": (250, 164, 194),
}
LEVELS: dict[str, tuple[str, str, str, str, str]] = {
    "Warmth": ("Icy", "Cool", "Balanced", "Warm", "Glowing"),
    "Lightness": ("Night", "Dusk", "Day", "Bright", "Radiant"),
    "Contrast": ("Whisper", "Soft", "Clear", "Strong", "Stark"),
    "Vividness": ("Faded", "Muted", "Natural", "Vivid", "Electric"),
    "Symmetry": ("Wild", "Loose", "Even", "Poised", "Mirror"),
    "Complexity": ("Bare", "Simple", "Detailed", "Rich", "Intricate"),
}
"""Names of the lowest 5 %, the next 20 %, the middle, the next 20 % and the highest 5 %."""

MANY_COLOURS = 32
_EDGE = 160  # OKLab units between neighbours that count as an edge: about 0.04
_CHROMA_WEIGHT = 4  # hue matters more to a name than lightness
_ANCHORS = oklab(np.array(list(NAMED_COLOURS.values()), dtype=np.uint8))
_NAMES = tuple(NAMED_COLOURS)


@dataclass(frozen=True)
class Measures:
    """What was measured of one image; the numbers compare only images of one size."""

    background: str  # the commonest colour name along the border
    colour: str  # the commonest colour name that is not the background's
    colours: int  # different RGB triples
    levels: tuple[int, ...]  # in the order of LEVELS


def colour_names(pixels: np.ndarray) -> np.ndarray:
    """uint8 [..., 3] → int64 [...]: index into NAMED_COLOURS of the nearest one in OKLab."""
    wide = pixels.reshape(-1, 3).astype(np.int64)
    packed = (wide[:, 0] << 16) | (wide[:, 1] << 8) | wide[:, 2]
    distinct, index = np.unique(packed, return_inverse=True)
    rgb = np.stack([distinct >> 16, (distinct >> 8) & 255, distinct & 255], axis=1)
    lab = oklab(rgb.astype(np.uint8))
    nearest = np.zeros(len(lab), dtype=np.int64)
    least = np.full(len(lab), np.iinfo(np.int64).max)
    for number, anchor in enumerate(_ANCHORS):
        square = (lab - anchor) ** 2
        distance = square[:, 0] + _CHROMA_WEIGHT * (square[:, 1] + square[:, 2])
        closer = distance < least
        nearest[closer], least[closer] = number, distance[closer]
    return nearest[index.reshape(-1)].reshape(pixels.shape[:-1])


def measure(image: np.ndarray) -> Measures:
    """The measures of a canonical uint8 [H, W, 3], in integer arithmetic throughout."""
    height, width = image.shape[:2]
    names = colour_names(image)
    rim = max(1, min(height, width) // 32)
    inner = np.zeros((height, width), dtype=bool)
    inner[rim : height - rim, rim : width - rim] = True
    border = np.bincount(names[~inner], minlength=len(_NAMES))
    background = int(border.argmax())
    rest = np.bincount(names.reshape(-1), minlength=len(_NAMES))
    if rest.sum() > rest[background]:
        rest[background] = 0
    lab = oklab(image)
    light, a, b = lab[..., 0], lab[..., 1], lab[..., 2]
    n, s, q = light.size, int(light.sum()), int((light * light).sum())
    # Orange, at about 55 degrees, is the warmest direction of the (a, b) plane.
    warmth = int((57 * a + 82 * b).sum())
    mirror = -int(np.abs(lab - lab[:, ::-1]).sum())
    across = ((lab[:, 1:] - lab[:, :-1]) ** 2).sum(axis=2) > _EDGE**2
    down = ((lab[1:] - lab[:-1]) ** 2).sum(axis=2) > _EDGE**2
    edges = int(across.sum()) + int(down.sum())
    vividness = int((a * a + b * b).sum())
    packed = image.astype(np.int64) @ np.array([1 << 16, 1 << 8, 1])
    return Measures(
        background=_NAMES[background],
        colour=_NAMES[int(rest.argmax())],
        colours=len(np.unique(packed)),
        levels=(warmth, s, n * q - s * s, vividness, mirror, edges),
    )


def traits(measures: Sequence[Measures]) -> tuple[tuple[dict[str, Any], ...], ...]:
    """The attributes of each piece; equal measures always give equal attributes.

    Levels are quantiles of this collection: with fixed steps nearly all pieces of one artist would
    share a bin. "Colours" appears where every piece has at most 32 (pixel art) and
    not all have the same number.
    """
    if not measures:
        raise UsageError("there are no images to measure")
    columns = [
        _bins([one.levels[k] for one in measures], names) for k, names in enumerate(LEVELS.values())
    ]
    few = all(one.colours <= MANY_COLOURS for one in measures)
    differ = len({one.colours for one in measures}) > 1
    rows = []
    for number, one in enumerate(measures):
        values = {"Background": one.background, "Main colour": one.colour}
        values |= {kind: columns[k][number] for k, kind in enumerate(LEVELS)}
        if few and differ:
            values["Colours"] = str(one.colours)
        rows.append(tuple({"trait_type": kind, "value": v} for kind, v in values.items()))
    return tuple(rows)


def _bins(values: Sequence[int], names: Sequence[str]) -> list[str]:
    """The name of each value's quantile; a value's place is the middle of its equals."""
    _, index, counts = np.unique(
        np.array(values, dtype=object), return_inverse=True, return_counts=True
    )
    n, below = len(values), 0
    of_distinct = []
    for count in counts.tolist():
        place = 2 * below + count  # in 1 / 2n
        # Below 5 % and 25 %, up to 75 % and 95 %: the same from either end.
        level = 4 - sum((place * 10 < n, place * 2 < n, place * 2 <= 3 * n, place * 10 <= 19 * n))
        of_distinct.append(names[level])
        below += count
    return [of_distinct[i] for i in index.reshape(-1).tolist()]
