"""What is noted of pixel art and flat art: by `prepare` in a data set, by training in a model file.

Both come from others, too: what is nonsense there is as if it were not noted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

_NO_LIST = "what the model says of its art's colours is no list of them: any colour may be drawn"
_COLOURS = re.compile(r"(?:[0-9a-f]{6}){2,256}")


@dataclass(frozen=True)
class PixelArt:
    """A set of pixel art, or of flat art."""

    grid: int = 0  # art pixels along a side; 0: the art is no pixel art
    colours: int = 0  # of a typical image
    art_colours: str = ""  # of the whole set, as `are_colours` says; "": not known, or too many
    flat: bool = False  # no pixel art, but few plain colours with sharp borders
    note: str = field(default="", compare=False)  # what a person should know of these facts

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> PixelArt:
        """From the notes of a data set; no pixel art where they say nothing, or nonsense."""
        facts = document.get("pixel_art")
        if not isinstance(facts, Mapping):
            return cls(flat=document.get("flat_art") is True)
        grid, colours = facts.get("grid"), facts.get("colours")
        if type(grid) is not int or type(colours) is not int or not 0 < grid <= 4096:
            return cls()
        known = facts.get("art_colours")
        colours = min(max(colours, 2), 256)
        if are_colours(known):
            return cls(grid, colours, str(known))
        return cls(grid, colours, note="" if known in (None, "") else _NO_LIST)

    @classmethod
    def of_model(cls, info: Mapping[str, Any]) -> PixelArt:
        """From a model's document, which repeats the notes of the data set that it learned from."""
        dataset = info.get("dataset")
        return cls.of(dataset) if isinstance(dataset, Mapping) else cls()


NO_PIXEL_ART = PixelArt()


def are_colours(value: object) -> bool:
    """Whether `value` lists 2 to 256 colours: six small hex digits each, each once and rising."""
    if not isinstance(value, str) or not _COLOURS.fullmatch(value):
        return False
    found = [value[at : at + 6] for at in range(0, len(value), 6)]
    return all(one < other for one, other in pairwise(found))
