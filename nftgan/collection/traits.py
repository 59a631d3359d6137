"""Traits measured from the canonical pixels: whole numbers, then quantiles of the collection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nftgan import plugins
from nftgan.alpha import SHOWS, looked_at
from nftgan.collection.colours import FIRST_NAMES, NAMES, colour_names
from nftgan.errors import UsageError
from nftgan.oklab import oklab
from nftgan.synthesis.finish import art_pixels

LEVELS: dict[str, tuple[str, str, str, str, str]] = {
    "Warmth": ("Icy", "Cool", "Balanced", "Warm", "Glowing"),
    "Lightness": ("Night", "Dusk", "Day", "Bright", "Radiant"),
    "Contrast": ("Whisper", "Soft", "Clear", "Strong", "Stark"),
    "Vividness": ("Faded", "Muted", "Natural", "Vivid", "Electric"),
    "Symmetry": ("Wild", "Loose", "Even", "Poised", "Mirror"),
    "Complexity": ("Bare", "Simple", "Detailed", "Rich", "Intricate"),
}
"""Names of the lowest 5 %, the next 20 %, the middle, the next 20 % and the highest 5 %."""

GROUP = "nftgan.traits"
plugins.register(GROUP, {name: "nftgan.collection.traits:LEVELS" for name in LEVELS})
CLEAR = "Transparent"
"""In place of a colour's name where nothing shows."""
MANY_COLOURS = 32
_EDGE = 160  # OKLab units between neighbours that count as an edge: about 0.04
VERSION = 2
"""Of how traits are measured. 1: other colour names, and on the enlarged image."""


@dataclass(frozen=True)
class Measures:
    """What was measured of one image; the numbers compare only images of one size."""

    background: str  # the commonest colour name along the border, or CLEAR
    colour: str  # the commonest colour name that is not the background's
    colours: int  # different RGB triples, of pixels that show
    levels: tuple[int, ...]  # in the order of LEVELS
    added: tuple[int, ...] | None = ()  # of plugins' traits; None: one of them is not here


def measure(image: np.ndarray, upscale: int = 1, version: int = VERSION) -> Measures:
    """The measures of a canonical uint8 [H, W, 3], in integer arithmetic throughout.

    Of RGBA [H, W, 4] colours are those of pixels that show, by an alpha of SHOWS or more, and
    levels those of the image over a middle grey. upscale: how many times it was enlarged; it is
    measured on its art pixels, so that a preview that is not enlarged has the same traits.
    version: see VERSION; a collection keeps its own.
    """
    if version not in (1, VERSION):
        raise UsageError(
            f"traits of version {version!r} are not known here", hint="pip install -U nftgan"
        )
    if version > 1:
        image = art_pixels(image, upscale)
    height, width = image.shape[:2]
    known = NAMES if version > 1 else FIRST_NAMES
    names = colour_names(image[..., :3], version)
    shown = np.ones((height, width), dtype=bool)
    if image.shape[2] == 4:
        shown, known = image[..., 3] >= SHOWS, (*known, CLEAR)
        names[~shown] = len(known) - 1
    rim = max(1, min(height, width) // 32)
    inner = np.zeros((height, width), dtype=bool)
    inner[rim : height - rim, rim : width - rim] = True
    border = np.bincount(names[~inner], minlength=len(known))
    background = int(border.argmax())
    rest = np.bincount(names.reshape(-1), minlength=len(known))
    for left_out in (len(known) - 1, background) if image.shape[2] == 4 else (background,):
        if rest.sum() > rest[left_out]:
            rest[left_out] = 0
    lab = oklab(looked_at(image))
    light, a, b = lab[..., 0], lab[..., 1], lab[..., 2]
    n, s, q = light.size, int(light.sum()), int((light * light).sum())
    # Orange, at about 55 degrees, is the warmest direction of the (a, b) plane.
    warmth = int((57 * a + 82 * b).sum())
    mirror = -int(np.abs(lab - lab[:, ::-1]).sum())
    across = ((lab[:, 1:] - lab[:, :-1]) ** 2).sum(axis=2) > _EDGE**2
    down = ((lab[1:] - lab[:-1]) ** 2).sum(axis=2) > _EDGE**2
    edges = int(across.sum()) + int(down.sum())
    vividness = int((a * a + b * b).sum())
    packed = image[shown][:, :3].astype(np.int64) @ np.array([1 << 16, 1 << 8, 1])
    return Measures(
        background=known[background],
        colour=known[int(rest.argmax())],
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
        bins([one.levels[k] for one in measures], names) for k, names in enumerate(LEVELS.values())
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


def bins(values: Sequence[int], names: Sequence[str]) -> list[str]:
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
