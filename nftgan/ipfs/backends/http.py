"""Requests to a pinning service: bounded, paced, retried, and failing in one sentence."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar
from urllib.parse import urljoin, urlsplit

from nftgan.errors import CredentialError, NftganError, ServiceError
from nftgan.files import parse_json
from nftgan.http import (
    CLOCK,
    TRANSIENT,
    Answer,
    Backoff,
    Fault,
    HttpClient,
    HttpFault,
    Response,
    retry_after,
)
from nftgan.ipfs.backends.access import checked_url, redacted
from nftgan.ipfs.backends.base import ServiceRefused, ServiceTimeout
from nftgan.ipfs.backends.body import Body

MAX_WAIT_SECONDS = 60.0
CONNECT_SECONDS = 30.0
ANSWER_BYTES = 8 << 20
ANSWER_SECONDS, FILE_SECONDS = 600.0, 7200.0
"""For one whole answer, and for one whole file, however slowly its bytes come."""
AGAIN = "run the same command again: it goes on where it stopped"


T = TypeVar("T")


@dataclass(frozen=True)
class _Call:
    """One request as it is made again for each attempt; `what`: its name in messages."""

    method: str
    path: str
    what: str
    params: Mapping[str, str] | None = None
    document: Any = None
    body: Callable[[], Body] | None = None
    headers: Mapping[str, str] | None = None


class Pace:
    """At most `per_minute` requests in any minute; the one too many waits."""

    def __init__(
        self,
        per_minute: int | None,
        wait: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most, self._wait, self._clock = per_minute, wait, clock
        self._times: deque[float] = deque()

    def keep(self) -> None:
        """Return when the next request may go."""
        if self._most is None:
            return
        if len(self._times) >= self._most:
            pause = self._times.popleft() + 60 - self._clock()
            if pause > 0:
                self._wait(pause)
        self._times.append(self._clock())


class Service:
    """One base address; what is asked of it may be asked again without harm."""

    def __init__(
        self,
        name: str,
        url: str,
        *,
        token: str | None = None,
        variable: str = "",
        secret_headers: Mapping[str, str] | None = None,
        per_minute: int | None = None,
        timeout_seconds: float = 60.0,
        attempts: int = 5,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        """`variable` is where the token comes from. Nothing is sent yet. Raises UsageError."""
        secret = token or next(iter((secret_headers or {}).values()), None)
        self._parts = checked_url(url, secret, variable)
        self.name = name
        self.host = self._parts.netloc
        self.url = url.rstrip("/")
        self.wait = wait
        self._token, self._variable = secret, variable
        self._attempts = attempts
        self._backoff = Backoff(0.5, MAX_WAIT_SECONDS)
        self._pace = Pace(per_minute, wait)
        self._client = HttpClient(
            url,
            timeout=(min(CONNECT_SECONDS, timeout_seconds), timeout_seconds),
            token=token,
            headers=secret_headers,
            cookies=True,
            clock=replace(CLOCK, sleep=wait),
        )

    def own(self, location: str) -> str:
        """The path of an address that the service gave. Raises ServiceError for another host's."""
        parts = urlsplit(urljoin(self.url + "/", location))
        if (parts.scheme, parts.netloc) != (self._parts.scheme, self._parts.netloc):
            raise ServiceError(f"{self.name} sends us to another host, {parts.hostname}")
        return parts._replace(scheme="", netloc="").geturl()

    def request(
        self,
        method: str,
        path: str,
        *,
        what: str,
        params: Mapping[str, str] | None = None,
        document: Any = None,
        body: Callable[[], Body] | None = None,
        headers: Mapping[str, str] | None = None,
        expect: str = "",
        allow: Collection[int] = (),
        attempts: int | None = None,
        most_bytes: int = ANSWER_BYTES,
    ) -> Answer:
        """The answer to one request; `body` makes the upload anew for each attempt.

        path: below the base address, or an absolute path from `own`. allow: further statuses that
        are answers. expect: "json" when half a document is a failure. Raises ServiceRefused,
        ServiceTimeout, ServiceError or CredentialError.
        """

        def read(response: Response) -> Answer:
            answer = response.read(most_bytes=most_bytes, seconds=ANSWER_SECONDS)
            if expect == "json":
                parse_json(answer.data)
            return answer

        call = _Call(method, path, what, params, document, body, headers)
        return self._send(call, read, allow=allow, attempts=attempts)

    def stream(self, path: str, *, what: str) -> Iterator[bytes]:
        """The bytes of a file, piece by piece; a failure after the first piece is not mended."""

        def begin(response: Response) -> tuple[Response, bytes, Iterator[bytes]]:
            pieces = response.pieces(seconds=FILE_SECONDS)
            return response, next(pieces, b""), pieces

        response, first, pieces = self._send(_Call("GET", path, what), begin)
        with response:
            if first:
                yield first
            try:
                yield from pieces
            except HttpFault as fault:
                raise self._failure(fault, what, 1)[0] from fault

    # ---- inside

    def _send(
        self,
        call: _Call,
        accept: Callable[[Response], T],
        *,
        allow: Collection[int] = (),
        attempts: int | None = None,
    ) -> T:
        """What `accept` makes of the answer; asked again as long as its failure may pass."""
        path = call.path
        url = urljoin(self.url + "/", path) if path.startswith("/") else f"{self.url}/{path}"
        attempt = 1
        while True:
            self._pace.keep()
            try:
                response = self._client.open(
                    call.method,
                    url,
                    params=call.params,
                    document=call.document,
                    body=call.body() if call.body else None,
                    headers=call.headers,
                )
                if 200 <= response.status < 300 or response.status in allow:
                    return accept(response)
                answer = response.read(most_bytes=ANSWER_BYTES, seconds=ANSWER_SECONDS)
                error, pause = self._refusal(answer, call.what, attempt)
            except (ValueError, HttpFault) as exc:
                error, pause = self._failure(exc, call.what, attempt)
                error.__cause__ = exc
            if pause is None or attempt >= (attempts or self._attempts):
                raise error
            self.wait(pause)
            attempt += 1

    def _failure(
        self, exc: Exception, what: str, attempt: int
    ) -> tuple[ServiceError, float | None]:
        again = self._backoff.pause(attempt)
        half = f"{self.name} answers {what} with half an answer"
        broken = f"{self.name} breaks off during {what}"
        unreachable = f"check the network and the address {self.host}"
        match exc.kind if isinstance(exc, HttpFault) else None:
            case None:  # a document that is none
                return ServiceError(half, hint=AGAIN), again
            case Fault.ADDRESS:
                return ServiceError(f"{self.name} gives an address that is none"), None
            case Fault.LARGE:
                return ServiceRefused(f"{self.name} answers {what} without end"), None
            case Fault.CERTIFICATE:
                text = f"{self.name} shows a certificate that does not hold"
                return ServiceError(text), None
            case Fault.TIMEOUT | Fault.LATE:
                return ServiceTimeout(f"{self.name} does not answer {what}", hint=AGAIN), None
            case Fault.UNREACHABLE:
                return ServiceError(f"{self.name} cannot be reached", hint=unreachable), again
            case _:
                return ServiceError(broken, hint=AGAIN), again

    def _refusal(self, answer: Answer, what: str, attempt: int) -> tuple[NftganError, float | None]:
        status = answer.status
        if status in {401, 403} and self._token:
            return CredentialError(
                f"{self.name} refuses the token (status {status})", hint=f"check {self._variable}"
            ), None
        if 300 <= status < 400:
            return ServiceError(f"{self.name} answers {what} with a redirect; not followed"), None
        message = f"{self.name} answers {what} with status {status}"
        if status not in TRANSIENT:
            text = redacted(_reason(answer.data), self._token)
            refused = ServiceRefused(f"{message}: {text}" if text else message)
            refused.status = status
            return refused, None
        asked = retry_after(answer.headers)
        again = self._backoff.pause(attempt, asked)
        if again is None:
            return ServiceError(message, hint=f"it asks to wait {asked:.0f} s; then {AGAIN}"), None
        return ServiceError(message, hint=AGAIN), again

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()


def _reason(data: bytes) -> str:
    """The sentence in an error document; nothing of a page for people."""
    try:
        document = parse_json(data)
    except ValueError:
        return ""
    words = []
    while isinstance(document, dict):
        words += [
            value
            for key in ("reason", "message", "details", "Message")
            if isinstance(value := document.get(key), str)
        ]
        document = document.get("error")
    if isinstance(document, str):
        words.append(document)
    return ": ".join(words)
