"""Candidates on disk: generated once, shown at once after a restart. It may be deleted any time."""

from __future__ import annotations

import json
import logging
import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nftgan.files import sha256_hex
from nftgan.project import state_home
from nftgan.synthesis.recipe import Recipe

log = logging.getLogger(__name__)

MEMORY_BYTES = 64 << 20
DISK_BYTES = 2 << 30  # of all models and recipes together
VERSION = 6
"""Rises when what is stored means something else: since 6, contour counts before it enlarges."""
SCHEMA = """
CREATE TABLE IF NOT EXISTS candidates (
    seed INTEGER PRIMARY KEY, picture BLOB NOT NULL, row BLOB NOT NULL, facts TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS verdicts (
    seed INTEGER NOT NULL, art TEXT NOT NULL, facts TEXT NOT NULL, PRIMARY KEY (seed, art));
CREATE TABLE IF NOT EXISTS scores (seed INTEGER PRIMARY KEY, logit REAL NOT NULL);
"""


@dataclass(frozen=True)
class Stored:
    """One candidate as the cache knows it."""

    seed: int
    row: np.ndarray  # int16 features of the finished image
    facts: dict[str, Any]  # its measures
    verdict: dict[str, Any] | None  # what the training art says of it
    logit: float | None  # what the discriminator says of it


class Cache:
    """Images and facts by seed, for one recipe; thread-safe.

    A cache that cannot be read or written is one that holds nothing: the images are made again.
    art: names the training art that verdicts speak of.
    """

    def __init__(self, recipe: Recipe, art: str, folder: Path | None = None) -> None:
        folder = folder or state_home() / "studio"
        self._art = art
        self._mutex = threading.Lock()
        self._memory: OrderedDict[int, bytes] = OrderedDict()
        self._bytes = 0
        key = sha256_hex(f"{VERSION} {recipe.hash}".encode())[:32]
        self._sql = self._open(folder / f"{key}.sqlite3")
        prune(folder, keep=folder / f"{key}.sqlite3")

    def _open(self, path: Path) -> sqlite3.Connection | None:
        for _ in range(2):
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                sql = sqlite3.connect(path, check_same_thread=False, timeout=10)
                sql.executescript(
                    "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;" + SCHEMA
                )
                return sql
            except sqlite3.DatabaseError as exc:
                log.warning("the studio's cache %s is damaged and made anew: %s", path, exc)
                path.unlink(missing_ok=True)
            except OSError as exc:
                log.warning("the studio works without a cache: %s", exc)
                break
        return None

    def all(self, seeds: Iterable[int]) -> Iterator[Stored]:
        """What is known of `seeds`, without the images."""
        wanted = set(seeds)
        query = (
            "SELECT c.seed, c.row, c.facts, v.facts, s.logit FROM candidates c"
            " LEFT JOIN verdicts v ON v.seed = c.seed AND v.art = ?"
            " LEFT JOIN scores s ON s.seed = c.seed"
        )
        for seed, row, facts, verdict, logit in self._read(query, self._art):
            if seed in wanted:
                yield Stored(
                    seed,
                    np.frombuffer(row, dtype="<i2"),
                    json.loads(facts),  # noqa: TID251 - our own database
                    None if verdict is None else json.loads(verdict),  # noqa: TID251
                    logit,
                )

    def image(self, seed: int) -> bytes | None:
        """The encoded image of `seed`."""
        with self._mutex:
            if seed in self._memory:
                self._memory.move_to_end(seed)
                return self._memory[seed]
        found = self._read("SELECT picture FROM candidates WHERE seed = ?", seed)
        if not found:
            return None
        self._remember(seed, found[0][0])
        return bytes(found[0][0])

    def put(self, painted: Iterable[tuple[int, bytes, np.ndarray, dict[str, Any]]]) -> None:
        """Keep (seed, encoded image, features, facts)."""
        rows = [
            (seed, image, row.astype("<i2").tobytes(), json.dumps(facts))
            for seed, image, row, facts in painted
        ]
        for seed, image, *_ in rows:
            self._remember(seed, image)
        self._write("INSERT OR REPLACE INTO candidates VALUES (?, ?, ?, ?)", rows)

    def judge(self, verdicts: Iterable[tuple[int, dict[str, Any]]]) -> None:
        """Keep what the training art says of each seed."""
        rows = [(seed, self._art, json.dumps(facts)) for seed, facts in verdicts]
        self._write("INSERT OR REPLACE INTO verdicts VALUES (?, ?, ?)", rows)

    def score(self, logits: Iterable[tuple[int, float]]) -> None:
        """Keep what the discriminator says of each seed."""
        self._write("INSERT OR REPLACE INTO scores VALUES (?, ?)", list(logits))

    def close(self) -> None:
        with self._mutex:
            if self._sql is not None:
                self._sql.close()
                self._sql = None

    def _remember(self, seed: int, image: bytes) -> None:
        with self._mutex:
            self._bytes += len(image) - len(self._memory.pop(seed, b""))
            self._memory[seed] = image
            while self._bytes > MEMORY_BYTES and len(self._memory) > 1:
                _, oldest = self._memory.popitem(last=False)
                self._bytes -= len(oldest)

    def _read(self, query: str, *values: Any) -> list[Any]:
        with self._mutex:
            if self._sql is None:
                return []
            try:
                return self._sql.execute(query, values).fetchall()
            except sqlite3.Error as exc:
                log.warning("the studio's cache cannot be read: %s", exc)
                return []

    def _write(self, query: str, rows: list[tuple[Any, ...]]) -> None:
        with self._mutex:
            if self._sql is None or not rows:
                return
            try:
                with self._sql:
                    self._sql.executemany(query, rows)
            except sqlite3.Error as exc:
                log.warning("the studio's cache cannot be written: %s", exc)


def prune(folder: Path, *, keep: Path, most_bytes: int = DISK_BYTES) -> None:
    """Delete the caches that were not used for longest until all fit into `most_bytes`."""
    try:
        found = sorted(folder.glob("*.sqlite3"), key=lambda path: path.stat().st_mtime)
        total = sum(path.stat().st_size for path in found)
        for path in found:
            if total <= most_bytes:
                break
            if path != keep:
                total -= path.stat().st_size
                path.unlink(missing_ok=True)
    except OSError as exc:
        log.warning("the studio's cache cannot be tidied: %s", exc)
