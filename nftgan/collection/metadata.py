"""Metadata files: one JSON per token, contract.json (ERC-7572), their schemas and their check."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, validators
from jsonschema.exceptions import ValidationError, best_match

from nftgan.collection import tags
from nftgan.collection.added_traits import added_attributes
from nftgan.collection.live_link import live_link
from nftgan.collection.manifest import Manifest, Piece, unfilled
from nftgan.collection.media import PICTURES, filled, link, website
from nftgan.collection.rarity import rarity
from nftgan.collection.traits import Measures, traits
from nftgan.errors import MissingStepError, UsageError
from nftgan.files import canonical_json, parse_json, translated_os_errors, write_bytes
from nftgan.junk import is_junk
from nftgan.terminal import first_active

CONTRACT_NAME = "contract.json"
MAX_DOCUMENT_BYTES = 64 << 10
"""Of one file: whoever verifies a token reads the metadata of all."""
MAX_NAME_BYTES = 255
"""Of a token: as long as the name of a collection may be."""
_TOKEN_FILE = re.compile(r"(0|[1-9][0-9]*)\.json")


@dataclass(frozen=True)
class Problem:
    """One thing that is stale or wrong, in words, and the command that mends it."""

    where: str
    what: str
    hint: str = "nftgan metadata"
    blocks: bool = True
    """False: nothing that is published is wrong, so it stops no verb."""


# ---- documents -------------------------------------------------------------------------------


def describe(manifest: Manifest, measures: Sequence[Measures]) -> Manifest:
    """The manifest with traits, tags and rarity of every piece, from one `measure` a piece.

    Raises UsageError for a tag that would pass for a trait of a plugin.
    """
    added = added_attributes([one.added or () for one in measures], manifest.added_traits)
    measured = [own + more for own, more in zip(traits(measures), added, strict=True)]
    reserved = {one.name.casefold() for one in manifest.added_traits}
    display = manifest.collection.display
    attributes = []
    for piece, own in zip(manifest.pieces, measured, strict=True):
        if taken := [name for name in piece.tags if name.casefold() in reserved]:
            raise UsageError(
                f"token {piece.id}: the tag {taken[0]!r} has the name of a measured trait",
                hint="give it another name in the studio",
            )
        try:
            attributes.append(own + tags.attributes(piece.tags, display))
        except UsageError as exc:
            raise UsageError(f"token {piece.id}: {exc.message}", hint=exc.hint) from exc
    places = rarity(attributes)
    rows = zip(manifest.pieces, attributes, places, strict=True)
    return manifest.with_pieces(
        [replace(piece, attributes=own, rarity=place) for piece, own, place in rows]
    )


def token_document(manifest: Manifest, token_id: int) -> dict[str, Any]:
    """The metadata of one token, validated.

    Raises MissingStepError before the images and their CID are known, UsageError when a word of
    nftgan.toml makes the document invalid.
    """
    if not 0 <= token_id < len(manifest.pieces):
        raise UsageError(f"there is no token {token_id} among {len(manifest.pieces)}")
    piece = manifest.pieces[token_id]
    images = _images_cid(manifest)
    if piece.attributes and (field := unfilled(piece.title)):
        raise UsageError(
            f"token {piece.id}: the name speaks of the trait {field!r}, which it has not",
            hint="change piece_name in nftgan.toml and curate again",
        )
    if piece.pixels is None:
        raise MissingStepError(f"piece {piece.id} has not been rendered", hint="nftgan render")
    words = manifest.collection
    document: dict[str, Any] = {
        "name": piece.title,
        "image": f"ipfs://{images}/{piece.id}.png",
        "attributes": [dict(attribute) for attribute in piece.attributes],
        "nftgan": _own_block(manifest, piece),
    }
    if description := _description(piece, manifest):
        document["description"] = description
    if words.external_url:
        document["external_url"] = filled(words.external_url, token=piece.id, seed=piece.seed)
    if words.background_color:
        document["background_color"] = words.background_color.lower()
    if words.animation_url:
        film = filled(words.animation_url, token=piece.id, seed=piece.seed)
        document["animation_url"] = link(film, manifest)
    elif manifest.cids.live:
        document["animation_url"] = live_link(manifest.cids.live, piece.seed, piece.pixels)
    document = _nfc(document)
    _refuse_words(document, piece.id)
    validate(document, "token", f"token {piece.id}")
    return document


def _own_block(manifest: Manifest, piece: Piece) -> dict[str, Any]:
    """What only this program reads of a token: how its pixels follow, and what was measured."""
    own: dict[str, Any] = {
        "recipe": manifest.recipe.to_json(),
        "seed": piece.seed,
        "pixels": piece.pixels,
    }
    if latent := manifest.recipe.latent_of(piece.seed):
        own["latent"] = latent.to_json()
    if manifest.model.cid:
        own["model_uri"] = f"ipfs://{manifest.model.cid}"
    if piece.attributes and manifest.traits > 1:
        own["traits"] = manifest.traits
    if piece.attributes:
        own |= manifest.added_json()
    if piece.rarity is not None:
        own["rarity"] = {
            "rank": piece.rarity.rank,
            "of": len(manifest.pieces),
            "score": piece.rarity.score,
        }
    return own


def contract_document(manifest: Manifest) -> dict[str, Any]:
    """The ERC-7572 document of the collection, validated; errors as for `token_document`."""
    root = manifest.pieces_root or "0x" + manifest.tree.root.hex()
    words = manifest.collection
    own: dict[str, Any] = {
        "model": manifest.model.identity,
        "recipe": manifest.recipe.to_json(),
        "recipe_hash": manifest.recipe_hash,
        "pieces_root": root,
        "supply": len(manifest.pieces),
    }
    if manifest.model.cid:
        own["model_uri"] = f"ipfs://{manifest.model.cid}"
    document: dict[str, Any] = {
        "name": words.name,
        "symbol": words.symbol,
        "image": f"ipfs://{_images_cid(manifest)}/0.png",
        "nftgan": own,
    }
    for key in PICTURES:
        if value := getattr(words, key):
            document[key] = link(value, manifest)
    if words.collaborators:
        document["collaborators"] = list(words.collaborators)
    if words.description:
        document["description"] = words.description
    if words.external_url:
        document["external_link"] = website(words)  # the name that ERC-7572 gives it
    document = _nfc(document)
    validate(document, "contract", CONTRACT_NAME)
    return document


def documents(manifest: Manifest) -> dict[str, bytes]:
    """File name → canonical JSON (RFC 8785) of every metadata file, contract.json included.

    Raises UsageError when traits in their names make two pieces share one.
    """
    titles: dict[str, int] = {}
    for piece in manifest.pieces:
        other = titles.setdefault(unicodedata.normalize("NFC", piece.title), piece.id)
        if other != piece.id:
            raise UsageError(
                f"tokens {other} and {piece.id} share the name {piece.title!r}",
                hint="put {id} into piece_name in nftgan.toml",
            )
    files = {
        f"{piece.id}.json": canonical_json(token_document(manifest, piece.id))
        for piece in manifest.pieces
    }
    files[CONTRACT_NAME] = canonical_json(contract_document(manifest))
    for name, data in files.items():
        if len(data) > MAX_DOCUMENT_BYTES:
            raise UsageError(
                f"{name} would have {len(data):,} bytes, more than {MAX_DOCUMENT_BYTES:,}",
                hint="shorten the description",
            )
    return files


def write_metadata(manifest: Manifest, folder: Path) -> int:
    """`folder` holds exactly the metadata files of `manifest`; how many were written anew.

    A file with the right bytes is left alone; a token file that no piece has is removed.
    """
    files = documents(manifest)
    with translated_os_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for path in folder.iterdir():
            if _TOKEN_FILE.fullmatch(path.name) and path.name not in files:
                path.unlink()
    written = 0
    for name, data in files.items():
        if _bytes(folder / name) != data:
            write_bytes(folder / name, data)
            written += 1
    return written


# ---- checks ----------------------------------------------------------------------------------


def check(manifest: Manifest, folder: Path) -> tuple[Problem, ...]:
    """What in `folder` is not as `manifest` makes it; empty when all is up to date.

    What desktops leave in folders is passed over: only the documents are ever published.
    Raises what `documents` raises: then there is nothing to compare with yet.
    """
    problems = []
    files = documents(manifest)
    for piece in manifest.pieces:
        if not piece.attributes:
            problems.append(Problem(f"token {piece.id}", "has no traits yet"))
    for name, data in files.items():
        found = _bytes(folder / name)
        if found is None:
            problems.append(Problem(name, "is missing"))
        elif found != data:
            problems.append(Problem(name, _difference(found, data)))
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        if path.name not in files and not is_junk(path.name):
            what = "belongs to no token and is not published"
            problems.append(Problem(path.name, what, f"delete {path}", blocks=False))
    for name, cid in (("images", manifest.cids.images), ("metadata", manifest.cids.metadata)):
        if cid is None:
            problems.append(Problem(name, "has no CID yet"))
    return tuple(problems)


def validate(document: Any, kind: str, where: str) -> None:
    """Raises UsageError that names the place unless `document` follows its JSON Schema.

    kind: "token" or "contract".
    """
    error = best_match(_validator(kind).iter_errors(document))
    if error is not None:
        place = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in error.absolute_path)
        place = place.removeprefix(".")
        text = error.message if len(error.message) < 200 else error.message[:200] + "…"
        raise UsageError(f"{where}: {place + ': ' if place else ''}{text}")


def _pattern(validator: Any, pattern: str, instance: Any, schema: Any) -> Any:
    """JSON Schema means ECMA 262, where "$" is the end; in Python it also stands before a last
    line break."""
    if isinstance(instance, str) and not re.search(re.sub(r"\$$", r"\\Z", pattern), instance):
        yield ValidationError(f"{instance[:200]!r} does not match {pattern!r}")


def _is_integer(checker: Any, instance: Any) -> bool:
    """3.0 is an integer to JSON Schema; it is none to us, nor to whoever prints it."""
    return type(instance) is int


@cache
def _validator(kind: str) -> Any:
    file = resources.files("nftgan.collection") / "schemas" / f"{kind}-1.json"
    strict = validators.extend(
        Draft202012Validator,
        {"pattern": _pattern},
        type_checker=Draft202012Validator.TYPE_CHECKER.redefine("integer", _is_integer),
    )
    return strict(parse_json(file.read_bytes()))


def _difference(found: bytes, wanted: bytes) -> str:
    """Which keys are stale, for a person."""
    try:
        old, new = parse_json(found), parse_json(wanted)
    except ValueError:
        return "is not JSON"
    if not isinstance(old, dict):
        return "is not a JSON object"
    keys = sorted(key for key in {*old, *new} if old.get(key) != new.get(key))
    return f"is stale: {', '.join(keys)}" if keys else "is not canonical JSON"


def _refuse_words(document: Mapping[str, Any], token: int) -> None:
    """What a manifest of somebody else may hold: these words stand in the token for ever."""
    if len(document["name"].encode()) > MAX_NAME_BYTES:
        size = len(document["name"].encode())
        raise UsageError(
            f"token {token}: the name has {size} bytes in UTF-8, at most {MAX_NAME_BYTES}",
            hint="shorten it in the studio, or piece_name in nftgan.toml",
        )
    said = [
        ("name", document["name"], ""),
        ("description", document.get("description", ""), "\n\t"),
    ]
    for one in document["attributes"]:
        said += [("trait", str(one.get("trait_type", "")), ""), ("trait", str(one["value"]), "")]
    for what, text, allowed in said:
        if found := first_active(text, allowed):
            raise UsageError(
                f"token {token}: the {what} holds the invisible character {found}, which other"
                " programs act on",
                hint="type it anew, then nftgan curate --same",
            )


def _images_cid(manifest: Manifest) -> str:
    if manifest.cids.images is None:
        raise MissingStepError("the CID of the images is not known yet", hint="nftgan metadata")
    return manifest.cids.images


def _description(piece: Piece, manifest: Manifest) -> str:
    if piece.description is not None:
        return piece.description
    return filled(manifest.collection.description, token=piece.id, seed=piece.seed)


def _nfc(value: Any) -> Any:
    """The same data with every text in Unicode's composed form, so that equal looks are equal."""
    if isinstance(value, str):
        return unicodedata.normalize("NFC", value)
    if isinstance(value, Mapping):
        return {key: _nfc(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_nfc(item) for item in value]
    return value


def _bytes(path: Path) -> bytes | None:
    with translated_os_errors(path):
        return path.read_bytes() if path.is_file() else None
