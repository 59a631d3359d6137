"""What a request says: numbers and seeds, checked before anything is done with them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request

from nftgan.errors import UsageError
from nftgan.seeds import MAX_SEED

MAX_SEEDS = 20_000  # of one request


def number(request: Request, name: str, least: int, most: int) -> int:
    """A whole number of the query; UsageError when it is none, or out of bounds."""
    text = request.query_params.get(name, "")
    if not (text.isascii() and text.isdecimal() and len(text) < 20 and least <= int(text) <= most):
        raise UsageError(f"{name} is a whole number from {least} to {most}")
    return int(text)


def real(request: Request, name: str, usual: float) -> float:
    """A finite number of the query, `usual` where it is not said."""
    try:
        found = float(request.query_params.get(name, usual))
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        raise UsageError(f"{name} is a number")
    return found


def layers(request: Request) -> tuple[int, ...]:
    """Layers of a mixture; what is no number is left out."""
    return tuple(
        int(text)
        for text in request.query_params.get("layers", "").split(",")
        if text.isascii() and text.isdecimal() and len(text) < 4
    )


def path_seed(request: Request) -> int:
    seed: int = request.path_params["seed"]
    if seed > MAX_SEED:
        raise UsageError(f"seed {seed} is not from 0 to {MAX_SEED}")
    return seed


def seeds_of(said: Mapping[str, Any]) -> list[int]:
    """The seeds that the JSON of a request is about: "seed" or "seeds"."""
    seeds = said.get("seeds", [said.get("seed")])
    if not isinstance(seeds, list) or not 0 < len(seeds) <= MAX_SEEDS:
        raise UsageError(f"seeds are a list of 1 to {MAX_SEEDS:,} seeds")
    for seed in seeds:
        if type(seed) is not int or not 0 <= seed <= MAX_SEED:
            raise UsageError(f"a seed is a whole number from 0 to {MAX_SEED}")
    return list(dict.fromkeys(seeds))
