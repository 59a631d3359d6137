"""The write-ahead journal of transactions: what was signed is on disk before it leaves."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from nftgan.errors import UsageError
from nftgan.files import append_line, os_error, translated_os_errors

VERSION = 1


@dataclass(frozen=True)
class Attempt:
    """One signed transaction for an operation; the same nonce may have several."""

    operation: str
    nonce: int
    hash: str
    raw: str
    max_fee_wei: int
    tip_wei: int


@dataclass
class Journal:
    """An append-only file of JSON lines, fsynced one by one, bound to one chain and sender.

    A last line that a kill cut short is ignored: what it would have announced did not happen yet.
    """

    path: Path
    header: dict[str, Any] = field(default_factory=dict)
    attempts: dict[str, list[Attempt]] = field(default_factory=dict)
    finals: dict[str, dict[str, Any]] = field(default_factory=dict)
    plans: dict[str, dict[str, Any]] = field(default_factory=dict)

    @staticmethod
    def open(path: Path, binding: Mapping[str, Any]) -> Journal:
        """The journal in `path`, begun when it is not there; for the one process that writes it.

        Raises UsageError when it belongs to another chain, contract or sender, or is damaged.
        """
        journal = Journal.read(path)
        _mend_end(path)
        wanted = {"journal": VERSION, **binding}
        if not journal.header:
            journal._append({"header": wanted})
        for key, value in wanted.items():
            if journal.header.get(key) != value:
                raise UsageError(
                    f"{path} belongs to another {key}: {journal.header.get(key)}, not {value}",
                    hint=f"move {path.name} away to begin again on this one",
                )
        return journal

    @staticmethod
    def read(path: Path) -> Journal:
        """The journal in `path` as it is, never changing it; an empty one without a file."""
        journal = Journal(path)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return journal
        except OSError as exc:
            raise os_error(exc, path) from exc
        *lines, _torn = data.split(b"\n")
        for number, line in enumerate(lines, 1):
            try:
                journal._apply(json.loads(line))
            except (ValueError, KeyError, TypeError, AttributeError) as exc:
                raise UsageError(
                    f"{path} is damaged in line {number}",
                    hint="restore it from a copy: it says what was already paid for",
                ) from exc
        return journal

    def _apply(self, entry: dict[str, Any]) -> None:
        ((kind, value),) = entry.items()
        if kind == "header":
            self.header = dict(value)
        elif kind == "plan":
            self.plans[value["operation"]] = value
        elif kind == "attempt":
            attempt = Attempt(**value)
            self.attempts.setdefault(attempt.operation, []).append(attempt)
        elif kind == "final":
            self.finals[value["operation"]] = value
        elif kind == "undone":
            self.finals.pop(value["operation"], None)
        else:
            raise KeyError(kind)

    def _append(self, entry: dict[str, Any]) -> None:
        append_line(self.path, json.dumps(entry, sort_keys=True))
        self._apply(entry)

    # ---- what is written down

    def plan(self, operation: str, **facts: Any) -> None:
        """What an operation will do; planned once and never changed.

        Raises UsageError when it was planned differently before.
        """
        before = self.plans.get(operation)
        if before is None:
            self._append({"plan": {"operation": operation, **facts}})
            return
        for key, value in facts.items():
            if before.get(key) != value:
                raise UsageError(
                    f"{operation} was begun with {key} {before.get(key)}, not {value}",
                    hint=f"go on with {before.get(key)}: transactions may be on their way",
                )

    def attempt(self, attempt: Attempt) -> None:
        """A signed transaction that is about to leave."""
        self._append({"attempt": asdict(attempt)})

    def final(self, operation: str, *, hash: str, block: int, gas: int, fee_wei: int) -> None:
        """An operation whose effect is on chain, deep enough."""
        value = {"operation": operation, "hash": hash, "block": block, "gas": gas}
        self._append({"final": {**value, "fee_wei": fee_wei}})

    def undo(self, operation: str) -> None:
        """A reorganisation took the effect away again."""
        self._append({"undone": {"operation": operation}})


def _mend_end(path: Path) -> None:
    """Cut off a last line that has no end, so that the next one begins where it should."""
    if not path.exists():
        return
    with translated_os_errors(path), path.open("r+b") as file:
        data = file.read()
        whole = data.rfind(b"\n") + 1
        if whole != len(data):
            file.truncate(whole)
