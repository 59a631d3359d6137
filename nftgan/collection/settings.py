"""Settings of a collection: checked when they are read, and compared with what was curated.

nftgan.toml is what a person edits; `nftgan curate` copies it into the manifest collection.json, and
everything later (images, metadata, contract, report) is made from the manifest alone.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Mapping
from typing import Any

from nftgan.chain.accounts import check_address
from nftgan.chain.names import address_now, is_name
from nftgan.chain.networks import chain_named
from nftgan.chain.splitter import MOST_SHARES, WHOLE
from nftgan.collection.display import TYPES
from nftgan.collection.manifest import Manifest, piece_name
from nftgan.collection.media import LOCAL, PICTURES
from nftgan.collection.tags import MAX_TRAIT, RESERVED, check_words
from nftgan.config import CollectionSection, ProjectConfig, RecipeSection, RoyaltySection
from nftgan.errors import UsageError
from nftgan.noted_art import PixelArt
from nftgan.plugins import PluginError
from nftgan.synthesis.recipe import recipe_from_section
from nftgan.terminal import first_active

MAX_SYMBOL_CHARACTERS = 11
MAX_WORD_BYTES = 255
"""Of the name and of the symbol: the contract keeps each length in one byte."""
MAX_ROYALTY_PERCENT = 10.0  # more is refused by the contract
MAX_DESCRIPTION_CHARACTERS = 10_000
_NO_MODEL = "sha256:" + "0" * 64
_ANY_ART = PixelArt(1, 2, "000000ffffff")
AUTO = "auto"
_FIELD = re.compile(r"\{([^{}]*)\}")
_URL_FIELDS = {"id", "seed"}
_KNOWN = "{id} and {seed} are"
MAX_COLLABORATORS = 50


def check_settings(config: ProjectConfig) -> None:
    """Raises UsageError that names the key of nftgan.toml whose value can never be right."""
    _check_words(config.collection, config)
    percent = config.royalty.percent
    if not 0 <= percent <= MAX_ROYALTY_PERCENT:
        raise _wrong("royalty: percent", f"{percent:g} is not from 0 to {MAX_ROYALTY_PERCENT:g}")
    if round(percent * 100) != round(percent * 100, 6):
        raise _wrong("royalty: percent", f"{percent} has more than two decimals")
    if config.royalty.receiver:
        _check_account("royalty: receiver", config.royalty.receiver, config)
    _check_shares(config.royalty, config)
    try:
        chain_named(config.chain.name, allow_mainnet=True)
        # Any model will do: only the values of the file are looked at.
        recipe_from_section(config.recipe, model=_NO_MODEL, resolution=1, art=_ANY_ART)
    except PluginError:
        pass  # said by what needs it: `status` and `verify` do not
    except UsageError as exc:
        where = "chain: name" if "chain" in exc.message else "recipe"
        raise UsageError(f"nftgan.toml: {where}: {exc.message}", hint=exc.hint) from exc


def changed_settings(manifest: Manifest, config: ProjectConfig) -> tuple[str, ...]:
    """Keys of nftgan.toml that say something else than the manifest, in the file's order."""
    pairs: tuple[tuple[Any, Any], ...] = (
        (manifest.collection, config.collection),
        (_section_of(manifest), _resolved(manifest, config.recipe)),
        (manifest.royalties, config.royalty),
    )
    return tuple(
        field.name
        for old, new in pairs
        for field in dataclasses.fields(old)
        if getattr(old, field.name) != getattr(new, field.name)
    )


def recipe_changed(manifest: Manifest, config: ProjectConfig) -> bool:
    """Whether other pixels would follow from nftgan.toml than from the manifest."""
    return _section_of(manifest) != _resolved(manifest, config.recipe)


def _resolved(manifest: Manifest, section: RecipeSection) -> RecipeSection:
    """`section` with what is left to the program as the manifest has it already."""
    known = _section_of(manifest)
    chosen = {
        field.name: getattr(known if getattr(section, field.name) == AUTO else section, field.name)
        for field in dataclasses.fields(RecipeSection)
    }
    if chosen["upscale"] == 1:
        chosen["filter"] = known.filter  # nothing is enlarged, so no filter is at work
    chosen["effect"] = "".join(str(chosen["effect"]).split()).removesuffix("=0")
    return RecipeSection(**chosen)


def _section_of(manifest: Manifest) -> RecipeSection:
    """[recipe] of nftgan.toml that gives the manifest's recipe."""
    recipe = manifest.recipe
    finish = recipe.finish
    return RecipeSection(
        trunc=recipe.trunc,
        cutoff=recipe.cutoff,
        label=recipe.class_idx,
        condition=recipe.condition or (),
        translate=recipe.translate,
        rotate=recipe.rotate,
        pixel_grid=finish.grid if finish else 0,
        palette=finish.palette if finish else 0,
        upscale=finish.upscale if finish else 1,
        filter=finish.filter if finish else "nearest",
        effect=str(finish.effect or "") if finish else "",
        colours="art" if finish and finish.colours else "all",
    )


