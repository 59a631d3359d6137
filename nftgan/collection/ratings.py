"""What a person thinks of each seed: ratings.jsonl, one fsynced line a click, the last one wins."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nftgan.collection.tags import MAX_TAGS, check_words, merged, tag
from nftgan.errors import UsageError
from nftgan.files import append_line, lock, parse_json, translated_os_errors
from nftgan.seeds import MAX_SEED

log = logging.getLogger(__name__)

MAX_STARS = 5
MAX_NAME = 200  # characters
MAX_DESCRIPTION = 5000
OPINIONS = ("stars", "picked", "name", "description", "tags", "place")
MAX_PLACE = 1_000_000
PATIENCE_SECONDS = 10
"""A line takes milliseconds, so whoever waits longer waits for something broken."""


@dataclass(frozen=True)
class Rating:
    """One opinion. Raises UsageError for values out of range."""

    seed: int
    model: str  # identity: another model generates another image for the same seed
    stars: int | None = None  # 0 to 5; None: nothing said
    picked: bool | None = None  # True: shall be a piece, False: shall not; None: nothing said
    name: str | None = None  # of the piece, instead of the collection's piece_name
    description: str | None = None  # of the piece, instead of the collection's
    tags: Mapping[str, str | None] | None = None  # the artist's own traits; null takes one back
    place: int | None = None  # among the pieces, where the artist has put them in an order
    cleared: tuple[str, ...] = ()  # of OPINIONS: taken back, as if never said

    def __post_init__(self) -> None:
        if type(self.seed) is not int or not 0 <= self.seed <= MAX_SEED:
            raise UsageError(f"seed {self.seed!r} is not from 0 to {MAX_SEED}")
        if not isinstance(self.model, str):
            raise UsageError(f"a rating names its model by identity, not {self.model!r}")
        if self.stars is not None and (
            type(self.stars) is not int or not 0 <= self.stars <= MAX_STARS
        ):
            raise UsageError(f"a rating has 0 to {MAX_STARS} stars, not {self.stars!r}")
        if self.picked is not None and type(self.picked) is not bool:
            raise UsageError(f"picked is true, false or null, not {self.picked!r}")
        if self.place is not None and (
            type(self.place) is not int or not 0 <= self.place <= MAX_PLACE
        ):
            raise UsageError(f"a place is a whole number from 0 to {MAX_PLACE}, not {self.place!r}")
        if self.name is not None:
            check_words("name", self.name, MAX_NAME)
        if self.description is not None:
            check_words("description", self.description, MAX_DESCRIPTION, "\n\t")
        object.__setattr__(self, "tags", _tags(self.tags))
        # Lists come from JSON.
        object.__setattr__(self, "cleared", tuple(self.cleared))
        if unknown := [one for one in self.cleared if one not in OPINIONS]:
            raise UsageError(f"{unknown[0]!r} is nothing that can be taken back")

    def after(self, before: Rating | None) -> Rating:
        """The whole opinion once this line follows `before`."""
        values: dict[str, Any] = {}
        for what in OPINIONS:
            said = getattr(self, what)
            known = None if what in self.cleared else getattr(before, what, None)
            if what == "tags":
                said = merged(known or {}, said or {}) or None
            values[what] = known if said is None else said
        return Rating(self.seed, self.model, **values)


def check_room(said: Rating, before: Rating | None) -> None:
    """Raises UsageError when a tag that is `said` has no room beside those of `before`."""
    after = said.after(before).tags or {}
    if any(value is not None and trait not in after for trait, value in (said.tags or {}).items()):
        raise UsageError(f"a piece has at most {MAX_TAGS} tags", hint="take one back first")


def append_rating(path: Path, *ratings: Rating) -> None:
    """`ratings` are on disk when this returns; a line that a crash cut short stays by itself.

    One process writes at a time, and they queue for a lock of this file alone: the collection's own
    may be held by an hour of rendering, which no click should wait for.
    """
    guard = path.with_name(f".{path.name}.lock")
    with lock(guard, what=str(path), patience_seconds=PATIENCE_SECONDS):
        torn = False
        with translated_os_errors(path):
            if path.exists() and path.stat().st_size:
                with path.open("rb") as file:
                    file.seek(-1, 2)
                    torn = file.read(1) != b"\n"
        lines = []
        for rating in ratings:
            said = {key: value for key, value in asdict(rating).items() if value not in (None, ())}
            lines.append(json.dumps(said, sort_keys=True))
        if lines:
            append_line(path, ("\n" if torn else "") + "\n".join(lines))


class RatingLog:
    """The opinions on the images of one model, kept in step with a file that others write too."""

    def __init__(self, path: Path, *, model: str) -> None:
        self.path, self.model = path, model
        self.ratings: dict[int, Rating] = {}
        """Seed → the latest opinion."""
        self._inode = self._at = self._line = 0  # _at: always behind the end of a line

    def refresh(self) -> set[int]:
        """Read what was appended since the last call; the seeds that it speaks of.

        Lines that cannot be read are skipped with a logged warning: a crash may cut one short.
        """
        if not self.path.exists():
            return self._forget()
        with translated_os_errors(self.path), self.path.open("rb") as file:
            changed = set()
            facts = os.fstat(file.fileno())
            if facts.st_size < self._at or facts.st_ino != self._inode:
                changed = self._forget()  # another file stands there now
            self._inode = facts.st_ino
            file.seek(self._at)
            data = file.read()
        *lines, rest = data.split(b"\n")
        for text in lines:
            self._line += 1
            changed |= self._take(text, quiet=False)
        self._at += len(data) - len(rest)
        # A last line without its end may still be growing: it counts if it is whole already.
        return changed | self._take(rest, quiet=True)

    def _take(self, text: bytes, *, quiet: bool) -> set[int]:
        if not text.strip():
            return set()
        try:
            rating = Rating(**_table(text))
        except (ValueError, TypeError, RecursionError, UsageError) as exc:
            if not quiet:
                log.warning("%s, line %d is skipped: %s", self.path.name, self._line, exc)
            return set()
        if rating.model != self.model:
            return set()
        self.ratings[rating.seed] = rating.after(self.ratings.get(rating.seed))
        return {rating.seed}

    def _forget(self) -> set[int]:
        known = set(self.ratings)
        self.ratings.clear()
        self._inode = self._at = self._line = 0
        return known


def read_ratings(path: Path, *, model: str) -> dict[int, Rating]:
    """Seed → the latest opinion on the images of `model`, by rising seed.

    A later line replaces only what it says: stars stay when a pick is changed.
    """
    ratings = RatingLog(path, model=model)
    ratings.refresh()
    return dict(sorted(ratings.ratings.items()))


def picked_seeds(ratings: dict[int, Rating]) -> tuple[int, ...]:
    """The seeds that were picked by hand: first those with a place, then the others by seed."""

    def order(seed: int) -> tuple[bool, int, int]:
        place = ratings[seed].place
        return place is None, place or 0, seed

    return tuple(sorted((s for s, rating in ratings.items() if rating.picked), key=order))


def _tags(said: Any) -> dict[str, str | None] | None:
    if said is None:
        return None
    if not isinstance(said, Mapping) or not 0 < len(said) <= MAX_TAGS:
        raise UsageError(f"tags are 1 to {MAX_TAGS} traits with their values, not {said!r:.80}")
    found: dict[str, str | None] = {}
    for trait, value in said.items():
        name, text = tag(trait, "-" if value is None else value)
        found[name] = None if value is None else text
    return found


def _table(line: bytes) -> dict[str, Any]:
    value = parse_json(line)
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")
    return value
