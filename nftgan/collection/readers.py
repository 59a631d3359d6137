"""How markets and wallets read the metadata, by the standards that they publish.

Three kinds of readers: those after OpenSea's metadata standards and ERC-7572 for the collection,
those after Rarible's fields, and wallets that follow the JSON schema of ERC-721 alone. None of them
was asked: what they publish may change, and each may show less.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nftgan.collection.display import BOOST, DATE, NUMBER, PERCENTAGE

IGNORED = "not read"
FILMS = {".gltf", ".glb", ".webm", ".mp4", ".m4v", ".ogv", ".ogg", ".mp3", ".wav", ".oga"}
"""Endings that OpenSea's standard names for animation_url, beside HTML pages."""
PAGES = {".html", ".htm", ""}
SMALL_SIDE = 350
LONG_NAME, LONG_DESCRIPTION, MANY_TRAITS = 80, 1000, 60
"""Characters and traits above which lists cut, as far as their pages show."""


@dataclass(frozen=True)
class Reading:
    """What becomes of one field; `warning`: what somebody will not see as it is meant."""

    field: str
    opensea: str
    rarible: str
    wallets: str
    warning: str | None = None


def collection_readings(
    tokens: Sequence[Mapping[str, Any]],
    contract: Mapping[str, Any],
    *,
    image_size: tuple[int, int],
) -> tuple[Reading, ...]:
    """Each field of the first token, each kind of trait of all, and those of the collection."""
    found = list(token_readings(tokens[0], image_size)) if tokens else []
    longest = max((len(str(one["name"])) for one in tokens), default=0)
    if longest > LONG_NAME:
        found[0] = _warned(found[0], f"the longest has {longest} characters; lists cut it")
    traits = [dict(one) for token in tokens for one in token["attributes"]]
    by_name: dict[str, list[dict[str, Any]]] = {}
    for one in traits:
        by_name.setdefault(str(one.get("trait_type", "")), []).append(one)
    found += [_trait(name, same) for name, same in by_name.items()]
    most = max((len(token["attributes"]) for token in tokens), default=0)
    if most > MANY_TRAITS:
        found[-1] = _warned(found[-1], f"a token has {most} traits; pages show some of them")
    return (*found, *contract_readings(contract))


def token_readings(token: Mapping[str, Any], image_size: tuple[int, int]) -> tuple[Reading, ...]:
    """The fields of one token but for its traits, in the order of ERC-721."""
    found = [Reading("name", "title", "title", "title")]
    if "description" in token:
        text = str(token["description"])
        long = f"{len(text):,} characters; pages cut it" if len(text) > LONG_DESCRIPTION else None
        found.append(Reading("description", "text, in Markdown", "plain text", "plain text", long))
    small = min(image_size) < SMALL_SIDE
    size = f"{image_size[0]} x {image_size[1]} pixels look blurred: a larger upscale"
    found.append(Reading("image", "picture", "picture", "picture", size if small else None))
    if "animation_url" in token:
        found.append(_animation(str(token["animation_url"])))
    if "external_url" in token:
        url = str(token["external_url"])
        web = None if url.startswith("https://") else "browsers warn of http"
        found.append(Reading("external_url", "link beside the token", "link", IGNORED, web))
    if "background_color" in token:
        found.append(Reading("background_color", "behind the picture", IGNORED, IGNORED))
    found.append(Reading("nftgan", IGNORED, IGNORED, IGNORED))
    return tuple(found)


def contract_readings(contract: Mapping[str, Any]) -> tuple[Reading, ...]:
    """The fields of contract.json (ERC-7572) that are there."""
    said = {
        "name": "name of the collection",
        "symbol": "before the contract's symbol()",
        "description": "text of the collection's page",
        "image": "logo of the collection",
        "banner_image": "across the top of its page",
        "featured_image": "where collections are featured",
        "external_link": "link to your site",
        "collaborators": "may edit the page there",
    }
    shared = {"name", "description", "image", "external_link"}
    found = []
    for key, shown in said.items():
        if key in contract:
            wallet = "by name() of the contract" if key == "name" else IGNORED
            wallet = "by symbol() of the contract" if key == "symbol" else wallet
            rarible = shown if key in shared else IGNORED
            found.append(Reading(f"collection: {key}", shown, rarible, wallet))
    if "banner_image" not in contract:
        text = "none: markets show an empty strip; banner_image in nftgan.toml"
        found.append(Reading("collection: banner_image", "empty", IGNORED, IGNORED, text))
    return tuple(found)


def _animation(url: str) -> Reading:
    name = url.partition("?")[0].partition("#")[0].rstrip("/").rpartition("/")[2]
    ending = f".{name.rpartition('.')[2]}".lower() if "." in name else ""
    if ending == ".gif":
        text = "a GIF is no film to OpenSea's standard: make it an MP4"
        return Reading("animation_url", IGNORED, "film", IGNORED, text)
    warning = None
    if not url.startswith("ipfs://"):
        warning = "not on IPFS: whoever has that host can change what is shown"
    if ending in FILMS:
        return Reading("animation_url", "film or sound", "film or sound", IGNORED, warning)
    if ending in PAGES:
        shown = "page in a frame" if ending else "page in a frame, or by its content type"
        return Reading("animation_url", shown, shown, IGNORED, warning)
    text = f"files that end in {ending} are not among those that OpenSea names"
    return Reading("animation_url", IGNORED, IGNORED, IGNORED, text)


def _trait(name: str, same: Sequence[Mapping[str, Any]]) -> Reading:
    """How one trait is shown, by its first value; mixed kinds are warned of."""
    first = same[0]
    kind, value = first.get("display_type"), first["value"]
    shown = {
        NUMBER: "number" + (f", of {first['max_value']}" if "max_value" in first else ""),
        BOOST: "boost, with a plus",
        PERCENTAGE: "boost in percent",
    }.get(str(kind), "")
    field = f"trait {name}" if name else "trait without a name"
    if kind == DATE:
        shown = f"date, {_day(value)}"
        plain = "date"
    elif shown:
        plain = "text"
    elif isinstance(value, str):
        shown = plain = "text, a filter"
    else:
        shown, plain = "level, up to the largest of all", "text"
    kinds = {(one.get("display_type"), type(one["value"]) is str) for one in same}
    warning = "is a number for some tokens and text for others" if len(kinds) > 1 else None
    if kind == PERCENTAGE and any(abs(float(one["value"])) > 100 for one in same):
        warning = warning or "is more than 100 percent for some tokens"
    return Reading(field, shown, plain, "some show it as text", warning)


def _day(seconds: Any) -> str:
    try:
        when = datetime.datetime.fromtimestamp(float(seconds), tz=datetime.timezone.utc)
    except (ValueError, OverflowError, OSError):
        return "out of range"
    return when.date().isoformat()


def _warned(reading: Reading, warning: str) -> Reading:
    return Reading(reading.field, reading.opensea, reading.rarible, reading.wallets, warning)
