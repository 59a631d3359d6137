"""The embedded chain's one file: py-evm's key-value store and indexes, in SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from eth.abc import AtomicWriteBatchAPI
from eth.db.atomic import AtomicDBWriteBatch
from eth.db.backends.base import BaseAtomicDB

from nftgan.errors import UsageError

BUSY_SECONDS = 60
SCHEMA = """
CREATE TABLE IF NOT EXISTS kv (key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS receipts (
    tx BLOB PRIMARY KEY, block INTEGER NOT NULL, document TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS logs (
    block INTEGER NOT NULL, position INTEGER NOT NULL, tx BLOB NOT NULL, block_hash BLOB NOT NULL,
    address BLOB NOT NULL, topic0 BLOB, topic1 BLOB, topic2 BLOB, topic3 BLOB, data BLOB NOT NULL,
    PRIMARY KEY (block, position)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS logs_by_address ON logs (address, topic0, block);
"""


class Database(BaseAtomicDB):
    """Everything that the chain remembers; a committed transaction survives any kill."""

    def __init__(self, path: Path) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self.sql = sqlite3.connect(
                path, isolation_level=None, timeout=BUSY_SECONDS, check_same_thread=False
            )
            self.sql.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;" + SCHEMA)
        except (sqlite3.Error, OSError) as exc:
            raise UsageError(
                f"the embedded chain in {path} cannot be opened: {exc}",
                hint="check the file and its folder, or set NFTGAN_HOME to another folder",
            ) from exc

    def close(self) -> None:
        self.sql.close()

    # ---- py-evm's key-value store

    def __getitem__(self, key: bytes) -> bytes:
        row = self.sql.execute("SELECT value FROM kv WHERE key = ?", (bytes(key),)).fetchone()
        if row is None:
            raise KeyError(key)
        return bytes(row[0])

    def __setitem__(self, key: bytes, value: bytes) -> None:
        self.sql.execute("INSERT OR REPLACE INTO kv VALUES (?, ?)", (bytes(key), bytes(value)))

    def __delitem__(self, key: bytes) -> None:
        if not self.sql.execute("DELETE FROM kv WHERE key = ?", (bytes(key),)).rowcount:
            raise KeyError(key)

    def _exists(self, key: bytes) -> bool:
        found = self.sql.execute("SELECT 1 FROM kv WHERE key = ?", (bytes(key),)).fetchone()
        return found is not None

    @contextmanager
    def atomic_batch(self) -> Iterator[AtomicWriteBatchAPI]:
        with AtomicDBWriteBatch._commit_unless_raises(self) as batch:
            yield batch

    # ---- one writer at a time, over all processes

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """What happens inside is on disk as a whole, or not at all."""
        self.sql.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.sql.execute("COMMIT")
        except BaseException:
            if self.sql.in_transaction:
                self.sql.execute("ROLLBACK")
            raise
