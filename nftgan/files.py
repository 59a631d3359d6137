"""Files that are never half-written: atomic replace, fsynced appends, locks, hashes, JSON."""

from __future__ import annotations

import codecs
import contextlib
import errno
import hashlib
import json
import logging
import math
import os
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import filelock
import rfc8785

from nftgan.errors import NftganError, UsageError

_UNSUPPORTED = (errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOLCK, errno.ENOTTY)
"""What a file system answers that lacks locks, or durable folders."""
_PASSING = (errno.EBUSY, errno.EACCES, errno.EEXIST, errno.EIO, errno.ESTALE, errno.ETXTBSY)
"""What a rename over a file may be refused with for a moment, by drives over a network."""
RENAME_PAUSES = (0.05, 0.2, 1.0)
"""Seconds before each further try."""

log = logging.getLogger(__name__)
_said: set[str] = set()


def os_error(exc: OSError, path: Path) -> UsageError:
    """An operating system's refusal as one sentence that names the path and what to do."""
    hints = {
        errno.ENOSPC: "free some space and run the same command again",
        errno.EDQUOT: "free some space and run the same command again",
        errno.EACCES: "check the permissions of the folder, or choose another one",
        errno.EPERM: "check the permissions of the folder, or choose another one",
        errno.EROFS: "the file system is read-only: choose another folder",
        errno.ENOENT: "check the path",
        errno.EISDIR: "a folder stands where a file should be: move it away",
        errno.ENOTDIR: "a file stands where a folder should be: move it away",
    }
    reason = (exc.strerror or str(exc)).lower()
    return UsageError(f"{path}: {reason}", hint=hints.get(exc.errno or 0))


@contextmanager
def translated_os_errors(path: Path) -> Iterator[None]:
    """Inside, an OSError about `path` leaves as a UsageError."""
    try:
        yield
    except OSError as exc:
        raise os_error(exc, path) from exc


