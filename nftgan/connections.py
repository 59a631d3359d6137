"""Connections of the HTTP client: to addresses that were judged, with a deadline for each answer.

A name is resolved once, and the connection goes to what came back. Were it resolved again, whoever
runs its DNS could show a public address to the judge and one of our own network to the connection a
moment later (DNS rebinding). TLS and the Host header keep the name.
"""

from __future__ import annotations

import http.client
import io
import socket
import ssl
import time
from typing import Any

import requests.adapters
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from nftgan.addresses import is_loopback, is_public

HEAD_TIMEOUTS = 2
"""The head of an answer may take so many times as long as its first byte."""


class WrongAddress(OSError):
    """The name leads to where nobody may send us."""


class Resolver:
    """The addresses of the hosts that one client speaks to."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[str, ...]] = {}
        self._public: set[str] = set()

    def inside(self, host: str | None) -> bool:
        """Whether a stranger sends us to this machine or its network by the name of `host`.

        From now on all connections to it go to public addresses, whatever its name says later.
        """
        if not host or is_loopback(host):
            return True
        self._public.add(_name(host))
        try:
            return not all(map(is_public, self._resolved(_name(host))))
        except (OSError, UnicodeError):
            return False  # the connection will say that it does not resolve

    def addresses(self, host: str) -> tuple[str, ...]:
        """Where to connect. Raises WrongAddress, and OSError for a name that does not resolve.

        A name of this machine leads nowhere else, and one that was public never leads inside.
        """
        name = _name(host)
        found = self._resolved(name)
        if is_loopback(name):
            wrong = not all(map(is_loopback, found))
        elif all(map(is_public, found)):
            self._public.add(name)
            wrong = False
        else:
            wrong = name in self._public
        if wrong:
            self.forget(host)
            raise WrongAddress("a name that leads elsewhere than it may")
        return found

    def forget(self, host: str) -> None:
        """Resolve it anew the next time: none of its addresses answers."""
        self._known.pop(_name(host), None)

    def _resolved(self, name: str) -> tuple[str, ...]:
        if name not in self._known:
            found = [str(info[4][0]) for info in socket.getaddrinfo(name, None)]
            self._known[name] = tuple(dict.fromkeys(found))
        return self._known[name]


def _name(host: str) -> str:
    return host.strip("[]").rstrip(".").lower()


class _DueReader(io.RawIOBase):
    """A socket's bytes, for which there may be a deadline; without one each has the timeout."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket) -> None:
        self._raw, self._sock = raw, sock
        self._timeout = sock.gettimeout()
        self._until: float | None = None

    def due(self, seconds: float | None) -> None:
        """All that comes from now on must come within so many seconds; None: no such deadline."""
        self._until = None if seconds is None else time.monotonic() + seconds
        if seconds is None:
            self._sock.settimeout(self._timeout)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self._until is not None:
            left = self._until - time.monotonic()
            if left <= 0:
                raise TimeoutError("the answer is not whole in time")
            self._sock.settimeout(left if self._timeout is None else min(left, self._timeout))
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class DueResponse(http.client.HTTPResponse):
    """An answer that has a deadline: its head here, its body where it is read."""

    def __init__(self, sock: socket.socket, *args: Any, **more: Any) -> None:
        super().__init__(sock, *args, **more)
        self._reader = _DueReader(self.fp.detach(), sock)  # type: ignore[attr-defined]
        self.fp = io.BufferedReader(self._reader)  # type: ignore[assignment]

    def begin(self) -> None:
        timeout = self._reader._timeout
        self.due(None if timeout is None else HEAD_TIMEOUTS * timeout)
        super().begin()  # which may read any number of "100 Continue" and lines
        self.due(None)

    def due(self, seconds: float | None) -> None:
        """The rest must come within so many seconds."""
        if self.fp is not None:
            self._reader.due(seconds)


class _Judged:
    """What both kinds of connections do otherwise than urllib3's."""

    resolver: Resolver
    response_class = DueResponse

    def _new_conn(self: Any) -> socket.socket:
        host, failed = self._dns_host, None
        try:
            addresses = self.resolver.addresses(host)
        except WrongAddress:
            raise
        except OSError as exc:
            raise NewConnectionError(self, "its name does not resolve") from exc
        for address in addresses:
            self._dns_host = address  # TLS looks at `host` later, once the name is back
            try:
                return super()._new_conn()  # type: ignore[misc, no-any-return]
            except (NewConnectionError, ConnectTimeoutError) as exc:
                failed = exc
            finally:
                self._dns_host = host
        self.resolver.forget(host)
        raise failed or NewConnectionError(self, "its name has no address")


class JudgedAdapter(requests.adapters.HTTPAdapter):
    """Of requests: connections by `resolver`, and certificates that `context` trusts."""

    def __init__(self, resolver: Resolver, context: ssl.SSLContext | None = None) -> None:
        self._resolver, self._context = resolver, context
        super().__init__()

    def init_poolmanager(self, *args: Any, **more: Any) -> None:
        super().init_poolmanager(*args, **(self._trust() | more))
        own = {"resolver": self._resolver}
        pools = {}
        for scheme, pool, connection in (
            ("http", HTTPConnectionPool, HTTPConnection),
            ("https", HTTPSConnectionPool, HTTPSConnection),
        ):
            made = type(f"Judged{connection.__name__}", (_Judged, connection), own)
            pools[scheme] = type(f"Judged{pool.__name__}", (pool,), {"ConnectionCls": made})
        self.poolmanager.pool_classes_by_scheme = pools

    def proxy_manager_for(self, *args: Any, **more: Any) -> Any:
        """A proxy resolves by itself: what it may reach is for those who set it up to say."""
        return super().proxy_manager_for(*args, **(self._trust() | more))

    def _trust(self) -> dict[str, Any]:
        return {} if self._context is None else {"ssl_context": self._context}
