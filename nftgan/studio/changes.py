"""What a page may change: opinions, the order of the pieces, the pool, and the end of it all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nftgan.errors import UsageError
from nftgan.studio.params import seeds_of
from nftgan.studio.session import Studio

LOOK_KEYS = {"trunc", "pixel_grid", "palette", "colours", "upscale", "filter"}
GROWTH = 2048  # candidates that one request may add


def say(studio: Studio, said: Mapping[str, Any]) -> Any:
    """What is said of one seed, or the same of several, is on disk when this returns."""
    seeds = seeds_of(said)
    words = {key: value for key, value in said.items() if key not in ("seed", "seeds")}
    found = studio.opinions.say_all(dict.fromkeys(seeds, words))
    for seed in seeds:
        studio.admit(seed)
    return {"opinions": found}


def order(studio: Studio, said: Mapping[str, Any]) -> Any:
    """Put the picks into the order of `seeds`; picks that it leaves out come behind."""
    found = studio.opinions.say_all({s: {"place": n} for n, s in enumerate(seeds_of(said))})
    return {"opinions": found}


def look(studio: Studio, said: Mapping[str, Any]) -> Any:
    """Write the look that all pieces share; what was written before, to be undone."""
    if not said or set(said) - LOOK_KEYS:
        raise UsageError(f"a look is {', '.join(sorted(LOOK_KEYS))}")
    return {"before": studio.use_look(said), "look": studio.look_number}


def network(studio: Studio, said: Mapping[str, Any]) -> Any:
    """Paint with the network that was saved at `kimg`."""
    kimg = said.get("kimg")
    if type(kimg) is not int:
        raise UsageError("kimg is a whole number")
    studio.use_network(kimg)
    return {"boot": studio.boot}


def step(studio: Studio, said: Mapping[str, Any]) -> Any:
    """Begin a verb that comes after curation."""
    wish = {key: value for key, value in said.items() if key != "name"}
    studio.steps.begin(str(said.get("name")), wish)
    return {"step": studio.steps.state}


def grow(studio: Studio, said: Mapping[str, Any]) -> Any:
    count = said.get("count")
    if type(count) is not int or not 1 <= count <= GROWTH:
        raise UsageError(f"count is a whole number from 1 to {GROWTH}")
    studio.gallery.grow(count)
    return {"seeds": studio.gallery.pool()}


def finish(studio: Studio, said: Mapping[str, Any]) -> Any:
    kept = said.get("kept", [])
    if not isinstance(kept, list) or not all(type(seed) is int for seed in kept):
        raise UsageError("kept is a list of seeds")
    studio.finishing.begin(kept)
    return {"finish": studio.finishing.state}


def close(studio: Studio, said: Mapping[str, Any]) -> Any:
    studio.close()
    return {"closed": True}
