"""The write-ahead journal of transactions: what was signed is on disk before it leaves."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from nftgan.errors import UsageError
from nftgan.files import append_line, os_error, parse_json, translated_os_errors

VERSION = 1

_PLACE = {"operation": str, "hash": str, "block": int}
_FORMS: dict[str, dict[str, type]] = {
    "plan": {
        **{"operation": str, "first": int, "count": int, "to": str, "data": str},
        "start": int,  # of a list of recipients: its first token
        "name": str,  # the ENS name by which a person meant `to`
    },
    "attempt": {
        **{name: str for name in ("operation", "hash", "raw")},
        **{name: int for name in ("nonce", "max_fee_wei", "tip_wei", "gas")},
    },
    "mined": _PLACE,
    "final": {**_PLACE, "gas": int, "fee_wei": int},
    "undone": {"operation": str},
}
"""What each kind of line holds: a folder from somebody else may bring any."""
_NEEDED = {kind: set(forms) for kind, forms in _FORMS.items()}
_NEEDED["plan"] = {"operation"}
_NEEDED["attempt"].remove("gas")  # journals of the first versions do not tell it
_MOST = 2**256
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")


@dataclass(frozen=True)
class Attempt:
    """One signed transaction for an operation; the same nonce may have several."""

    operation: str
    nonce: int
    hash: str
    raw: str
    max_fee_wei: int
    tip_wei: int
    gas: int = 0  # its limit; journals of the first versions do not tell it
    data_fee_wei: int = 0  # what a rollup may take for its data, beside the gas

    @property
    def worst_case_wei(self) -> int:
        return self.gas * self.max_fee_wei + self.data_fee_wei


@dataclass(frozen=True)
class PlannedMint:
    """A batch as the journal plans it: tokens `first` to `end` - 1 for one account."""

    operation: str
    first: int
    end: int
    to: str
    start: int | None  # the first token of the list of recipients that it is part of


@dataclass
class Journal:
    """An append-only file of JSON lines, fsynced one by one, bound to one chain and sender.

    A last line that a kill cut short is ignored: what it would have announced did not happen yet.
    """

    path: Path
    header: dict[str, Any] = field(default_factory=dict)
    attempts: dict[str, list[Attempt]] = field(default_factory=dict)
    mined: dict[str, dict[str, Any]] = field(default_factory=dict)
    finals: dict[str, dict[str, Any]] = field(default_factory=dict)
    plans: dict[str, dict[str, Any]] = field(default_factory=dict)
    _wanted: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)
    _mended: bool = field(default=False, repr=False, compare=False)

    @staticmethod
    def open(path: Path, binding: Mapping[str, Any]) -> Journal:
        """The journal in `path`; the file is begun, or a torn end mended, at the first entry.

        Raises UsageError when it belongs to another chain, contract or sender, or is damaged.
        """
        journal = Journal.read(path)
        journal._wanted = {"journal": VERSION, **binding}
        journal._check_header()
        return journal

    def reload(self) -> None:
        """Read again what another process may have written; called once one may write.

        Raises as `open`.
        """
        found = Journal.read(self.path)
        self.header, self.attempts, self.mined = found.header, found.attempts, found.mined
        self.finals, self.plans = found.finals, found.plans
        self._mended = False
        self._check_header()

    def _check_header(self) -> None:
        for key, value in self._wanted.items():
            if self.header and self.header.get(key) != value:
                raise UsageError(
                    f"{self.path} belongs to another {key}: {str(self.header.get(key))[:80]}, not"
                    f" {value}",
                    hint=f"move {self.path.name} away to begin again on this one",
                )

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
                journal._apply(parse_json(line))
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
            return
        for name, form in _FORMS[kind].items():
            if name in value or name in _NEEDED[kind]:
                _check_form(name, value[name], form)
        operation = value["operation"]
        if kind == "plan":
            self.plans[operation] = value
        elif kind == "attempt":
            self.attempts.setdefault(operation, []).append(Attempt(**value))
        elif kind == "mined":
            self.mined[operation] = value
        elif kind == "final":
            self.finals[operation] = value
        else:
            self.mined.pop(operation, None)
            self.finals.pop(operation, None)

    def _append(self, entry: dict[str, Any]) -> None:
        if not self._mended:
            _mend_end(self.path)
            self._mended = True
            if not self.header:
                self._append({"header": self._wanted})
        append_line(self.path, json.dumps(entry, sort_keys=True))
        self._apply(entry)

    # ---- what is written down

    def plan(self, operation: str, **facts: Any) -> None:
        """What an operation will do; once it is signed, that never changes.

        Raises UsageError when it was planned differently and signed before.
        """
        before = self.plans.get(operation)
        if before is None or operation not in self.attempts:
            value = {"operation": operation, **facts}
            if value != before:
                self._append({"plan": value})
            return
        for key, value in facts.items():
            if before.get(key) != value:
                raise UsageError(
                    f"{operation} was begun with {key} {before.get(key)}, not {value}",
                    hint=f"go on with {before.get(key)}: transactions may be on their way",
                )

    def attempt(self, attempt: Attempt) -> None:
        """A signed transaction that is about to leave."""
        value = asdict(attempt)
        if not attempt.data_fee_wei:  # as older versions read it
            del value["data_fee_wei"]
        self._append({"attempt": value})

    def mine(self, operation: str, *, hash: str, block: int) -> None:
        """An operation whose effect is on chain, not yet deep enough."""
        self._append({"mined": {"operation": operation, "hash": hash, "block": block}})

    def final(
        self,
        operation: str,
        *,
        hash: str,
        block: int,
        gas: int,
        fee_wei: int,
        data_fee_wei: int = 0,
        rule: int | str | None = None,
    ) -> None:
        """An operation whose effect is on chain, deep enough.

        fee_wei: all that was paid; data_fee_wei: the part of it that a rollup took for data. rule:
        how many blocks on top were waited for, or "finalized": the node's own word.
        """
        value = {"operation": operation, "hash": hash, "block": block, "gas": gas}
        value |= {"fee_wei": fee_wei}
        value |= {"data_fee_wei": data_fee_wei} if data_fee_wei else {}
        value |= {} if rule is None else {"rule": rule}
        self._append({"final": value})

    def undo(self, operation: str) -> None:
        """A reorganisation took the effect away again."""
        self._append({"undone": {"operation": operation}})

    def mints(self) -> list[PlannedMint]:
        """Every batch that was planned, in the order of planning.

        Raises UsageError for a plan that does not say what it mints.
        """
        try:
            return [
                PlannedMint(
                    name, one["first"], one["first"] + one["count"], one["to"], one.get("start")
                )
                for name, one in self.plans.items()
            ]
        except KeyError as exc:
            raise UsageError(
                f"{self.path} is damaged: a plan without its {exc.args[0]}",
                hint="restore it from a copy: it says what was already paid for",
            ) from exc

    def names(self) -> dict[str, str]:
        """ENS name to the account that it stood for when a batch was planned, the newest one."""
        plans = self.plans.values()
        return {one["name"]: one["to"] for one in plans if "name" in one and "to" in one}

    def mint_hashes(self) -> tuple[str, ...]:
        """The transactions that were seen on chain, of what was planned as mints."""
        seen = {**self.mined, **self.finals}
        return tuple(str(seen[name]["hash"]) for name in self.plans if name in seen)

    def state(self, operation: str) -> str:
        """How far it is: planned, sent, mined, final or, where the node said so, finalized."""
        if self.finals.get(operation, {}).get("rule") == "finalized":
            return "finalized"
        for state, entries in (
            ("final", self.finals),
            ("mined", self.mined),
            ("sent", self.attempts),
        ):
            if operation in entries:
                return state
        return "planned"

    def committed_wei(self) -> int:
        """What all that was signed so far may have cost at most; of one nonce, one is mined."""
        paid = {final["hash"]: int(final["fee_wei"]) for final in self.finals.values()}
        worst: dict[int, int] = {}
        known: dict[int, int] = {}
        for attempts in self.attempts.values():
            for attempt in attempts:
                nonce = attempt.nonce
                worst[nonce] = max(worst.get(nonce, 0), attempt.worst_case_wei)
                if attempt.hash in paid:
                    known[nonce] = paid[attempt.hash]
        return sum({**worst, **known}.values())


def _check_form(name: str, value: Any, form: type) -> None:
    """Raises ValueError unless `value` is a text, or a number that a chain can have."""
    if type(value) is not form or (type(value) is int and not 0 <= value < _MOST):
        raise ValueError(f"{name} is not of its form")
    if name == "to" and not _ADDRESS.fullmatch(str(value)):  # it is quoted in words to a person
        raise ValueError(f"{name} is not of its form")
    if name == "count" and value == 0:
        raise ValueError(f"{name} is not of its form")


def _mend_end(path: Path) -> None:
    """Cut off a last line that has no end, so that the next one begins where it should."""
    if not path.exists():
        return
    with translated_os_errors(path), path.open("r+b") as file:
        data = file.read()
        whole = data.rfind(b"\n") + 1
        if whole != len(data):
            file.truncate(whole)
