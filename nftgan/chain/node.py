"""A node over HTTP: questions are asked again through short faults, a transaction is sent once."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import unquote, urlsplit

import requests
from web3.providers.base import JSONBaseProvider

from nftgan.addresses import is_loopback
from nftgan.chain.rpc import NodeUnavailable
from nftgan.errors import ServiceError
from nftgan.files import parse_json
from nftgan.redaction import remember

TIMEOUT_SECONDS = 30
READ_TRIES = 5
BACKOFF_SECONDS = 0.25
MAX_WAIT_SECONDS = 10.0
MAX_ANSWER_BYTES = 64 << 20
BUSY_CODES = {-32005, -32029, 429}
"""JSON-RPC errors that say "slower, please" (EIP-1474 and what large services use)."""

_SENDS = {"eth_sendRawTransaction", "eth_sendTransaction"}


class NodeProvider(JSONBaseProvider):
    """A web3.py provider that shows no part of its address but `where`.

    Raises NodeUnavailable when the node does not answer, ServiceError when it refuses for good.
    """

    global_ccip_read_enabled = False  # no contract may make us fetch addresses of its choosing

    def __init__(self, url: str, where: str, *, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        super().__init__()
        self._url, self.where, self._timeout_seconds = url, where, timeout_seconds
        self._secrets = secrets_of(url)
        remember(*(secret.decode() for secret in self._secrets))
        self._session = requests.Session()
        # No proxy may answer for a node of this machine, and no entry of ~/.netrc goes to any.
        self._session.trust_env = not is_loopback(urlsplit(url).hostname)
        self._session.auth = _as_it_is
        self._session.headers["Content-Type"] = "application/json"

    def __repr__(self) -> str:
        return f"<NodeProvider {self.where}>"

    __str__ = __repr__

    def make_request(self, method: Any, params: Any) -> Any:
        body = self.encode_rpc_request(method, params)
        tries = 1 if str(method) in _SENDS else READ_TRIES
        wait = BACKOFF_SECONDS
        for left in reversed(range(tries)):
            try:
                return self._ask(body)
            except _Fault as fault:
                if not left:
                    raise NodeUnavailable(
                        f"the node at {self.where} does not answer ({fault})",
                        hint="check that it runs, or choose another with --rpc",
                    ) from None
                time.sleep(min(max(wait, fault.wait_seconds), MAX_WAIT_SECONDS))
                wait *= 2
        raise AssertionError("unreachable")

    def _ask(self, body: bytes) -> dict[str, Any]:
        """One answer that is JSON-RPC; _Fault for what may pass."""
        try:
            with self._session.post(
                self._url,
                data=body,
                timeout=self._timeout_seconds,
                allow_redirects=False,
                stream=True,
            ) as response:
                status = response.status_code
                if status in {408, 425, 429} or status >= 500:
                    raise _Fault(f"HTTP {status}", _retry_after(response))
                data = _bounded(response)
        except requests.RequestException as exc:
            # Foreign messages quote the address, key and all: only the kind is passed on.
            raise _Fault(type(exc).__name__) from None
        for secret in self._secrets:  # some services quote a wrong key in their refusal
            data = data.replace(secret, b"...")
        try:
            answer = parse_json(data)
        except ValueError:
            answer = None
        if isinstance(answer, dict) and ("result" in answer or isinstance(_error(answer), dict)):
            error = _error(answer)
            if isinstance(error, dict) and error.get("code") in BUSY_CODES:
                raise _Fault(str(error.get("message", "busy"))[:100])
            return answer
        if status != 200:
            raise ServiceError(
                f"the node at {self.where} refuses (HTTP {status})",
                hint="check the address and its key, or choose another with --rpc",
            )
        raise _Fault("an answer that is not JSON-RPC")


MIN_SECRET_CHARACTERS = 8


def secrets_of(url: str) -> list[bytes]:
    """The parts of an address that may be keys: user, password, path and query, longest first."""
    parts = urlsplit(url)
    words = [parts.username or "", parts.password or "", *parts.path.split("/")]
    for pair in parts.query.split("&"):
        words += pair.split("=", 1)[-1:]
    words += [unquote(word) for word in words]
    long = {word.encode() for word in words if len(word) >= MIN_SECRET_CHARACTERS}
    return sorted(long, key=len, reverse=True)


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


class _Fault(Exception):
    """A failure that may pass, and how long the node asked to wait."""

    def __init__(self, reason: str, wait_seconds: float = 0) -> None:
        super().__init__(reason)
        self.wait_seconds = wait_seconds


def _error(answer: dict[str, Any]) -> Any:
    return answer.get("error")


def _bounded(response: requests.Response) -> bytes:
    data = bytearray()
    for piece in response.iter_content(1 << 16):
        data += piece
        if len(data) > MAX_ANSWER_BYTES:
            raise _Fault("an answer that is too large")
    return bytes(data)


def _retry_after(response: requests.Response) -> float:
    text = response.headers.get("Retry-After", "")
    return float(text) if text.isdigit() else 0.0
