"""Which of the models that ship a run starts from: the one that suits size and art best."""

from __future__ import annotations

import math

import numpy as np

from nftgan.dataset.archive import Dataset
from nftgan.errors import MissingStepError
from nftgan.metrics.likeness import KEY, distance, mean_features, read
from nftgan.networks.model_file import read_model
from nftgan.networks.sources import BASE, BASES, BaseModel, model_source
from nftgan.noted_art import PixelArt


def parent_source(named: str, dataset: Dataset) -> tuple[str, str]:
    """What a run on `dataset` starts from, as `model_source`; and why, where that is worth a line.

    named: `base` is the base model that suits the art, any other name what it names.
    """
    if named != BASE:
        return str(model_source(named)), ""
    base, why = choose(dataset)
    return str(base.path), why


def choose(dataset: Dataset) -> tuple[BaseModel, str]:
    """The base model for this art, and why; no words where there is nothing to choose.

    Of pixel art a model of pixel art, of other art one of its size or of the nearest; where
    several are as near, the one whose art is most like this art.
    """
    pixel_art = PixelArt.of(dataset.notes).grid > 0
    side = dataset.resolution
    nearest = fitting(side, pixel_art=pixel_art)
    base, why = nearest[0], ""
    if len(nearest) > 1:
        base, why = _most_alike(nearest, dataset)
    if base.side == side:
        return base, why
    kind = "pixel art of " if pixel_art else ""
    of_nearest = f"; of the nearest {why}" if why else f": {base.name} ({base.art}) is nearest"
    return base, f"no base model is made for {kind}{side} pixels{of_nearest}"


def fitting(side: int, *, pixel_art: bool) -> tuple[BaseModel, ...]:
    """The base models that are equally near to such art; of two sizes as near, the smaller."""

    def apart(base: BaseModel) -> tuple[bool, float, int]:
        other = base.pixel_art != pixel_art and (pixel_art or base.side != side)
        return other, abs(math.log2(base.side / side)), base.side

    least = min(map(apart, BASES))
    return tuple(base for base in BASES if apart(base) == least)


def _most_alike(bases: tuple[BaseModel, ...], dataset: Dataset) -> tuple[BaseModel, str]:
    known = [(base, mean) for base in bases if (mean := _art_of(base)) is not None]
    ours = _looked_at(dataset) if known else None
    if ours is None:
        return bases[
            0
        ], f"{bases[0].name} is the first of {len(bases)} that fit: no art is compared"
    far = sorted((distance(ours, mean), base.name, base) for base, mean in known)
    others = ", ".join(f"{name} {value:.2f}" for value, name, _ in far[1:])
    value, name, base = far[0]
    than = f"; {others}" if others else ""
    return base, f"{name} ({base.art}) is most like this art: distance {value:.2f}{than}"


def _looked_at(dataset: Dataset) -> np.ndarray | None:
    """The mean features of the art; None where the network that sees them is not installed."""
    from nftgan.metrics.features import Extractor

    try:
        return mean_features(dataset, Extractor())
    except MissingStepError:
        return None


def _art_of(base: BaseModel) -> np.ndarray | None:
    """The mean features of what it learned from, where its file knows them."""
    return read((read_model(base.path).meta.get("dataset") or {}).get(KEY))
