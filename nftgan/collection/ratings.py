"""What a person thinks of each seed: ratings.jsonl, one fsynced line a click, the last one wins."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nftgan.errors import UsageError
from nftgan.files import append_line, parse_json, translated_os_errors
from nftgan.seeds import MAX_SEED

log = logging.getLogger(__name__)

MAX_STARS = 5


@dataclass(frozen=True)
class Rating:
    """One opinion. Raises UsageError for values out of range."""

    seed: int
    model: str  # identity: another model paints another picture for the same seed
    stars: int | None = None  # 0 to 5; None: not rated
    picked: bool | None = None  # True: shall be a piece, False: shall not; None: undecided

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


def append_rating(path: Path, rating: Rating) -> None:
    """`rating` is on disk when this returns; a line that a crash cut short stays by itself."""
    torn = False
    with translated_os_errors(path):
        if path.exists() and path.stat().st_size:
            with path.open("rb") as file:
                file.seek(-1, 2)
                torn = file.read(1) != b"\n"
    line = json.dumps(asdict(rating), sort_keys=True)
    append_line(path, ("\n" if torn else "") + line)


def read_ratings(path: Path, *, model: str) -> dict[int, Rating]:
    """Seed → the latest opinion on the pictures of `model`, by rising seed.

    A later line replaces only what it says: stars stay when a pick is changed. Lines that cannot
    be read are skipped with a logged warning: a crash may cut one short.
    """
    if not path.exists():
        return {}
    with translated_os_errors(path):
        lines = path.read_bytes().split(b"\n")
    found: dict[int, Rating] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            rating = Rating(**_table(line))
        except (ValueError, TypeError, RecursionError, UsageError) as exc:
            log.warning("%s, line %d is skipped: %s", path.name, number, exc)
            continue
        if rating.model != model:
            continue
        before = found.get(rating.seed, rating)
        found[rating.seed] = Rating(
            rating.seed,
            model,
            before.stars if rating.stars is None else rating.stars,
            before.picked if rating.picked is None else rating.picked,
        )
    return dict(sorted(found.items()))


def picked_seeds(ratings: dict[int, Rating]) -> tuple[int, ...]:
    """The seeds that were picked by hand, in rising order."""
    return tuple(seed for seed, rating in sorted(ratings.items()) if rating.picked)


def _table(line: bytes) -> dict[str, Any]:
    value = parse_json(line)
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")
    return value
