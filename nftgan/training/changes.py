"""What a person changed in the middle of a run, kept so that every step can be repeated."""

from __future__ import annotations

import getpass
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Change:
    """From the step after `images` on, each field of the configuration has another value."""

    images: int
    by: str  # the login name of who asked for it; empty where the system knows none
    values: tuple[tuple[str, Any, Any], ...]  # field, before, after; sorted

    def __str__(self) -> str:
        what = ", ".join(f"{name} {before:g} to {after:g}" for name, before, after in self.values)
        by = f" by {self.by}" if self.by else ""
        return f"changed at {self.images / 1000:g} kimg{by}: {what}"

    def to_json(self) -> dict[str, Any]:
        values = {name: [before, after] for name, before, after in self.values}
        return {"images": self.images, "by": self.by, "values": values}

    @staticmethod
    def from_json(document: Mapping[str, Any]) -> Change:
        """Raises KeyError, TypeError or ValueError for what `to_json` has not written."""
        values = tuple((name, *pair) for name, pair in document["values"].items())
        return Change(int(document["images"]), str(document["by"]), values)


def who() -> str:
    """The login name, for the record of a change."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # a container without a name for its user
        return ""
