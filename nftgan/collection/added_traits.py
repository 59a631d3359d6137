"""Traits of plugins: measured from the canonical pixels beside the core's own.

nftgan.toml asks for them by name; the metadata say which package measured them, and in which
version, so that whoever verifies measures the same, or says that nobody here can.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from nftgan import plugins
from nftgan.alpha import looked_at
from nftgan.collection.tags import MAX_TRAIT, RESERVED, check_words
from nftgan.collection.traits import GROUP, bins
from nftgan.errors import UsageError
from nftgan.synthesis.finish import art_pixels

MAX_ADDED = 12
_PACKAGE = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
Attributes = tuple[dict[str, Any], ...]


@dataclass(frozen=True)
class Trait:
    """What an entry of the group is; its name is the trait.

    measure: uint8 [H, W, 3] → a whole number, the same on every machine; it may not change what it
    is given; a transparent image comes over a middle grey. names: of the lowest 5 % of a
    collection, the next 20 %, the middle, the next 20 % and the highest 5 %. version: another one
    whenever any number becomes another.
    """

    version: int
    measure: Callable[[np.ndarray], int]
    names: tuple[str, str, str, str, str]


@dataclass(frozen=True)
class NamedTrait:
    """A trait of a plugin as metadata name it. Raises UsageError for what cannot be one."""

    name: str
    package: str  # in the normal form of PyPI
    version: int

    def __post_init__(self) -> None:
        check_words("trait", self.name, MAX_TRAIT)
        if self.name.casefold() in RESERVED:
            raise UsageError(f"the trait {self.name!r} is nftgan's own")
        if not isinstance(self.package, str) or not _PACKAGE.fullmatch(self.package):
            raise UsageError(f"trait {self.name}: {self.package!r:.80} is no package")
        if type(self.version) is not int or not 1 <= self.version <= 1_000_000:
            raise UsageError(f"trait {self.name}: {self.version!r:.80} is no version")

    def __str__(self) -> str:
        return f"{self.name}, version {self.version}, of {self.package}"

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def traits_from_json(raw: Any, where: str) -> tuple[NamedTrait, ...]:
    """The traits in `raw`; UsageError for a wrong or repeated one, or too many."""
    if not isinstance(raw, Sequence) or isinstance(raw, str) or len(raw) > MAX_ADDED:
        raise UsageError(f"{where}: added_traits must be a list of at most {MAX_ADDED}")
    found = []
    for one in raw:
        if not isinstance(one, Mapping) or set(one) != {"name", "package", "version"}:
            raise UsageError(f"{where}: an added trait must hold name, package and version")
        found.append(NamedTrait(**one))
    if len({one.name.casefold() for one in found}) < len(found):
        raise UsageError(f"{where}: a trait is added twice")
    return tuple(found)


def named_traits(names: Sequence[str]) -> tuple[NamedTrait, ...]:
    """The traits that `names` asks for, as they are installed. Raises UsageError for another."""
    known = plugins.parts(GROUP)
    found = []
    for name in names:
        if name not in known or known[name].is_core:
            others = ", ".join(one for one, part in known.items() if not part.is_core)
            raise plugins.MissingPlugin(
                f"no package here measures the trait {name!r:.80}",
                hint=f"known: {others or 'none is installed'}",
            )
        part = known[name]
        found.append({"name": name, "package": part.project, "version": _load(part).version})
    return traits_from_json(found, "nftgan.toml")


def added_levels(image: np.ndarray, upscale: int, wanted: Sequence[NamedTrait]) -> tuple[int, ...]:
    """The number of each trait of a canonical uint8 [H, W, 3 or 4], measured on its art pixels.

    Raises MissingPlugin where one is not installed, or in another version.
    """
    if not wanted:
        return ()
    pixels = looked_at(art_pixels(image, upscale))
    return tuple(_measured(one, pixels.copy()) for one in wanted)


def added_attributes(
    levels: Sequence[Sequence[int]], wanted: Sequence[NamedTrait]
) -> tuple[Attributes, ...]:
    """The attributes of each piece, from the numbers of all: quantiles as of the core's levels."""
    columns = [
        bins([row[place] for row in levels], _effective(one)[1].names)
        for place, one in enumerate(wanted)
    ]
    return tuple(
        tuple(
            {"trait_type": one.name, "value": column[number]}
            for one, column in zip(wanted, columns, strict=True)
        )
        for number in range(len(levels))
    )


def _measured(wanted: NamedTrait, pixels: np.ndarray) -> int:
    part, trait = _effective(wanted)
    try:
        value = trait.measure(pixels)
    except Exception as exc:  # a stranger's code: whatever it raises
        raise part.broken(exc) from exc
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise part.broken(f"it must give a whole number, not {type(value).__name__}")
    return int(value)


def _effective(wanted: NamedTrait) -> tuple[plugins.Part, Trait]:
    part = plugins.of_package(
        GROUP, wanted.name, wanted.package, needed=f"the metadata need the trait {wanted}"
    )
    trait = _load(part)
    if trait.version != wanted.version:
        raise plugins.MissingPlugin(
            f"the trait {wanted} is asked for, and {part.package} has version {trait.version} of it"
        )
    return part, trait


def _load(part: plugins.Part) -> Trait:
    trait = part.load()
    if not isinstance(trait, Trait) or type(trait.version) is not int or len(trait.names) != 5:
        raise part.broken("a trait is a Trait of nftgan.collection.added_traits, with five names")
    try:
        for name in trait.names:
            check_words("value", name, MAX_TRAIT)
    except UsageError as exc:
        raise part.broken(exc) from exc
    return trait
