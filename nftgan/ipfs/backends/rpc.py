"""Calls of the Kubo RPC over ipfshttpclient: bounded, retried, and failing in one sentence.

`Client` is used and `connect()` is not: the latter refuses every daemon since 2021. Directory
`add` is not used either: it can deadlock on many files and lets the server choose the CID.
"""

from __future__ import annotations

import ipaddress
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import SplitResult

from nftgan.addresses import is_loopback
from nftgan.errors import CredentialError, ServiceError
from nftgan.http import TRANSIENT
from nftgan.ipfs.backends.access import NODE_TOKEN, authorization, checked_url, redacted
from nftgan.ipfs.backends.base import ServiceRefused, ServiceTimeout
from nftgan.ipfs.backends.http import (
    AGAIN,
    ANSWER_BYTES,
    CONNECT_SECONDS,
    MAX_WAIT_SECONDS,
)


def _multiaddr(parts: SplitResult) -> str:
    host = parts.hostname or ""
    try:
        kind = f"ip{ipaddress.ip_address(host).version}"
    except ValueError:
        kind = "dns"
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return f"/{kind}/{host}/tcp/{port}/{parts.scheme}"


class Rpc:
    """One node. Every call here may be repeated without harm, so failures are retried."""

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        name: str | None = None,
        variable: str = NODE_TOKEN,
        timeout_seconds: float = 300.0,
        attempts: int = 5,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        """`name` is for messages, else its address; `variable` is where the token comes from."""
        parts = checked_url(url, token, variable)
        # Its patched requests warn under urllib3 2 and serve only unix sockets.
        os.environ.setdefault("PY_IPFS_HTTP_CLIENT_PATCH_REQUESTS", "no")
        import ipfshttpclient
        import requests

        self._errors = ipfshttpclient.exceptions
        self._transport_error = requests.exceptions.RequestException
        self.name = name or f"{parts.scheme}://{parts.netloc}"
        self.loopback = is_loopback(parts.hostname)
        self._token, self._variable = token, variable
        self._attempts = attempts
        self._wait = wait
        self._timeout = (min(CONNECT_SECONDS, timeout_seconds), timeout_seconds)
        self._client = ipfshttpclient.Client(
            _multiaddr(parts),
            base=parts.path.rstrip("/").removesuffix("/api/v0") + "/api/v0",
            session=True,
            timeout=self._timeout,
            headers={"Authorization": authorization(token)} if token else {},
        )
        self._http = self._client._client
        if self.loopback:
            # A proxy from the environment is for other machines.
            self._http._request_proxies = {"no_proxy": parts.hostname}

    def call(
        self,
        command: str,
        *arguments: str,
        options: Mapping[str, str] | None = None,
        body: Callable[[], Iterator[bytes]] | None = None,
        what: str | None = None,
        patient: bool = True,
    ) -> list[dict[str, Any]]:
        """The JSON objects that the node answers; `body` makes the upload anew for each attempt.

        Unless `patient`, a node that is not there is reported at once. Raises ServiceRefused,
        ServiceTimeout, ServiceError or CredentialError.
        """

        def once() -> list[dict[str, Any]]:
            from ipfshttpclient import multipart

            extra: dict[str, Any] = {}
            if body is not None:
                data, headers = multipart.stream_bytes(body(), chunk_size=1 << 20)
                extra = {"data": data, "headers": headers}
            with self._http.request(
                "/" + command, arguments, opts=dict(options or {}), stream=True, **extra
            ) as pieces:
                return self._documents(self._bounded(pieces, ANSWER_BYTES, command))

        result: list[dict[str, Any]] = self._try(once, what or command, patient)
        return result

    def read(self, command: str, argument: str, *, most_bytes: int, seconds: float) -> bytes:
        """The bytes that the node answers from what it has itself, at most `most_bytes`.

        Raises ServiceRefused, ServiceTimeout, ServiceError or CredentialError.
        """

        def once() -> bytes:
            with self._http.request(
                "/" + command,
                (argument,),
                opts={"offline": "true"},
                stream=True,
                timeout=(CONNECT_SECONDS, seconds),
            ) as pieces:
                return self._bounded(pieces, most_bytes, command)

        result: bytes = self._try(once, command)
        return result

    def close(self) -> None:
        """Let go of the connection."""
        self._client.close()

    def _bounded(self, pieces: Iterable[bytes], most_bytes: int, command: str) -> bytes:
        data = bytearray()
        for piece in pieces:
            data += piece
            if len(data) > most_bytes:
                raise ServiceRefused(f"{self.name} answers {command} without end")
        return bytes(data)

    def _documents(self, data: bytes) -> list[dict[str, Any]]:
        """The JSON objects that stand one after another in `data`."""
        found = []
        try:
            text = data.decode()
            while text := text.lstrip():
                document, end = json.JSONDecoder().raw_decode(text)
                found.append(document)
                text = text[end:]
        except (ValueError, RecursionError) as exc:
            raise self._errors.DecodingError("json", exc) from exc
        return [document for document in found if isinstance(document, dict)]

    # ---- failures

    def _try(self, once: Callable[[], Any], what: str, patient: bool = True) -> Any:
        attempt = 1
        while True:
            try:
                return once()
            except (self._errors.Error, self._transport_error) as exc:
                error, pause = self._translate(exc, what, attempt)
                hopeless = isinstance(exc, self._errors.ConnectionError) and not patient
                if pause is None or hopeless or attempt == self._attempts:
                    raise error from exc
                self._wait(min(pause, MAX_WAIT_SECONDS))
                attempt += 1

    def _translate(
        self, exc: Exception, what: str, attempt: int
    ) -> tuple[ServiceError | CredentialError, float | None]:
        """The error for a person, and the seconds to wait before another try is worth it."""
        errors, again = self._errors, 0.5 * 2 ** (attempt - 1)
        if isinstance(exc, errors.StatusError):
            response = getattr(exc.original, "response", None)
            status = getattr(response, "status_code", 0)
            if status in {401, 403}:
                return CredentialError(
                    f"{self.name} refuses the token (status {status})",
                    hint=f"check {self._variable}",
                ), None
            if isinstance(exc, errors.ErrorResponse) and status not in TRANSIENT - {500}:
                text = redacted(str(exc), self._token)
                return ServiceRefused(f"{self.name} refuses {what}: {text}"), None
            message = f"{self.name} answers {what} with status {status}"
            if status not in TRANSIENT:
                return ServiceError(message), None
            asked = getattr(response, "headers", {}).get("Retry-After", "")
            return ServiceError(message, hint=AGAIN), float(asked) if asked.isdecimal() else again
        if isinstance(exc, errors.TimeoutError) or "timed out" in str(exc):
            return ServiceTimeout(f"{self.name} does not answer {what}", hint=AGAIN), None
        if isinstance(exc, errors.ConnectionError):
            start = "start the node (ipfs daemon) or check its address"
            return ServiceError(f"{self.name} cannot be reached", hint=start), again
        if isinstance(exc, errors.DecodingError):
            return ServiceError(
                f"{self.name} answers {what} with half an answer", hint=AGAIN
            ), again
        return ServiceError(f"{self.name} breaks off during {what}", hint=AGAIN), again
