"""What every place for blocks can do, and the journal that makes sending resumable."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from nftgan.errors import NftganError, ServiceError
from nftgan.files import append_line, parse_json, translated_os_errors
from nftgan.ipfs.car import CarFile
from nftgan.ipfs.cid import Cid
from nftgan.progress import Progress

Wait = Callable[[float], None]
ByPath = Callable[[str], Iterator[bytes]]
"""The content of the file at ROOT/path, in pieces."""


class ServiceRefused(ServiceError):
    """The service understood and said no, in words of its own."""

    status = 0  # of HTTP, where it matters


class ServiceTimeout(ServiceError):
    """The service took longer than it was given."""


class NoRawBlocks(ServiceError):
    """The gateway gives the content of files and not the blocks of folders."""


@dataclass(frozen=True)
class Limits:
    """What is known of a place beforehand; None where it has no limit that we know."""

    local: bool = False  # on this machine
    uploads: bool = True  # False when it fetches the blocks by itself
    one_root: bool = False  # it pins a CAR, and not the folders inside by their own CIDs
    most_bytes: int | None = None  # of one CAR
    most_folder_files: int | None = None
    free_bytes: int | None = None  # without paying
    free_files: int | None = None
    per_minute: int | None = None  # requests
    reads_per_minute: int | None = None  # through its gateway
    missing: str = ""  # what must be there before anything can be sent, such as a token


@dataclass(frozen=True)
class Setup:
    """What a place is opened with; everything else it reads from the environment by itself."""

    store: Path  # folder of the embedded store
    address: str | None  # what stands after the = in TARGET=ADDRESS
    wait: Wait  # sleeps so many seconds; tests put a fake there
    plans_only: bool = False  # nothing will be asked or sent: a token may be missing


def same_cid(text: object, cid: Cid) -> bool:
    """Whether `text`, in any base, names `cid`."""
    try:
        return isinstance(text, str) and Cid.parse(text) == cid
    except NftganError:
        return False


class UploadJournal:
    """Which parts of which DAG a target has taken: JSON lines, each fsynced before going on.

    A failed verification voids what was noted before it, so that the next run sends again.
    """

    def __init__(self, path: Path | None, target: str, root: Cid) -> None:
        self.path = path
        self._key = {"target": target, "root": str(root)}
        self.parts: set[str] = set()
        self.voided = False  # a failure was found and not everything has been sent since
        for entry in self._read():
            if entry.get("void"):
                self.parts.clear()
                self.voided = True
            elif isinstance(part := entry.get("part"), str):
                self.parts.add(part)
            elif entry.get("whole"):
                self.voided = False

    def _read(self) -> list[dict[str, Any]]:
        if self.path is None or not self.path.exists():
            return []
        with translated_os_errors(self.path):
            text = self.path.read_bytes()
        if text and not text.endswith(b"\n"):
            append_line(self.path, "")  # ends the line that a killed process left half-written
        entries = []
        for line in text.splitlines():
            try:
                entry = parse_json(line)
            except ValueError:
                continue  # cut by a crash: what it said is done again
            if isinstance(entry, dict) and self._key.items() <= entry.items():
                entries.append(entry)
        return entries

    def note(self, part: str) -> None:
        """The target has taken `part`."""
        self.parts.add(part)
        self._append({"part": part})

    def settle(self) -> None:
        """The target has taken everything since the last failure."""
        if self.voided:
            self.voided = False
            self._append({"whole": "yes"})

    def void(self, reason: str) -> None:
        """What was noted so far does not hold."""
        self.parts.clear()
        self.voided = True
        self._append({"void": reason})

    def _append(self, entry: dict[str, str]) -> None:
        if self.path is not None:
            append_line(self.path, json.dumps({**self._key, **entry}, sort_keys=True))


class Backend(Protocol):
    """A place that keeps blocks; every method may be called again without harm."""

    @property
    def name(self) -> str:
        """How messages, results and journals call it; holds no secret."""

    @property
    def limits(self) -> Limits:
        """What is known of it before it is asked."""

    @property
    def by_path(self) -> ByPath | None:
        """How files are read where blocks are not; None where they are."""

    def put(
        self,
        car: CarFile,
        roots: Sequence[Cid],
        *,
        label: str,
        journal: UploadJournal,
        progress: Progress,
    ) -> int:
        """Send what is missing and pin `roots`. Returns the bytes sent.

        Raises ServiceError, CredentialError, PartlyDone while it is not finished, or CheckFailed
        when it took another CID; what arrived before is kept.
        """

    def is_pinned(self, root: Cid) -> bool:
        """Whether the place promises to keep everything below `root`."""

    def get(self, cid: Cid) -> bytes:
        """A block as the place serves it, not checked.

        Raises MissingBlock, ServiceError, or NoRawBlocks where `by_path` has to be used.
        """

    def unpin(self, root: Cid) -> None:
        """Take the promise back; nothing happens when there is none."""

    def close(self) -> None:
        """Let go of connections."""
