"""A node over HTTP: questions are asked again through short faults, a transaction is sent once."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote, urlsplit

from web3.providers.base import JSONBaseProvider

from nftgan.chain.errors import NodeUnavailable
from nftgan.errors import ServiceError
from nftgan.files import parse_json
from nftgan.http import CLOCK, Backoff, HttpClient, HttpFault, retry_after
from nftgan.patience import Patience
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
BRIEF_SECONDS = 4.0
"""For each wait, and for all of them together, where a person waits for something else."""
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

    def __init__(
        self,
        url: str,
        where: str,
        *,
        timeout_seconds: float = TIMEOUT_SECONDS,
        brief: bool = False,
    ) -> None:
        """brief: for what is only nice to know; nothing is asked twice or waited for long."""
        super().__init__()
        if brief:
            timeout_seconds = BRIEF_SECONDS
        self._tries = 1 if brief else READ_TRIES
        self._answer_seconds = BRIEF_SECONDS if brief else ANSWER_SECONDS
        self._url, self.where = url, where
        self._secrets = url_secrets(url)
        remember(*(secret.decode() for secret in self._secrets))
        self._patience = Patience(
            BRIEF_SECONDS if brief else PATIENCE_SECONDS, prompt_seconds=PROMPT_SECONDS
        )
        self._client = HttpClient(
            url,
            timeout=(timeout_seconds, timeout_seconds),
            headers={"Content-Type": "application/json"},
            cookies=True,  # a service of many nodes may keep us at one of them
        )

    def __repr__(self) -> str:
        return f"<NodeProvider {self.where}>"

    __str__ = __repr__

    def make_request(self, method: Any, params: Any) -> Any:
        body = self.encode_rpc_request(method, params)
        tries = 1 if str(method) in _SENDS else self._tries
        backoff = Backoff(BACKOFF_SECONDS, MAX_WAIT_SECONDS)
        for attempt in range(1, tries + 1):
            try:
                answer = self._on_time(body)
                _check_quantity(str(method), answer)
                return answer
            except _TransientError as fault:
                if attempt == tries:
                    raise NodeUnavailable(
                        f"the node at {self.where} does not answer ({fault})",
                        hint="check that it runs, or choose another with --rpc",
                    ) from None
                pause = backoff.pause(attempt, fault.wait_seconds)
                CLOCK.sleep(MAX_WAIT_SECONDS if pause is None else pause)
        raise AssertionError("unreachable")

    def _on_time(self, body: bytes) -> dict[str, Any]:
        """`_ask`, unless the node has been slow for PATIENCE_SECONDS altogether.

        A node that drips its answers would else hold a verb for as long as it likes.
        """
        if self._patience.over:
            raise ServiceError(
                f"the node at {self.where} is too slow: it took {PATIENCE_SECONDS:.0f} s too long",
                hint="run the same command again, or choose another node with --rpc",
            )
        with self._patience.waiting():
            return self._ask(body)

    def _ask(self, body: bytes) -> dict[str, Any]:
        """One answer that is JSON-RPC; _TransientError for what may pass."""
        try:
            with self._client.open("POST", self._url, body=body) as response:
                status = response.status
                if status in {408, 425, 429} or status >= 500:
                    raise _TransientError(f"HTTP {status}", retry_after(response.headers))
                data = response.read(most_bytes=MAX_ANSWER_BYTES, seconds=self._answer_seconds).data
        except HttpFault as fault:
            raise _TransientError(fault.reason) from None
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


class _TransientError(Exception):
    """A failure that may pass, and how long the node asked to wait."""

    def __init__(self, reason: str, wait_seconds: float | None = None) -> None:
        super().__init__(reason)
        self.wait_seconds = wait_seconds


def _error(answer: dict[str, Any]) -> Any:
    return answer.get("error")
