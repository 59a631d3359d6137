"""The opinions as the studio knows them: on disk first, in step with other tabs and programs."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from nftgan.collection.ratings import (
    OPINIONS,
    Rating,
    RatingLog,
    append_rating,
    check_room,
    picked_seeds,
)
from nftgan.errors import UsageError
from nftgan.files import parse_json, translated_os_errors


class Opinions:
    """Thread-safe; every change has a number, so that a page can ask what is new."""

    def __init__(self, path: Path, model: str) -> None:
        self._log = RatingLog(path, model=model)
        self._mutex = threading.Lock()
        self._number = 0
        self._changed: dict[int, int] = {}  # seed → number of its last change
        self.refresh()

    def refresh(self) -> int:
        """Take in what others wrote; the number of the last change."""
        with self._mutex:
            return self._refresh()

    def _refresh(self) -> int:
        for seed in sorted(self._log.refresh()):
            self._number += 1
            self._changed[seed] = self._number
        return self._number

    def say(self, seed: int, said: Mapping[str, Any]) -> dict[str, Any]:
        """Append what is `said` of `seed` and return the whole opinion; None takes one back.

        When this returns, the line is on disk. Raises UsageError for what cannot be said.
        """
        return self.say_all({seed: said})[seed]

    def say_all(self, said: Mapping[int, Mapping[str, Any]]) -> dict[int, dict[str, Any]]:
        """The same for several seeds, all of them or none: seed → the whole opinion."""
        lines = [self._line(seed, own) for seed, own in said.items()]
        with self._mutex:
            self._refresh()
            for line in lines:
                check_room(line, self._log.ratings.get(line.seed))
            append_rating(self._log.path, *lines)
            self._refresh()
            return {seed: _words(self._log.ratings[seed]) for seed in said}

    def _line(self, seed: int, said: Mapping[str, Any]) -> Rating:
        if unknown := set(said) - set(OPINIONS):
            raise UsageError(f"{sorted(unknown)[0]!r} is no opinion")
        values = {key: value for key, value in said.items() if value is not None}
        cleared = tuple(key for key, value in said.items() if value is None)
        if not said:
            raise UsageError("nothing is said")
        return Rating(seed, self._log.model, cleared=cleared, **values)

    def of(self, seed: int) -> Rating | None:
        with self._mutex:
            return self._log.ratings.get(seed)

    def news(self, after: int) -> tuple[int, dict[int, dict[str, Any]]]:
        """(number of the last change, the opinions on seeds that changed after number `after`)."""
        with self._mutex:
            number = self._refresh()
            seeds = [seed for seed, when in self._changed.items() if when > after]
            blank = Rating(0, self._log.model)
            return number, {s: _words(self._log.ratings.get(s, blank)) for s in seeds}

    def picked_elsewhere(self) -> int:
        """How many seeds are picked of other models, where none is of this one."""
        if self.picked() or not self._log.path.exists():
            return 0
        found: dict[tuple[str, int], bool] = {}
        with translated_os_errors(self._log.path):
            lines = self._log.path.read_bytes().split(b"\n")
        for line in lines:
            try:
                said = parse_json(line)
                if "picked" in said or "picked" in said.get("cleared", ()):
                    found[said["model"], said["seed"]] = said.get("picked") is True
            except (ValueError, KeyError, TypeError, AttributeError):
                continue  # RatingLog warns of it
        return sum(found.values())

    def seeds(self) -> tuple[int, ...]:
        """All seeds that something was said of."""
        with self._mutex:
            return tuple(sorted(self._log.ratings))

    def picked(self) -> tuple[int, ...]:
        """In the order of the collection."""
        with self._mutex:
            self._refresh()
            return picked_seeds(self._log.ratings)


def _words(rating: Rating) -> dict[str, Any]:
    """What is said, without what is not."""
    return {
        key: value for key, value in asdict(rating).items() if key in OPINIONS and value is not None
    }
