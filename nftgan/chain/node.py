"""Nodes over HTTP, asked in order: through short faults, at the pace they allow, sent to once."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

from web3.providers.base import JSONBaseProvider

from nftgan.chain.errors import NodeUnavailable, OtherChain
from nftgan.chain.refusals import is_busy
from nftgan.errors import ServiceError
from nftgan.files import parse_json
from nftgan.http import CLOCK, Backoff, HttpClient, HttpFault, retry_after
from nftgan.patience import Patience
from nftgan.redaction import remember

TIMEOUT_SECONDS = 30
READ_TRIES = 5
BACKOFF_SECONDS = 0.25
MAX_WAIT_SECONDS = 10.0
BUSY_FACTOR = 4
"""The first pause after "slow down", in BACKOFF_SECONDS; each further one is twice as long."""
BUSY_TRIES = 4
"""How often more than READ_TRIES a busy node is asked: three minutes, when it says no time."""
MAX_BUSY_SECONDS = 60.0
"""The longest pause that a node may ask for: at more it counts as gone."""
COUNTDOWN_SECONDS = 10.0
"""A pause is said when it begins, and again each time so much of it has passed."""
SAID_SECONDS = 3.0
"""Shorter pauses are not worth a word."""
ANSWER_SECONDS = 60.0
"""For one whole answer, however slowly its bytes come."""
PROMPT_SECONDS = 2.0
PATIENCE_SECONDS = 300.0
"""What answers may take beyond PROMPT_SECONDS each, summed over a connection's life."""
BRIEF_SECONDS = 4.0
"""For each wait, and for all of them together, where a person waits for something else."""
MAX_ANSWER_BYTES = 64 << 20
LOG_TRIES = 2
"""Of a log query that the node does not answer or is too busy for: then it is made narrower."""

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


class Endpoint:
    """One node's address, asked once at a time; `where` is what may be shown of it."""

    def __init__(self, url: str, where: str, *, timeout_seconds: float, brief: bool) -> None:
        self._answer_seconds = BRIEF_SECONDS if brief else ANSWER_SECONDS
        self._url, self.where = url, where
        self._secrets = url_secrets(url)
        remember(*(secret.decode() for secret in self._secrets))
        self._patience = Patience(
            BRIEF_SECONDS if brief else PATIENCE_SECONDS, prompt_seconds=PROMPT_SECONDS
        )
        self.not_before = 0.0  # on the clock: it asked not to be asked earlier
        self.trusted = False  # of the right chain, as far as it was asked
        self._client = HttpClient(
            url,
            timeout=(timeout_seconds, timeout_seconds),
            headers={"Content-Type": "application/json"},
            cookies=True,  # a service of many nodes may keep us at one of them
        )

    def ask(self, method: str, body: bytes) -> dict[str, Any]:
        """One answer. Raises _TransientError for what may pass, ServiceError for what will not.

        A node that drips its answers would else hold a verb for as long as it likes.
        """
        if self._patience.over:
            raise ServiceError(
                f"the node at {self.where} is too slow: it took {PATIENCE_SECONDS:.0f} s too long",
                hint="run the same command again, or choose another node with --rpc",
            )
        with self._patience.waiting():
            answer = self._ask(body)
        _check_quantity(method, answer)
        return answer

    def _ask(self, body: bytes) -> dict[str, Any]:
        """One answer that is JSON-RPC; _TransientError for what may pass."""
        try:
            with self._client.open("POST", self._url, body=body) as response:
                status, asked = response.status, retry_after(response.headers)
                if status in {408, 425, 429} or status >= 500:
                    slower = status == 429 or (status == 503 and asked is not None)
                    raise _TransientError(f"HTTP {status}", asked, busy=slower)
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
            if isinstance(error, dict) and is_busy(error):
                raise _TransientError(
                    str(error.get("message", "busy"))[:100], asked, busy=True, answer=answer
                )
            return answer
        if status != 200:
            raise ServiceError(
                f"the node at {self.where} refuses (HTTP {status})",
                hint="check the address and its key, or choose another with --rpc",
            )
        raise _TransientError("an answer that is not JSON-RPC")


