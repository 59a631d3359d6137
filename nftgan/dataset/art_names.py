"""Training images by the names of the artist's own files, not by those inside the data set."""

from __future__ import annotations

import re

from nftgan.dataset.archive import Dataset

_INSIDE = re.compile(r"\d{5}/img\d{8}\.png")


def own_name(training: Dataset, index: int) -> str:
    """The file that an image was made from, where `nftgan prepare` wrote that down."""
    sources = training.notes.get("sources") if isinstance(training.notes, dict) else None
    entry = sources[index] if isinstance(sources, list) and index < len(sources) else None
    named = entry.get("source") if isinstance(entry, dict) else None
    return named if isinstance(named, str) and named else training.names[index]


def index_of(training: Dataset, name: str) -> int | None:
    """The place of the image with this name inside the data set."""
    try:
        return training.names.index(name)
    except ValueError:
        return None


def in_own_names(training: Dataset | None, words: str) -> str:
    """A sentence about training images, in the artist's names."""

    def renamed(found: re.Match[str]) -> str:
        assert training is not None
        index = index_of(training, found.group())
        return found.group() if index is None else own_name(training, index)

    return words if training is None else _INSIDE.sub(renamed, words)
