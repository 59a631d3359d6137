"""What the artist decides of a data set, and whether it can be."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nftgan.alpha import RGB
from nftgan.dataset.background import PLAIN
from nftgan.dataset.crop import Crop
from nftgan.dataset.decode import parse_colour
from nftgan.dataset.resize import Resample
from nftgan.errors import UsageError

MIN_RESOLUTION, MAX_RESOLUTION = 16, 4096
AUTO = "auto"
_MAX_DISTANCE = 16


@dataclass(frozen=True)
class PrepareOptions:
    """What the artist decides; every field has a default that suits most folders."""

    resolution: int | None = None  # side in pixels, a power of two; None: what the art allows
    crop: str = "center"  # center, fit or smart
    background: str = "white"
    """CSS name or #rrggbb behind transparency and beside `fit`; "auto": a plain one that suits."""
    min_side: int | None = None  # shortest side accepted; None: half of what is typical or needed
    dedupe: int = 6  # most pHash bits copies differ in; 0: only equal ones are refused, -1: none
    labels: str | Path | None = None
    """"folders", "none", a CSV file or a dataset.json; None: a dataset.json among the art."""
    resample: str = "auto"  # auto, lanczos or nearest
    alpha: bool = False  # keep transparency: an RGBA data set, for networks of 4 channels

    def to_json(self) -> dict[str, Any]:
        return {
            "resolution": self.resolution,
            "crop": self.crop,
            "background": self.background,
            "min_side": self.min_side,
            "dedupe": self.dedupe,
            "labels": None if self.labels is None else Path(self.labels).name,
            "resample": self.resample,
            "alpha": self.alpha,
        }


DEFAULTS = PrepareOptions()


@dataclass(frozen=True)
class Plan:
    """What the options come to, before a file was looked at."""

    crop: Crop
    resample: Resample
    background: RGB | None  # white while it is to be found; None: transparency is kept


def _nearest_side(wanted: int) -> int:
    """The resolution that can be which is nearest to `wanted`; of two the smaller."""
    powers = range(MIN_RESOLUTION.bit_length() - 1, MAX_RESOLUTION.bit_length())
    return min((1 << power for power in powers), key=lambda side: abs(side - wanted))


def checked(options: PrepareOptions) -> Plan:
    """The options' words as values; UsageError names a wrong one."""
    resolution = options.resolution
    if resolution is not None and not (
        MIN_RESOLUTION <= resolution <= MAX_RESOLUTION and resolution & (resolution - 1) == 0
    ):
        raise UsageError(
            f"the resolution {resolution} is not a power of two from {MIN_RESOLUTION}"
            f" to {MAX_RESOLUTION}",
            hint=f"--resolution {_nearest_side(resolution)}, or none for the one that fits the art",
        )
    if options.min_side is not None and options.min_side < 1:
        raise UsageError(f"the smallest side {options.min_side} is not a number of pixels")
    if not -1 <= options.dedupe <= _MAX_DISTANCE:
        raise UsageError(f"dedupe {options.dedupe} is not from -1 to {_MAX_DISTANCE}")
    if options.crop not in (names := [item.value for item in Crop]):
        raise UsageError(f"there is no crop {options.crop!r}", hint=f"take {', '.join(names)}")
    if options.resample not in (names := [item.value for item in Resample]):
        raise UsageError(
            f"there is no resampling {options.resample!r}", hint=f"take {', '.join(names)}"
        )
    background: RGB | None = PLAIN["white"]
    if options.background != AUTO:
        background = parse_colour(options.background)
    if options.alpha:
        if options.background != "white":
            raise UsageError(
                f"--alpha keeps transparency, so that there is no background"
                f" {options.background!r}",
                hint="leave out --alpha or --background",
            )
        background = None
    return Plan(Crop(options.crop), Resample(options.resample), background)