class NodeProvider(JSONBaseProvider):
    """A web3.py provider over nodes in order; it shows no part of an address but `where`.

    The first node is asked until it fails; then the next one that is of the same chain, and so
    round again. Raises NodeUnavailable when none answers, ServiceError when one refuses for good.
    """

    global_ccip_read_enabled = False  # no contract may make us fetch addresses of its choosing

    def __init__(
        self,
        urls: Sequence[tuple[str, str]],
        *,
        chain_id: int | None = None,
        say: Callable[[str], None] = lambda message: None,
        timeout_seconds: float = TIMEOUT_SECONDS,
        brief: bool = False,
    ) -> None:
        """urls: (address, what may be shown of it) in order. chain_id: what each must be of; needed
        for more than one. say: told of every longer pause, and of every change of the node. brief:
        for what is only nice to know; nothing is asked twice or waited for long.
        """
        super().__init__()
        self._brief = brief
        if brief:
            timeout_seconds = BRIEF_SECONDS
        self.nodes = [
            Endpoint(url, where, timeout_seconds=timeout_seconds, brief=brief)
            for url, where in urls
        ]
        self._chain_id, self._say = chain_id, say
        self._at = 0
        self._genesis: Any = None

    @property
    def where(self) -> str:
        """What may be shown of the node that is asked now."""
        return self.nodes[self._at].where

    def __repr__(self) -> str:
        return f"<NodeProvider {self.where}>"

    __str__ = __repr__

    def make_request(self, method: Any, params: Any) -> Any:
        name = str(method)
        body = self.encode_rpc_request(method, params)
        if len(self.nodes) == 1:
            return self._patiently(self.nodes[0], name, body)
        return self._in_order(name, body)

    # ---- several nodes

    def _in_order(self, method: str, body: bytes) -> dict[str, Any]:
        """The answer of the first node, from the one that answered last, that gives one.

        A transaction goes to one of them only: whoever sends looks what became of it first.
        """
        failed: ServiceError | None = None
        rounds = 1 if method in _SENDS else 2
        for turn in range(rounds * len(self.nodes)):
            node = self.nodes[self._at]
            last_round = turn >= (rounds - 1) * len(self.nodes)
            try:
                if not node.trusted:
                    self._check(node)
                return self._patiently(node, method, body, brief=not last_round)
            except ServiceError as exc:
                failed = exc
                self._at = (self._at + 1) % len(self.nodes)
                if method in _SENDS and node.trusted:
                    break
                self._say(f"{exc.message}; asking {self.where} instead")
        raise NodeUnavailable(
            f"none of {len(self.nodes)} nodes answers; the last one: {failed.message}"
            if failed
            else "no node answers",
            hint="check that they run, or choose others with --rpc",
        )

    def _check(self, node: Endpoint) -> None:
        """Raises ServiceError when the node does not answer, OtherChain when it is of another one.

        Two chains may share an id: their first blocks differ.
        """
        asked = self._patiently(node, "eth_chainId", self._body("eth_chainId", []), brief=True)
        found = int(asked["result"], 16) if "result" in asked else None
        if found != self._chain_id:
            raise OtherChain(node.where, found)
        first = self._body("eth_getBlockByNumber", ["0x0", False])
        block = self._patiently(node, "eth_getBlockByNumber", first, brief=True).get("result")
        genesis = block.get("hash") if isinstance(block, dict) else None
        if genesis is not None:
            if self._genesis not in (None, genesis):
                raise OtherChain(node.where, found, "its first block is another one")
            self._genesis = genesis
        node.trusted = True

    def singly(self) -> list[NodeProvider]:
        """A provider of each node alone, where there are several: for what they must agree on."""
        found = []
        for node in self.nodes if len(self.nodes) > 1 else ():
            # Made anew: a copy would keep web3.py's way to the provider that it was copied from.
            one = NodeProvider([], chain_id=self._chain_id, say=self._say, brief=self._brief)
            one.nodes = [node]
            found.append(one)
        return found

    def chain_ids(self) -> list[tuple[str, int]]:
        """(where, chain id) of each of several nodes that answers; one alone is not asked here."""
        found = []
        for node in self.nodes if len(self.nodes) > 1 else ():
            try:
                asked = self._body("eth_chainId", [])
                answer = self._patiently(node, "eth_chainId", asked, brief=True)
            except ServiceError:
                continue
            if "result" in answer:
                found.append((node.where, int(answer["result"], 16)))
        return found

    def _body(self, method: str, params: list[Any]) -> bytes:
        return self.encode_rpc_request(method, params)  # type: ignore[arg-type]

    # ---- one node

    def _patiently(
        self, node: Endpoint, method: str, body: bytes, *, brief: bool = False
    ) -> dict[str, Any]:
        """One node's answer, asked again through what may pass.

        brief: another node can be asked instead, so nobody waits long for this one.
        """
        sends, logs = method in _SENDS, method == "eth_getLogs"
        tries = 1 if sends or self._brief else 2 if brief or logs else READ_TRIES
        short = Backoff(BACKOFF_SECONDS, MAX_WAIT_SECONDS)
        long = Backoff(BUSY_FACTOR * BACKOFF_SECONDS, MAX_BUSY_SECONDS)
        faults = slowed = 0
        while True:
            self._wait_for(node)
            try:
                return node.ask(method, body)
            except _TransientError as fault:
                if not fault.busy:
                    faults += 1
                    if faults >= tries:
                        raise NodeUnavailable(
                            f"the node at {node.where} does not answer ({fault})",
                            hint="check that it runs, or choose another with --rpc",
                        ) from None
                    pause = short.pause(faults, fault.wait_seconds)
                    CLOCK.sleep(MAX_WAIT_SECONDS if pause is None else pause)
                    continue
                slowed += 1
                asked = long.pause(slowed, fault.wait_seconds)
                least = long.pause(slowed) or 0.0
                node.not_before = CLOCK.now() + max(asked or 0.0, least)
                if logs and fault.answer is not None and slowed > LOG_TRIES:
                    return fault.answer  # perhaps it was not the pace but the range
                if (
                    asked is None
                    or brief
                    or self._brief
                    or sends
                    or slowed >= READ_TRIES + BUSY_TRIES
                ):
                    raise NodeUnavailable(
                        f"the node at {node.where} asks to slow down ({fault})",
                        hint="run the same command again later, or add another node with --rpc",
                    ) from None

    def _wait_for(self, node: Endpoint) -> None:
        """Return when the node wants to be asked again; a longer wait is counted down aloud."""
        left = node.not_before - CLOCK.now()
        aloud = left >= SAID_SECONDS
        while left > 0:
            if aloud:
                self._say(f"the node at {node.where} asks to slow down: {left:.0f} s left")
            CLOCK.sleep(min(left, COUNTDOWN_SECONDS))
            left = node.not_before - CLOCK.now()


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

    def __init__(
        self,
        reason: str,
        wait_seconds: float | None = None,
        *,
        busy: bool = False,
        answer: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(reason)
        self.wait_seconds, self.busy, self.answer = wait_seconds, busy, answer


def _error(answer: dict[str, Any]) -> Any:
    return answer.get("error")
