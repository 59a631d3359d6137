"""Requests to a pinning service: bounded, paced, retried, and failing in one sentence."""

from __future__ import annotations

import email.utils
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

from nftgan.addresses import is_loopback
from nftgan.errors import CredentialError, NftganError, ServiceError
from nftgan.files import parse_json
from nftgan.ipfs.backends.access import checked_url, redacted
from nftgan.ipfs.backends.base import ServiceRefused, ServiceTimeout
from nftgan.ipfs.backends.body import Body

TRANSIENT = {408, 425, 429, 500, 502, 503, 504, 520, 522, 524}
MAX_WAIT_SECONDS = 60.0
CONNECT_SECONDS = 30.0
ANSWER_BYTES = 8 << 20
AGAIN = "run the same command again: it goes on where it stopped"


@dataclass(frozen=True)
class Answer:
    """A whole answer; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    data: bytes

    def field(self, *names: str) -> Any:
        """What the JSON document holds at `names`; None when it is not there."""
        value: Any = parse_json(self.data)
        for name in names:
            value = value.get(name) if isinstance(value, dict) else None
        return value


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
        import requests

        self.name = name
        self.host = self._parts.netloc
        self.url = url.rstrip("/")
        self.wait = wait
        self._token, self._variable = secret, variable
        self._timeout = (min(CONNECT_SECONDS, timeout_seconds), timeout_seconds)
        self._attempts = attempts
        self._pace = Pace(per_minute, wait)
        self._errors = requests.exceptions
        self._session = requests.Session()
        self._session.headers.update(secret_headers or {})
        # A proxy from the environment is for other machines.
        self._session.trust_env = not is_loopback(self._parts.hostname)

        def sign(request: Any) -> Any:  # also keeps ~/.netrc out of it
            if token:
                request.headers["Authorization"] = f"Bearer {token}"
            return request

        self._session.auth = sign

    def own(self, location: str) -> str:
        """The path of an address that the service gave. Raises ServiceError for another host's."""
        parts = urlsplit(urljoin(self.url + "/", location))
        if (parts.scheme, parts.netloc) != (self._parts.scheme, self._parts.netloc):
            raise ServiceError(f"{self.name} sends us to another host, {parts.hostname}")
        return parts._replace(scheme="", netloc="").geturl()

    def ask(
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
        answers = self._pieces(
            method,
            path,
            what=what,
            params=params,
            document=document,
            body=body,
            headers=headers,
            expect=expect,
            allow=allow,
            attempts=attempts,
            most_bytes=most_bytes,
        )
        return next(answer for _, answer in answers if answer is not None)

    def stream(self, path: str, *, what: str) -> Iterator[bytes]:
        """The bytes of a file, piece by piece; a failure after the first piece is not mended."""
        for piece, _ in self._pieces("GET", path, what=what, most_bytes=None):
            if piece is not None:
                yield piece

    # ---- inside

    def _pieces(
        self,
        method: str,
        path: str,
        *,
        what: str,
        most_bytes: int | None,
        params: Mapping[str, str] | None = None,
        document: Any = None,
        body: Callable[[], Body] | None = None,
        headers: Mapping[str, str] | None = None,
        expect: str = "",
        allow: Collection[int] = (),
        attempts: int | None = None,
    ) -> Iterator[tuple[bytes | None, Answer | None]]:
        url = urljoin(self.url + "/", path) if path.startswith("/") else f"{self.url}/{path}"
        attempt, begun = 1, False
        while True:
            self._pace.keep()
            try:
                with self._session.request(
                    method,
                    url,
                    params=params,
                    json=document,
                    data=body() if body else None,
                    headers=headers,
                    timeout=self._timeout,
                    allow_redirects=False,
                    stream=True,
                ) as response:
                    failed = not (response.ok and response.status_code < 300)
                    wanted = not failed or response.status_code in allow
                    if most_bytes is None and wanted:
                        for piece in response.iter_content(1 << 16):
                            begun = True
                            yield piece, None
                        return
                    data = self._read(response, most_bytes or ANSWER_BYTES, what)
                    fields = {key.lower(): value for key, value in response.headers.items()}
                    answer = Answer(response.status_code, fields, data)
                if not wanted:
                    error, pause = self._refusal(answer, what, attempt)
                else:
                    if expect == "json":
                        parse_json(data)
                    yield None, answer
                    return
            except (ValueError, self._errors.RequestException) as exc:
                if isinstance(exc, self._errors.InvalidURL):
                    raise ServiceError(f"{self.name} gives an address that is none") from None
                error, pause = self._failure(exc, what, attempt)
                error.__cause__ = exc
            if pause is None or begun or attempt >= (attempts or self._attempts):
                raise error
            self.wait(pause)
            attempt += 1

    def _read(self, response: Any, most_bytes: int, what: str) -> bytes:
        data = bytearray()
        for piece in response.iter_content(1 << 16):
            data += piece
            if len(data) > most_bytes:
                raise ServiceRefused(f"{self.name} answers {what} without end")
        return bytes(data)

    def _failure(
        self, exc: Exception, what: str, attempt: int
    ) -> tuple[ServiceError, float | None]:
        again = 0.5 * 2 ** (attempt - 1)
        if isinstance(exc, self._errors.SSLError):
            return ServiceError(f"{self.name} shows a certificate that does not hold"), None
        if isinstance(exc, self._errors.Timeout) or "timed out" in str(exc):
            return ServiceTimeout(f"{self.name} does not answer {what}", hint=AGAIN), None
        if isinstance(exc, self._errors.ConnectionError) and "establish" in str(exc):
            hint = f"check the network and the address {self.host}"
            return ServiceError(f"{self.name} cannot be reached", hint=hint), again
        if isinstance(exc, ValueError) and not isinstance(exc, self._errors.RequestException):
            return ServiceError(
                f"{self.name} answers {what} with half an answer", hint=AGAIN
            ), again
        return ServiceError(f"{self.name} breaks off during {what}", hint=AGAIN), again

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
        asked = _seconds(answer.headers.get("retry-after", ""))
        if asked is not None and asked > MAX_WAIT_SECONDS:
            return ServiceError(message, hint=f"it asks to wait {asked:.0f} s; then {AGAIN}"), None
        again = min(0.5 * 2 ** (attempt - 1), MAX_WAIT_SECONDS)
        return ServiceError(message, hint=AGAIN), again if asked is None else asked

    def close(self) -> None:
        """Let go of the connections."""
        self._session.close()


def _seconds(text: str) -> float | None:
    """Retry-After, which is a number of seconds or a date."""
    if text.isdecimal():
        return float(text)
    try:
        when = email.utils.parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    return max(when.timestamp() - time.time(), 0.0)


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
