"""The one HTTP client: bounded, on time, redirects by rule, nothing between us and this machine.

Its faults name a kind and a class, never an address, which may hold a key: callers say the rest in
their own sentences.
"""

from __future__ import annotations

import email.utils
import os
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from functools import cache
from http.cookiejar import DefaultCookiePolicy
from types import TracebackType
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
import urllib3

from nftgan.addresses import is_loopback, redirect_refusal
from nftgan.connections import DueResponse, JudgedAdapter, Resolver, WrongAddress
from nftgan.files import parse_json
from nftgan.redaction import remember

PIECE_BYTES = 1 << 16
REDIRECTS = frozenset({301, 302, 303, 307, 308})
TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504, 520, 522, 524})
"""Statuses that may pass: the same request may be answered a moment later."""

_BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


@dataclass(frozen=True)
class Clock:
    """All that is known of time, to be faked in one place; seconds."""

    now: Callable[[], float] = time.monotonic
    date: Callable[[], float] = time.time  # since 1970
    sleep: Callable[[float], None] = time.sleep


CLOCK = Clock()


class Fault(Enum):
    """Why there is no whole answer."""

    ADDRESS = "address"  # not one that can be asked
    CERTIFICATE = "certificate"
    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"  # nothing came for too long
    LATE = "late"  # something came all the time, but not the whole
    LARGE = "large"
    BROKEN = "broken"  # the connection ended in the middle
    REDIRECT = "redirect"  # to where we do not go
    LOOP = "loop"  # of redirects


class HttpFault(Exception):
    """No whole answer; `reason` is the name of a class or a few words without any address."""

    def __init__(self, kind: Fault, reason: str) -> None:
        super().__init__(reason)
        self.kind, self.reason = kind, reason


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


@dataclass(frozen=True)
class Backoff:
    """How long to wait before the same question is asked again: twice as long each time."""

    first_seconds: float
    most_seconds: float

    def pause(self, attempt: int, asked: float | None = None) -> float | None:
        """Seconds after the attempt of this number, from 1; `asked` is the server's own wish.

        None when it asks for more than `most_seconds`.
        """
        if asked is not None:
            return asked if asked <= self.most_seconds else None
        return min(self.first_seconds * 2.0 ** (attempt - 1), self.most_seconds)


def retry_after(headers: Mapping[str, str], clock: Clock = CLOCK) -> float | None:
    """Seconds that a server asks to wait (RFC 9110, section 10.2.3); None when it asks nothing."""
    text = headers.get("retry-after", "")
    if text.isascii() and text.isdecimal():
        return float(text)
    try:
        when = email.utils.parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    return max(when.timestamp() - clock.date(), 0.0)