def _check_account(where: str, text: str, config: ProjectConfig) -> None:
    """Raises UsageError unless `text` is an address; for an ENS name with the address it is now."""
    if is_name(text):
        chain = chain_named(config.chain.name, allow_mainnet=True)
        now = address_now(chain, text)
        raise _wrong(
            where,
            f"{text[:80]!a} is a name, which can be given to somebody else: an address is wanted",
            hint=f"on {chain.name} it is {now} now: check that, and write it"
            if now
            else "write the address that it stands for",
        )
    try:
        check_address(text)
    except UsageError as exc:
        raise _wrong(where, exc.message) from exc


def _check_shares(royalty: RoyaltySection, config: ProjectConfig) -> None:
    if not royalty.shares:
        return
    if royalty.receiver:
        raise _wrong("royalty", "has a receiver and shares", hint="leave one of them out")
    if not 2 <= len(royalty.shares) <= MOST_SHARES:
        raise _wrong("royalty: shares", f"are {len(royalty.shares)}, not 2 to {MOST_SHARES}")
    for account, percent in royalty.shares.items():
        _check_account("royalty: shares", account, config)
        whole = math.isfinite(percent) and round(percent * 100) == round(percent * 100, 6)
        if not whole or not 0.01 <= percent < 100:
            raise _wrong(f"royalty: shares: {account}", f"{percent} is no share in percent")
    if len({account.lower() for account in royalty.shares}) != len(royalty.shares):
        raise _wrong("royalty: shares", "name an account twice")
    total = sum(round(percent * 100) for percent in royalty.shares.values())
    if total != WHOLE:
        raise _wrong("royalty: shares", f"are {total / 100:g} % in all, not 100 %")


def _check_words(words: CollectionSection, config: ProjectConfig) -> None:
    for key, least, most in (
        ("name", 1, MAX_WORD_BYTES),
        ("symbol", 1, MAX_WORD_BYTES),
        ("description", 0, None),
        ("piece_name", 1, None),
        ("external_url", 0, None),
        ("animation_url", 0, None),
        *((key, 0, None) for key in PICTURES),
    ):
        _check_text(key, getattr(words, key), least, most)
    if len(words.symbol) > MAX_SYMBOL_CHARACTERS:
        raise _wrong(
            "collection: symbol",
            f"{words.symbol!r} has {len(words.symbol)} characters, at most {MAX_SYMBOL_CHARACTERS}",
        )
    if len(words.description) > MAX_DESCRIPTION_CHARACTERS:
        raise _wrong(
            "collection: description",
            f"has {len(words.description):,} characters, at most {MAX_DESCRIPTION_CHARACTERS:,}",
        )
    piece_name(words.piece_name, name=words.name, id=0, seed=0)
    for name in _FIELD.findall(words.description):
        if name.strip().lower() in _URL_FIELDS and name not in _URL_FIELDS:
            raise _wrong("collection: description", f"{{{name}}} is not filled in", hint=_KNOWN)
    _check_links(words)
    if words.background_color and not re.fullmatch(r"[0-9a-fA-F]{6}", words.background_color):
        raise _wrong("collection: background_color", "is not six hex digits", hint="such as 1a2b3c")
    if len(words.collaborators) > MAX_COLLABORATORS:
        raise _wrong("collection: collaborators", f"are more than {MAX_COLLABORATORS}")
    for address in words.collaborators:
        _check_account("collection: collaborators", address, config)
    _check_display(words.display)


def _check_text(key: str, text: str, least: int, most: int | None) -> None:
    where = f"collection: {key}"
    found = first_active(text, allowed="\n\t" if key == "description" else "")
    if found:
        raise _wrong(
            where,
            f"holds the invisible character {found}, which other programs act on",
            hint="type it anew",
        )
    if least and not text.strip():
        raise _wrong(where, "is empty")
    if most is not None and len(text.encode()) > most:
        raise _wrong(where, f"has {len(text.encode())} bytes in UTF-8, at most {most}")


def _check_display(display: Mapping[str, str]) -> None:
    for trait, kind in display.items():
        where = f"collection: display: {trait[:MAX_TRAIT]!a}"
        if kind not in TYPES:
            raise _wrong(where, f"{kind[:40]!r} is no way to show it", hint=", ".join(TYPES))
        if trait.casefold() in RESERVED:
            raise _wrong(where, "is a trait that is measured, and shown as it is")
        try:
            check_words("trait", trait, MAX_TRAIT)
        except UsageError as exc:
            raise _wrong("collection: display", exc.message) from exc


def _check_links(words: CollectionSection) -> None:
    links = ("external_url", r"https?://\S+"), ("animation_url", r"(?:https|ipfs)://\S+")
    pictures = ((key, r"(?:https|ipfs)://\S+") for key in PICTURES)
    for key, pattern in (*links, *pictures):
        url = getattr(words, key)
        if not url:
            continue
        plain = _FIELD.sub("0", url)
        local = key != "external_url" and LOCAL.fullmatch(plain)
        if not local and not re.fullmatch(pattern, url):
            what = f"{url[:80]!r} is not an address of the web"
            hint = None if key == "external_url" else "nor such as files/film.mp4"
            raise _wrong(f"collection: {key}", what, hint=hint)
        for name in _FIELD.findall(url):
            if key in PICTURES or name not in _URL_FIELDS:
                known = "none" if key in PICTURES else _KNOWN
                raise _wrong(f"collection: {key}", f"{{{name}}} is not filled in", hint=known)


def _wrong(where: str, what: str, *, hint: str | None = None) -> UsageError:
    return UsageError(f"nftgan.toml: {where}: {what}", hint=hint)
