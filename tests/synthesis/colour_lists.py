"""Lists of colours for a finish: one that is right, and all kinds that are none."""

from __future__ import annotations

from typing import Any

ART = "0a0b0cff0000ffffff"
BAD_COLOURS: list[Any] = [
    *("", "0a0b0c", "0A0B0Cffffff", "ff00000a0b0c", "ff0000ff0000", "0a0b0cff000", " 0a0b0cff0000"),
    *("0a0b0cff0000\n", "".join(f"{n:06x}" for n in range(257)), None, 7, ["0a0b0c", "ff0000"]),
]