class Response:
    """An answer whose head has come; its body is read in pieces, once."""

    def __init__(self, response: requests.Response, clock: Clock) -> None:
        self._response, self._clock = response, clock
        self.status = response.status_code
        self.headers = {name.lower(): value for name, value in response.headers.items()}

    def pieces(
        self,
        *,
        most_bytes: int | None = None,
        seconds: float | None = None,
        piece_bytes: int = PIECE_BYTES,
        decode: bool = True,
    ) -> Iterator[bytes]:
        """The body as it comes. Raises HttpFault; LARGE above `most_bytes`, LATE after `seconds`.

        decode: undo a Content-Encoding; the bound is on what comes out.
        """
        until = None if seconds is None else self._clock.now() + seconds
        self._due(seconds)
        size = 0
        try:
            # read1 gives what is there; iter_content would wait for a full piece of a dripping one.
            while piece := self._read(piece_bytes, decode):
                size += len(piece)
                if until is not None and self._clock.now() > until:
                    raise HttpFault(Fault.LATE, f"no whole answer in {seconds:.0f} s")
                if most_bytes is not None and size > most_bytes:
                    raise HttpFault(Fault.LARGE, "an answer that is too large")
                yield piece
        except HttpFault as fault:
            self.close()
            late = until is not None and self._clock.now() > until
            if late and fault.kind is Fault.TIMEOUT:
                raise HttpFault(Fault.LATE, f"no whole answer in {seconds:.0f} s") from None
            raise

    def _due(self, seconds: float | None) -> None:
        """The sizes between pieces, which nobody counts, have the deadline too."""
        head = getattr(self._response.raw, "_original_response", None)
        if isinstance(head, DueResponse):
            head.due(seconds)

    def _read(self, most_bytes: int, decode: bool) -> bytes:
        with _faults():
            return bytes(self._response.raw.read1(most_bytes, decode_content=decode))

    def read(self, *, most_bytes: int, seconds: float | None = None) -> Answer:
        """The whole answer; closes. Raises HttpFault as `pieces`."""
        with self:
            data = b"".join(self.pieces(most_bytes=most_bytes, seconds=seconds))
        return Answer(self.status, self.headers, data)

    def close(self) -> None:
        """Let go of the connection."""
        self._response.close()

    def __enter__(self) -> Response:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class HttpClient:
    """Connections to one origin, and to where it may redirect."""

    def __init__(
        self,
        url: str,
        *,
        timeout: tuple[float, float],
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
        cookies: bool = False,
        clock: Clock = CLOCK,
    ) -> None:
        """Nothing is sent yet. Raises ValueError for a URL that cannot be read.

        timeout: seconds to connect, and between two pieces of an answer. token: sent as a bearer
        token, and never shown again. cookies: whether those of the origin are sent back.
        """
        self._host = urlsplit(url).hostname
        self._timeout, self._clock = timeout, clock
        self._secret = bool(token)
        self._session = _Session()
        self._session.headers.update(headers or {})
        if not cookies:
            self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        # A proxy of the environment is for other machines.
        self._session.trust_env = not is_loopback(self._host)
        self._resolver = Resolver()
        bundle = next((path for name in _BUNDLES if (path := os.environ.get(name))), None)
        if bundle:
            self._session.verify = bundle
        # Else certificates that the system (or SSL_CERT_FILE) trusts hold.
        context = None if bundle else _system_context()
        self._session.mount("https://", JudgedAdapter(self._resolver, context))
        self._session.mount("http://", JudgedAdapter(self._resolver))
        if token:
            remember(token)

        def sign(request: requests.PreparedRequest) -> requests.PreparedRequest:
            if token:  # without one too this keeps ~/.netrc out of it
                request.headers["Authorization"] = f"Bearer {token}"
            return request

        self._session.auth = sign

    def open(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        document: Any = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        redirects: int = 0,
    ) -> Response:
        """The answer to one request, whatever its status; close it. Raises HttpFault.

        document: sent as JSON; body: bytes, or what can be read. redirects: how many are followed,
        each only where `nftgan.addresses.redirect_refusal` has nothing against it; 0: none, the
        redirect is the answer. A token goes along nowhere.
        """
        if redirects and self._secret:
            raise AssertionError("a client with a token follows no redirect")
        for left in reversed(range(redirects + 1)):
            with _faults():
                response = self._session.request(
                    method,
                    url,
                    params=params,
                    json=document,
                    data=body,
                    headers=headers,
                    timeout=self._timeout,
                    allow_redirects=False,
                    stream=True,
                )
            target = response.headers.get("Location")
            if not redirects or response.status_code not in REDIRECTS or not target:
                return Response(response, self._clock)
            response.close()
            if not left:
                break
            url, params = self._next(url, target), None
        raise HttpFault(Fault.LOOP, f"redirects more than {redirects} times")

    def _next(self, url: str, target: str) -> str:
        try:
            there = urljoin(url, target)
            refusal = redirect_refusal(self._host, urlsplit(there), self._resolver.inside)
        except ValueError:
            raise HttpFault(Fault.REDIRECT, "redirects to nowhere") from None
        if refusal:
            raise HttpFault(Fault.REDIRECT, f"redirects {refusal}")
        return there

    def close(self) -> None:
        """Let go of the connections."""
        self._session.close()


class _Session(requests.Session):
    """Without redirects of its own: told to follow none, it still reads the whole body of one."""

    def get_redirect_target(self, resp: requests.Response) -> None:
        return None


@cache
def _system_context() -> ssl.SSLContext:
    return ssl.create_default_context()


@contextmanager
def _faults() -> Iterator[None]:
    """Inside, whatever requests, urllib3 and the system raise leaves as HttpFault.

    Their messages quote the address, key and all: only the kind and a class are passed on.
    """
    try:
        yield
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as exc:
        chain = _chain(exc)
        if isinstance(chain[-1], WrongAddress):
            raise HttpFault(Fault.REDIRECT, "leads elsewhere than it may") from None
        raise HttpFault(_kind(chain), type(chain[-1]).__name__) from None
    except ValueError as exc:  # urllib3 of some hosts, such as labels longer than 63
        raise HttpFault(Fault.ADDRESS, type(exc).__name__) from None


def _chain(exc: BaseException) -> list[BaseException]:
    """The exception and what it wraps, the cause last."""
    chain = [exc]
    while True:
        inner = getattr(chain[-1], "reason", None)
        if not isinstance(inner, BaseException):
            inner = next((one for one in chain[-1].args if isinstance(one, BaseException)), None)
        if inner is None or inner in chain:
            return chain
        chain.append(inner)


def _kind(chain: list[BaseException]) -> Fault:
    def any_of(*classes: type[BaseException]) -> bool:
        return any(isinstance(one, classes) for one in chain)

    wrong = requests.exceptions
    malformed = wrong.InvalidURL, wrong.InvalidSchema, wrong.MissingSchema, wrong.InvalidHeader
    if any_of(*malformed, urllib3.exceptions.LocationValueError):
        return Fault.ADDRESS
    if any_of(wrong.SSLError, urllib3.exceptions.SSLError, ssl.SSLCertVerificationError):
        return Fault.CERTIFICATE
    if any_of(urllib3.exceptions.NewConnectionError):
        return Fault.UNREACHABLE
    if any_of(wrong.Timeout, urllib3.exceptions.TimeoutError, TimeoutError):
        return Fault.TIMEOUT
    return Fault.BROKEN