def fsync_folder(folder: Path) -> None:
    """Make the renames inside `folder` durable; Windows knows no such thing for a folder."""
    if os.name == "nt":
        return
    try:
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as exc:
        # CIFS, FUSE and others know no such thing either; a folder that may be written may also
        # not be one that may be read. The file itself is on the disk.
        if exc.errno not in (*_UNSUPPORTED, errno.EINVAL, errno.EBADF, errno.EACCES, errno.EPERM):
            raise


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`; on success it is fsynced and renamed, on failure removed.

    Raises UsageError when the file system refuses.
    """
    # The name is ours before the file exists: a Ctrl-C while it is made must not leave it behind.
    temporary = path.parent / f".{path.name}.{secrets.token_hex(6)}.tmp{path.suffix}"
    try:
        with translated_os_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            yield temporary
            umask = os.umask(0)
            os.umask(umask)
            temporary.chmod(0o666 & ~umask)
            with temporary.open("r+b" if os.name == "nt" else "rb") as file:
                os.fsync(file.fileno())
            _replace(temporary, path)
            fsync_folder(path.parent)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def _replace(temporary: Path, path: Path) -> None:
    """Rename over `path`, and once more where a network drive or a virus scanner held it."""
    for pause in RENAME_PAUSES:
        try:
            temporary.replace(path)
            return
        except OSError as exc:
            if exc.errno not in _PASSING:
                raise
            time.sleep(pause)
    temporary.replace(path)


def complete_files(folder: Path, pattern: str) -> list[Path]:
    """The files in `folder` that match, sorted, without those that a killed writer left behind."""
    return sorted(path for path in folder.glob(pattern) if not path.name.startswith("."))


def remove_partial(folder: Path) -> None:
    """Remove what `atomic_path` left in `folder` when its process was killed inside it.

    Only for the holder of the folder's lock: another writer's file would go as well.
    """
    for path in folder.glob(".*.tmp*"):
        path.unlink(missing_ok=True)


def write_bytes(path: Path, data: bytes) -> None:
    """`path` holds exactly `data`, or what it held before; never a part."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def write_text(path: Path, text: str) -> None:
    """`path` holds exactly `text` in UTF-8, or what it held before."""
    write_bytes(path, text.encode())


def write_secret(path: Path, text: str) -> None:
    """As `write_text`, for the eyes of the file's owner alone: mode 0600 from the first byte."""
    before = os.umask(0o077)
    try:
        write_text(path, text)
    finally:
        os.umask(before)
    path.chmod(0o600)


def write_json(path: Path, value: Any) -> None:
    """Readable JSON with sorted keys and a final newline: diffs well in git."""
    text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    # Half a surrogate pair, which a stranger's words may hold, stays the escape that it was.
    write_bytes(path, (text + "\n").encode("utf-8", "backslashreplace"))


MAX_JSON_DEPTH = 200
_JSON_MARKS = re.compile(rb'\\.|["\[\]{}]', re.DOTALL)
"""What a depth counter must see: an escape, a quote, a bracket. One mark at a time: a pattern of a
whole string keeps a state for each of its characters."""


def decode_text(data: bytes, errors: str = "strict") -> str:
    """The text of a file that people made: UTF-8, or UTF-16 where its byte order mark says so, as
    PowerShell and spreadsheets write; without the mark. errors: as of bytes.decode.

    Raises UnicodeDecodeError (a ValueError) for bytes that are none.
    """
    wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return data.decode("utf-16" if wide else "utf-8-sig", errors)


def parse_json(data: bytes) -> Any:
    """The JSON document in `data` as every reader sees it; ValueError when it is none (RFC 8259).

    Refused, because readers disagree about them or fail: encodings other than UTF-8, a repeated
    key, NaN, infinity (also as 1e999), and nesting deeper than MAX_JSON_DEPTH. json.loads recurses
    in C: with the recursion limit that py-evm sets for the whole process, a file of a hundred
    thousand brackets would end it without a word.
    """
    if data.count(b"[") + data.count(b"{") > MAX_JSON_DEPTH:
        depth, inside = 0, False
        for mark in _JSON_MARKS.finditer(data):
            first = data[mark.start()]
            if first in b'"':
                inside = not inside
            elif inside or first in b"\\":
                continue
            elif first in b"[{":
                depth += 1
                if depth > MAX_JSON_DEPTH:
                    raise ValueError(f"nested deeper than {MAX_JSON_DEPTH}")
            elif first in b"]}":
                depth -= 1
    try:
        return json.loads(  # noqa: TID251 - the one place
            data.decode("utf-8"),
            object_pairs_hook=_unique_keys,
            parse_constant=_refuse_constant,
            parse_float=_finite,
        )
    except RecursionError:
        raise ValueError("nested too deep") from None


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise ValueError(f"the key {key[:80]!r} occurs twice")
            seen.add(key)
    return document


def _refuse_constant(text: str) -> Any:
    raise ValueError(f"{text} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"the number {text[:40]} is out of range")
    return number


def read_json(path: Path) -> Any:
    """The JSON document in `path`; UsageError names the file and the place when it is broken."""
    try:
        # Some editors on Windows put a byte order mark in front.
        return parse_json(path.read_bytes().removeprefix(codecs.BOM_UTF8))
    except FileNotFoundError as exc:
        raise UsageError(f"{path} does not exist") from exc
    except OSError as exc:
        raise os_error(exc, path) from exc
    except ValueError as exc:
        raise UsageError(f"{path} is not valid JSON: {exc}") from exc


def append_line(path: Path, line: str) -> None:
    """`line` is on disk, whole and fsynced, when this returns; earlier lines are untouched."""
    with translated_os_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        new = not path.exists()
        with path.open("ab") as file:
            file.write(line.encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        if new:
            fsync_folder(path.parent)


def canonical_json(value: Any) -> bytes:
    """RFC 8785 bytes: the same value gives the same bytes everywhere."""
    try:
        return rfc8785.dumps(value)
    except rfc8785.CanonicalizationError as exc:
        raise NftganError(f"cannot be written as canonical JSON: {exc}") from exc


def sha256_hex(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def sha256_file(path: Path) -> str:
    """Hex SHA-256 of the file's bytes, read in pieces."""
    with translated_os_errors(path), path.open("rb") as file:
        digest = hashlib.sha256()
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


@contextmanager
def lock(path: Path, *, what: str, patience_seconds: float = 0) -> Iterator[None]:
    """Only one holder of `path` at a time; UsageError when another one has it.

    patience_seconds: how long to wait for the other one; 0: not at all. The system drops the lock
    when the holder dies, so no stale lock can hang anyone.
    """
    held: Any = filelock.FileLock(path, poll_interval=0.005)
    with translated_os_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        if not _has_locks(path):
            _warn_once(
                f"the file system of {path.parent} has no locks: see to it yourself that only one"
                " nftgan writes there"
            )
            held = None
        else:
            try:
                held.acquire(timeout=patience_seconds)
            except filelock.Timeout as exc:
                raise UsageError(
                    f"another nftgan process is writing to {what}", hint="wait for it to finish"
                ) from exc
    try:
        yield
    finally:
        if held is not None:
            held.release()


def _has_locks(path: Path) -> bool:
    """Whether the file system knows locks: asked by taking one, or by finding that one is held.

    filelock would make a file of its own instead, which stays when its holder is killed, and which
    a run on another machine of the same drive could never take.
    """
    if os.name == "nt":
        return True
    import fcntl

    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        fcntl.flock(handle, fcntl.LOCK_UN)
    except BlockingIOError:
        return True
    except OSError as exc:
        if exc.errno not in _UNSUPPORTED:
            raise
        return False
    finally:
        os.close(handle)
    return True


def _warn_once(message: str) -> None:
    if message not in _said:
        _said.add(message)
        log.warning("%s", message)
