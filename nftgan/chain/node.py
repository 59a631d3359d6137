"""A node over HTTP: questions are asked again through short faults, a transaction is sent once."""

from __future__ import annotations

import re
import time
from typing import Any
from urllib.parse import unquote, urlsplit

import requests
import urllib3
from web3.providers.base import JSONBaseProvider

from nftgan.addresses import is_loopback
from nftgan.chain.errors import NodeUnavailable
from nftgan.errors import ServiceError
from nftgan.files import parse_json
from nftgan.redaction import remember

TIMEOUT_SECONDS = 30
READ_TRIES = 5
BACKOFF_SECONDS = 0.25
MAX_WAIT_SECONDS = 10.0
ANSWER_SECONDS = 60.0
"""For one whole answer, however slowly its bytes come."""
PROMPT_SECONDS = 2.0
PATIENCE_SECONDS = 300.0
"""What answers may take beyond PROMPT_SECONDS each, summed over a connection's life."""
MAX_ANSWER_BYTES = 64 << 20
BUSY_CODES = {-32005, -32029, 429}
"""JSON-RPC errors that say "slower, please" (EIP-1474 and what large services use)."""

_SENDS = {"eth_sendRawTransaction", "eth_sendTransaction"}
_QUANTITIES = {
    "eth_blockNumber",
    "eth_chainId",
    "eth_estimateGas",
    "eth_gasPrice",
    "eth_getBalance",
    "eth_getTransactionCount",
    "eth_maxPriorityFeePerGas",
}


class NodeProvider(JSONBaseProvider):
    """A web3.py provider that shows no part of its address but `where`.

    Raises NodeUnavailable when the node does not answer, ServiceError when it refuses for good.
    """

    global_ccip_read_enabled = False  # no contract may make us fetch addresses of its choosing

    def __init__(self, url: str, where: str, *, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        super().__init__()
        self._url, self.where, self._timeout_seconds = url, where, timeout_seconds
        self._secrets = url_secrets(url)
        remember(*(secret.decode() for secret in self._secrets))
        self._waited_seconds = 0.0
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
                answer = self._on_time(body)
                _check_quantity(str(method), answer)
                return answer
            except _TransientError as fault:
                if not left:
                    raise NodeUnavailable(
                        f"the node at {self.where} does not answer ({fault})",
                        hint="check that it runs, or choose another with --rpc",
                    ) from None
                time.sleep(min(max(wait, fault.wait_seconds), MAX_WAIT_SECONDS))
                wait *= 2
        raise AssertionError("unreachable")

    def _on_time(self, body: bytes) -> dict[str, Any]:
        """`_ask`, unless the node has been slow for PATIENCE_SECONDS altogether.

        A node that drips its answers would else hold a verb for as long as it likes.
        """
        if self._waited_seconds > PATIENCE_SECONDS:
            raise ServiceError(
                f"the node at {self.where} is too slow: it took {PATIENCE_SECONDS:.0f} s too long",
                hint="run the same command again, or choose another node with --rpc",
            )
        began = time.monotonic()
        try:
            return self._ask(body)
        finally:
            self._waited_seconds += max(time.monotonic() - began - PROMPT_SECONDS, 0)

    def _ask(self, body: bytes) -> dict[str, Any]:
        """One answer that is JSON-RPC; _TransientError for what may pass."""
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
                    raise _TransientError(f"HTTP {status}", _retry_after(response))
                data = _bounded(response)
        except (requests.RequestException, urllib3.exceptions.HTTPError) as exc:
            # Foreign messages quote the address, key and all: only the kind is passed on.
            raise _TransientError(type(exc).__name__) from None
        for secret in self._secrets:  # some services quote a wrong key in their refusal
            data = data.replace(secret, b"...")
        try:
            answer = parse_json(data)
        except ValueError:
            answer = None
        if isinstance(answer, dict) and ("result" in answer or isinstance(_error(answer), dict)):
            error = _error(answer)
            if isinstance(error, dict) and error.get("code") in BUSY_CODES:
                raise _TransientError(str(error.get("message", "busy"))[:100])
            return answer
        if status != 200:
            raise ServiceError(
                f"the node at {self.where} refuses (HTTP {status})",
                hint="check the address and its key, or choose another with --rpc",
            )
        raise _TransientError("an answer that is not JSON-RPC")


MIN_SECRET_CHARACTERS = 8


def url_secrets(url: str) -> list[bytes]:
    """The parts of an address that may be keys: user, password, path and query, longest first."""
    parts = urlsplit(url)
    words = [parts.username or "", parts.password or "", *parts.path.split("/")]
    for pair in parts.query.split("&"):
        words += pair.split("=", 1)[-1:]
    words += [unquote(word) for word in words]
    long = {word.encode() for word in words if len(word) >= MIN_SECRET_CHARACTERS}
    return sorted(long, key=len, reverse=True)


def _check_quantity(method: str, answer: dict[str, Any]) -> None:
    """Raises _TransientError when what must be a number of at most 256 bits is not."""
    if method in _QUANTITIES and "result" in answer:
        result = answer["result"]
        if not isinstance(result, str) or not re.fullmatch(r"0x[0-9a-fA-F]{1,64}", result):
            raise _TransientError(f"{method} is no number")


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


class _TransientError(Exception):
    """A failure that may pass, and how long the node asked to wait."""

    def __init__(self, reason: str, wait_seconds: float = 0) -> None:
        super().__init__(reason)
        self.wait_seconds = wait_seconds


def _error(answer: dict[str, Any]) -> Any:
    return answer.get("error")


def _bounded(response: requests.Response) -> bytes:
    data = bytearray()
    until = time.monotonic() + ANSWER_SECONDS
    # read1 gives what is there; iter_content would wait for a full piece of a dripping answer.
    while piece := response.raw.read1(1 << 16, decode_content=True):
        data += piece
        if time.monotonic() > until:
            raise _TransientError(f"no whole answer in {ANSWER_SECONDS:.0f} s")
        if len(data) > MAX_ANSWER_BYTES:
            raise _TransientError("an answer that is too large")
    return bytes(data)


def _retry_after(response: requests.Response) -> float:
    text = response.headers.get("Retry-After", "")
    return float(text) if text.isdigit() else 0.0
