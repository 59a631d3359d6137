"""Walk an art folder: which files are candidates, and why each other one is not."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from nftgan.errors import UsageError
from nftgan.files import os_error

MAX_FILE_BYTES = 1 << 30
SYSTEM_FILES = frozenset({"thumbs.db", "desktop.ini", "ehthumbs.db", "icon\r"})


class Readable(Protocol):
    """A file in a folder, or a member of an archive."""

    def read_bytes(self) -> bytes: ...


@dataclass(frozen=True)
class Candidate:
    """A regular file that may be an image."""

    path: Readable
    name: str  # relative to the folder, forward slashes, printable


@dataclass(frozen=True)
class Scan:
    """Candidates and (name, reason) of everything else, both sorted by name."""

    candidates: tuple[Candidate, ...]
    rejected: tuple[tuple[str, str], ...]
    wrapper: str = ""  # the one folder, with its slash, that an archive has everything in


def printable(name: str) -> str:
    r"""`name` as text that JSON can hold: bytes that are not UTF-8 become \udcXX."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


def scan(source: Path, *, ignore: frozenset[Path] = frozenset()) -> Scan:
    """All files below `source`, whatever their ending; links are not followed.

    ignore: resolved paths that are no part of the art (the output itself). Raises UsageError when
    `source` is not a folder that can be read.
    """
    if not source.is_dir():
        what = "is a file, not a folder" if source.exists() else "does not exist"
        raise UsageError(f"{source} {what}", hint="name the folder that holds the images")
    try:
        with os.scandir(source) as entries:
            next(entries, None)
    except OSError as exc:
        raise os_error(exc, source) from exc
    candidates: list[Candidate] = []
    rejected: list[tuple[str, str]] = []

    def unreadable(exc: OSError) -> None:
        name = os.path.relpath(exc.filename, source)
        rejected.append((printable(name), f"the folder cannot be read: {exc.strerror}"))

    for folder, folders, files in os.walk(source, onerror=unreadable):
        for name in [*folders, *files]:
            path = Path(folder, name)
            shown = printable(path.relative_to(source).as_posix())
            reason = None
            if name in folders:
                reason = _folder_problem(path)
                if reason:
                    folders.remove(name)
                    rejected.append((shown, reason))
            elif path.resolve() not in ignore:
                reason = _file_problem(path)
                if reason:
                    rejected.append((shown, reason))
                else:
                    candidates.append(Candidate(path, shown))
    return Scan(tuple(sorted(candidates, key=lambda item: item.name)), tuple(sorted(rejected)))


def _folder_problem(path: Path) -> str | None:
    if path.is_symlink():
        return "a symbolic link"
    if path.name.startswith(".") or path.name == "__MACOSX":
        return "a hidden folder"
    return None


def _file_problem(path: Path) -> str | None:
    try:
        status = path.lstat()
    except OSError as exc:
        return f"cannot be read: {exc.strerror}"
    if stat.S_ISLNK(status.st_mode):
        return "a symbolic link"
    if not stat.S_ISREG(status.st_mode):
        return "not a regular file"
    if path.name.startswith(".") or path.name.lower() in SYSTEM_FILES:
        return "a hidden or system file"
    if status.st_size == 0:
        return "an empty file"
    if status.st_size > MAX_FILE_BYTES:
        return f"a file of {status.st_size:,} bytes is too large"
    return None
