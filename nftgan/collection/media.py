"""Links to pictures and films beside the pieces: files of the folder files/, or URLs.

What is written `files/NAME` in nftgan.toml becomes `ipfs://CID/NAME`, with the CID of the folder as
it is pinned with the collection.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Set
from urllib.parse import urlsplit

from nftgan.collection.manifest import Manifest
from nftgan.config import CollectionSection
from nftgan.errors import MissingStepError, UsageError

FOLDER = "files"
PICTURES = ("image", "banner_image", "featured_image")
"""Keys of [collection] that name a picture of the collection as a whole."""

LOCAL = re.compile(rf"{FOLDER}((?:/[A-Za-z0-9_-][A-Za-z0-9._-]*)+)")
"""A name that no browser, gateway or library decodes, drops or folds into another."""

_URL_FIELD = re.compile(r"\{(id|seed)\}")


def filled(template: str, *, token: int, seed: int) -> str:
    """`template` with {id} and {seed} filled in; other braces stay."""
    values = {"id": str(token), "seed": str(seed)}
    return _URL_FIELD.sub(lambda field: values[field[1]], template)


def link(value: str, manifest: Manifest) -> str:
    """A URL as it is; `files/NAME` as a link to the pinned folder.

    Raises MissingStepError while its CID is not known.
    """
    local = LOCAL.fullmatch(value)
    if local is None:
        return value
    if manifest.cids.files is None:
        raise MissingStepError(
            f"{value} is named in nftgan.toml, and nothing is in the folder {FOLDER}",
            hint=f"put it there, then nftgan metadata; or take it out of nftgan.toml: {value}",
        )
    return f"ipfs://{manifest.cids.files}{local[1]}"


def website(words: CollectionSection) -> str:
    """The collection's own page: `external_url`, its host alone where it is one for each token."""
    url = words.external_url
    if not _URL_FIELD.search(url):
        return url
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def require_files(manifest: Manifest, names: Set[str]) -> None:
    """Every `files/NAME` that a document will link to is among `names`. Raises UsageError."""
    for where, value in _named(manifest):
        if LOCAL.fullmatch(value) and value.removeprefix(f"{FOLDER}/") not in names:
            raise UsageError(
                f"{where} names {value}, which is not there",
                hint=f"put it into the folder {FOLDER} of the collection",
            )


def _named(manifest: Manifest) -> Iterator[tuple[str, str]]:
    words = manifest.collection
    for key in PICTURES:
        yield f"nftgan.toml: {key}", getattr(words, key)
    if not _URL_FIELD.search(words.animation_url):
        yield "nftgan.toml: animation_url", words.animation_url
        return
    for piece in manifest.pieces:
        yield (
            f"animation_url of token {piece.id}",
            filled(words.animation_url, token=piece.id, seed=piece.seed),
        )
