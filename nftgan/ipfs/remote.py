"""Blocks from a gateway somewhere else: bounded, asked again, checked by the reader, never inside.

A gateway that is busy says so with 429 or 503, one that looks for a block too long with 504, and
any of them may cut a connection. Nothing of this says anything about the content: it is asked
again, as Retry-After wishes, and what still does not come is a ServiceError.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TypeVar
from urllib.parse import urlsplit

from nftgan.addresses import encrypted_or_here
from nftgan.errors import ServiceError, UsageError
from nftgan.http import TRANSIENT, Backoff, Fault, HttpClient, HttpFault, Response, retry_after
from nftgan.ipfs.car_stream import car_blocks
from nftgan.ipfs.cid import Cid
from nftgan.ipfs.reader import MAX_BLOCK_BYTES, BlockGetter, MissingBlock
from nftgan.patience import Patience

TIMEOUT_SECONDS = 60
PATIENCE_SECONDS, PROMPT_SECONDS, PROMPT_BYTES = 900.0, 3.0, 64 << 10
"""What blocks from one place may take in all, beyond PROMPT_SECONDS each and 64 KiB a second."""
BLOCK_SECONDS = 180
"""For a whole block: a gateway that sends a byte a minute does not hold anyone for ever."""
REDIRECTS = 5
RAW_TYPE = "application/vnd.ipld.raw"
CAR_TYPE = "application/vnd.ipld.car"
ATTEMPTS = 5
LOOKS = 3
"""Attempts where it looked for a block as long as it cared to: it hardly finds it later."""
GIVE_UP = 3
"""Blocks in a row that did not come in all their attempts: no more are asked for."""
SLOWEST_BYTES, CAR_SECONDS = 4_000, 3600.0
"""A second, of a CAR, but for a minute in all; and how long one lasts. What is missing then is
asked for block by block."""

_LOOKED = frozenset({408, 504, 522, 524})
T = TypeVar("T")


class _Again(Exception):
    """An answer that may be another one a moment later."""

    def __init__(self, said: str, attempts: int, asked: float | None = None) -> None:
        super().__init__(said)
        self.said, self.attempts, self.asked = said, attempts, asked


class RemoteGateway:
    """Blocks and whole DAGs by CID from one trustless gateway.

    The bytes are not checked here: read through `nftgan.ipfs.reader`, which hashes every block.
    """

    def __init__(
        self,
        url: str,
        *,
        wait: Callable[[float], None] = time.sleep,
        note: Callable[[str], None] = lambda message: None,
    ) -> None:
        """wait: sleeps so many seconds. note: told when it is waited for long.

        Nothing is sent yet. Raises UsageError for plain http beyond this machine.
        """
        parts = urlsplit(url)
        self.host = parts.hostname or ""
        if parts.scheme not in {"http", "https"} or not self.host:
            raise UsageError(f"{url!r} is not a gateway", hint="--gateway https://HOST")
        if not encrypted_or_here(parts):
            raise UsageError(f"{self.host} is asked without encryption", hint="use https")
        self._client = HttpClient(url, timeout=(TIMEOUT_SECONDS, TIMEOUT_SECONDS))
        self._base = url.rstrip("/")
        self._wait, self._note = wait, note
        self._backoff = Backoff(0.5, 60.0)
        self._patience = _patience()
        self._failed = 0  # blocks in a row that did not come
        self._given_up = ""

    def __call__(self, cid: Cid) -> bytes:
        """One block. Raises MissingBlock or ServiceError."""

        def once() -> bytes:
            with self._open(f"{cid}?format=raw", RAW_TYPE, str(cid)) as got:
                return _block(got)

        _refuse_slow(self._patience, self.host)
        with self._patience.waiting() as came:
            data = self._patiently(once)
            came(len(data))
        return data

    def blocks(self, root: Cid) -> Iterator[tuple[Cid, bytes]]:
        """The DAG below `root` in one answer, as far as it comes: the rest is asked for by CID.

        Nothing at all from a gateway that gives no CARs. Raises MissingBlock or ServiceError.
        """

        def begin() -> Response:
            path = f"{root}?format=car&dag-scope=all"
            return self._open(path, CAR_TYPE, str(root), refusal_is_fault=True)

        _refuse_slow(self._patience, self.host)
        try:
            with self._patience.waiting():
                response = self._patiently(begin)
        except _NoCar:
            return
        with response:
            if not response.headers.get("content-type", "").startswith(CAR_TYPE):
                return
            try:
                yield from car_blocks(_timely(response.pieces(seconds=CAR_SECONDS)))
            except (ValueError, HttpFault):
                return

    def _open(self, path: str, kind: str, name: str, *, refusal_is_fault: bool = False) -> Response:
        address = f"{self._base}/ipfs/{path}"
        got = self._client.open("GET", address, headers={"Accept": kind}, redirects=REDIRECTS)
        if 200 <= got.status < 300:
            return got
        got.close()
        if got.status in {404, 410}:
            raise MissingBlock(f"{self.host} does not have the block {name}")
        said = f"{self.host} answers {got.status} for {name}"
        if got.status in TRANSIENT:
            attempts = LOOKS if got.status in _LOOKED else ATTEMPTS
            raise _Again(said, attempts, retry_after(got.headers))
        if refusal_is_fault:
            raise _NoCar(said)
        raise ServiceError(said)

    def _patiently(self, once: Callable[[], T]) -> T:
        if self._given_up:
            raise ServiceError(self._given_up)
        attempt = 1
        while True:
            try:
                found = once()
                self._failed = 0
                return found
            except MissingBlock:
                self._failed = 0
                raise
            except HttpFault as fault:
                again = self._translated(fault)
            except _Again as exc:
                again = exc
            pause = self._backoff.pause(attempt, again.asked)
            if pause is None:
                raise self._failure(f"{again.said}: it asks to wait {again.asked:.0f} s")
            if attempt >= again.attempts:
                raise self._failure(again.said)
            if pause >= 5:
                self._note(f"{again.said}: asked again in {pause:.0f} s")
            self._wait(pause)
            attempt += 1

    def _failure(self, said: str) -> ServiceError:
        self._failed += 1
        if self._failed >= GIVE_UP:
            self._given_up = f"{said}; it was given up"
        return ServiceError(said)

    def _translated(self, fault: HttpFault) -> _Again:
        """What may pass. Raises ServiceError for what does not."""
        silent = f"{self.host} does not answer: {fault.reason}"
        match fault.kind:
            case Fault.REDIRECT:
                raise ServiceError(
                    "a gateway redirects to an address that is not public https"
                ) from None
            case Fault.LATE:
                raise self._failure(
                    f"{self.host} is too slow: no block in {BLOCK_SECONDS} s"
                ) from None
            case Fault.BROKEN:
                return _Again(silent, ATTEMPTS)
            case Fault.TIMEOUT:
                return _Again(silent, LOOKS)
            case Fault.UNREACHABLE:
                self._failed = GIVE_UP  # nobody is there: not every block needs to find that out
                return _Again(silent, LOOKS)
            case _:
                raise ServiceError(silent) from None


class _NoCar(Exception):
    """The gateway does not give CARs."""


def patient(get: BlockGetter, name: str) -> BlockGetter:
    """`get` that gives up, with ServiceError, when the place `name` was slow for too long in all.

    A place that makes each block last almost as long as it may would else hold a verb for days.
    """
    patience = _patience()

    def read(cid: Cid) -> bytes:
        _refuse_slow(patience, name)
        with patience.waiting() as came:
            data = get(cid)
            came(len(data))
        return data

    return read


def _patience() -> Patience:
    return Patience(PATIENCE_SECONDS, prompt_seconds=PROMPT_SECONDS, bytes_per_second=PROMPT_BYTES)


def _refuse_slow(patience: Patience, name: str) -> None:
    if patience.over:
        raise ServiceError(
            f"{name} is too slow: it took {PATIENCE_SECONDS:.0f} s too long in all",
            hint="run the same command again, or name another gateway",
        )


def _timely(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The pieces of a CAR, until they came too slowly for a minute."""
    slow = Patience(TIMEOUT_SECONDS, prompt_seconds=0, bytes_per_second=SLOWEST_BYTES)
    while not slow.over:
        with slow.waiting() as came:
            piece = next(pieces, b"")
            came(len(piece))
        if not piece:
            return
        yield piece


def _block(response: Response) -> bytes:
    """The body up to one piece more than a block may have: then the reader refuses it."""
    data = bytearray()
    for piece in response.pieces(seconds=BLOCK_SECONDS):
        data += piece
        if len(data) > MAX_BLOCK_BYTES:
            break
    return bytes(data)
