"""Tags: what the artist says of a piece beside what is measured of it, as trait and value."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Any

from nftgan.collection.display import attribute
from nftgan.collection.traits import LEVELS
from nftgan.errors import UsageError

MAX_TAGS = 12  # of one piece
MAX_TRAIT, MAX_VALUE = 40, 80  # characters
CLASS = "Class"
RESERVED = frozenset(
    name.casefold() for name in ("Background", "Main colour", *LEVELS, "Colours", CLASS)
)
"""Traits that are measured or follow from the recipe, whatever an artist calls them."""


def tag(trait: Any, value: Any) -> tuple[str, str]:
    """The tag as it is kept: trimmed, in Unicode's composed form (NFC).

    Raises UsageError for what is no text, is too long, holds a control character or would pass for
    a measured trait.
    """
    said = []
    for what, text, most in (("trait", trait, MAX_TRAIT), ("tag", value, MAX_VALUE)):
        if isinstance(text, str):
            text = unicodedata.normalize("NFC", text).strip()
        check_words(what, text, most)
        said.append(text)
    if said[0].casefold() in RESERVED:
        raise UsageError(f"the trait {said[0]!r} is not the artist's to set: nftgan sets it itself")
    return said[0], said[1]


def check_words(what: str, text: Any, most: int, allowed: str = "") -> None:
    """Raises UsageError unless `text` is 1 to `most` printable characters, or of `allowed`."""
    if not isinstance(text, str) or not text.strip():
        raise UsageError(f"a {what} is text, not {text!r}")
    if len(text) > most:
        raise UsageError(f"a {what} has at most {most:,} characters, not {len(text):,}")
    if any(unicodedata.category(c) in ("Cc", "Cs") and c not in allowed for c in text):
        raise UsageError(f"the {what} {text[:40]!r} holds a control character")


def merged(before: Mapping[str, str], said: Mapping[str, str | None]) -> dict[str, str]:
    """`before` with what is `said` now, by trait; None takes a tag back.

    A tag beyond MAX_TAGS does not count: two programs may each have seen room for one more.
    """
    after = {**before, **said}
    kept = [(trait, value) for trait, value in after.items() if value is not None]
    return dict(kept[:MAX_TAGS])


def class_tag(info: Mapping[str, Any], class_idx: int | None) -> dict[str, str]:
    """The class that the recipe asks of a conditional model, by its name where it has one.

    info: of the model file.
    """
    if class_idx is None:
        return {}
    conditioning = info.get("conditioning")
    names = conditioning.get("names") if isinstance(conditioning, Mapping) else None
    name = (
        names[class_idx] if isinstance(names, list) and class_idx < len(names) else str(class_idx)
    )
    try:
        check_words("class", name, MAX_VALUE)
    except UsageError:
        name = str(class_idx)  # a model file is a stranger's word
    return {CLASS: unicodedata.normalize("NFC", name)}


def attributes(
    tags: Mapping[str, str], display: Mapping[str, str] | None = None
) -> tuple[dict[str, Any], ...]:
    """`tags` as metadata attributes, by trait, shown as `display` says.

    Raises UsageError for a tag that is no number or date although it is to be shown as one.
    """
    return tuple(attribute(trait, tags[trait], display or {}) for trait in sorted(tags))
