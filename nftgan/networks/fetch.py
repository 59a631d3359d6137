"""Models behind URLs: fetched once, resumed when cut off, used only when the hash agrees."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from nftgan.addresses import encrypted_or_here
from nftgan.errors import ServiceError, UsageError
from nftgan.files import fsync_folder, lock, sha256_file, translated_os_errors
from nftgan.http import Fault, HttpClient, HttpFault, Response
from nftgan.progress import SILENT, Progress, Task
from nftgan.project import state_home

log = logging.getLogger(__name__)

MAX_FILE_BYTES = 8 << 30
ATTEMPTS = 5  # each goes on where the last one was cut off
REDIRECTS = 5
CONNECT_SECONDS, READ_SECONDS = 10, 30
PIECE_BYTES = 1 << 18
_HASH = re.compile(r"sha256=([0-9a-fA-F]{64})")


def fetch_model(url: str, *, progress: Progress = SILENT) -> Path:
    """A local file with exactly the bytes that `#sha256=…` in `url` promises.

    A finished file is taken from the cache without asking the network. Raises UsageError for a
    URL without a hash or not over https (http only to this machine), ServiceError when the server
    fails or sends other bytes.
    """
    try:
        parts = urlsplit(url)
    except ValueError as exc:
        raise UsageError("the URL of the model is not readable") from exc
    match = _HASH.fullmatch(parts.fragment)
    if match is None:
        raise UsageError(
            f"{_shown(parts)} has no hash that proves its content",
            hint="add #sha256= and the file's 64 hex digits to the URL",
        )
    wanted = match[1].lower()
    _check_origin(parts)
    folder = state_home() / "cache" / "models"
    path = folder / wanted
    with lock(folder / f"{wanted}.lock", what="the cache of models"):
        if path.is_file() and sha256_file(path) == wanted:
            return path
        partial = folder / f"{wanted}.part"
        _download(parts, partial, progress)
        if sha256_file(partial) != wanted:
            partial.unlink()
            raise ServiceError(
                f"{_shown(parts)} sent a file whose SHA-256 is not {wanted[:12]}…",
                hint="check the link and the hash with whoever gave them to you",
            )
        with translated_os_errors(path):
            partial.replace(path)
            fsync_folder(folder)
    return path


def _download(parts: SplitResult, partial: Path, progress: Progress) -> None:
    """The whole file in `partial`; what is there already is not asked for again."""
    client = HttpClient(parts.geturl(), timeout=(CONNECT_SECONDS, READ_SECONDS))
    with progress.task(f"fetching {Path(parts.path).name}", None, "B") as task:
        reason = ""
        for _ in range(ATTEMPTS):
            try:
                if _one_attempt(client, parts, partial, task):
                    return
                reason = "the connection was cut"
            except HttpFault as fault:
                if fault.kind in {Fault.REDIRECT, Fault.LOOP}:
                    raise ServiceError(f"{_shown(parts)} {fault.reason}") from None
                reason = fault.reason
            log.info("%s: %s, trying again", _shown(parts), reason)
    raise ServiceError(
        f"{_shown(parts)} could not be fetched whole: {reason}",
        hint="run the same command again: it goes on where this one stopped",
    )


def _one_attempt(client: HttpClient, parts: SplitResult, partial: Path, task: Task) -> bool:
    """One request from where `partial` ends; True when the file is whole."""
    with translated_os_errors(partial):
        have = partial.stat().st_size if partial.exists() else 0
    headers = {"Accept-Encoding": "identity", "User-Agent": "nftgan"}
    if have:
        headers["Range"] = f"bytes={have}-"
    url = parts._replace(fragment="").geturl()
    with client.open("GET", url, headers=headers, redirects=REDIRECTS) as response:
        if response.status == 416:
            # Whole already, or longer than the file there: the hash decides.
            if _total(response) == have:
                return True
            partial.unlink()
            return False
        if response.status not in (200, 206):
            raise ServiceError(
                f"{_shown(parts)} answered with status {response.status}",
                hint="check the link" if response.status < 500 else "try again later",
            )
        goes_on = response.status == 206 and _start(response) == have
        if response.status == 206 and not goes_on:
            partial.unlink(missing_ok=True)
            return False
        position = have if goes_on else 0
        length = response.headers.get("content-length", "")
        known = re.fullmatch(r"[0-9]{1,19}", length) is not None
        total = position + int(length) if known else None
        if (total or 0) > MAX_FILE_BYTES:
            raise ServiceError(f"{_shown(parts)} is {total} bytes, more than any model")
        with translated_os_errors(partial), partial.open("ab" if goes_on else "wb") as file:
            for piece in response.pieces(piece_bytes=PIECE_BYTES, decode=False):
                file.write(piece)
                position += len(piece)
                if position > MAX_FILE_BYTES:
                    raise ServiceError(f"{_shown(parts)} does not end")
                task.update(completed=position)
        return total is None or position == total


def _check_origin(parts: SplitResult) -> None:
    try:
        _ = parts.port
    except ValueError as exc:
        raise UsageError(f"{parts.hostname} has a port that is no number") from exc
    if not parts.hostname:
        raise UsageError("the URL of the model names no host")
    if not encrypted_or_here(parts):
        raise UsageError(
            f"{_shown(parts)} is not https",
            hint="use an https URL; plain http is for this machine only",
        )


def _start(response: Response) -> int | None:
    match = re.match(r"bytes ([0-9]{1,19})-", response.headers.get("content-range", ""))
    return int(match[1]) if match else None


def _total(response: Response) -> int | None:
    match = re.fullmatch(r"bytes \*/([0-9]{1,19})", response.headers.get("content-range", ""))
    return int(match[1]) if match else None


def _shown(parts: SplitResult) -> str:
    """The URL without user, password, query and hash, which may be secrets."""
    return f"{parts.scheme}://{parts.hostname}{parts.path}"[:200]
