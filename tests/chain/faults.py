"""A bad node: a JSON-RPC server on 127.0.0.1 that breaks what another one answers."""

from __future__ import annotations

import contextlib
import json
import random
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Upstream = Callable[[str, list[Any]], dict[str, Any]]
"""(method, parameters) → a JSON-RPC answer with `result` or `error`."""

Policy = Callable[[str, list[Any]], str | None]
"""(method, parameters) → the name of a fault for this request, or None."""

SLOW_SECONDS = 1.5
BEHIND_BLOCKS = 2

ANY_REQUEST = (
    "reset before",
    "reset after",
    "http 429",
    "http 503",
    "html",
    "truncated",
    "not an answer",
    "limit exceeded",
    "slow down",
    "slow",
)
"""What can happen to every request: on the way there, at the node, and on the way back."""

HARMLESS = ("bad header",)
"""What is wrong with an answer that can be read all the same."""

BY_METHOD = {
    "eth_getTransactionReceipt": ("null result", "behind"),
    "eth_getTransactionCount": ("one less", "behind"),
    "eth_blockNumber": ("one less", "behind"),
    "eth_getBlockByNumber": ("behind",),
    "eth_call": ("behind",),
    "eth_sendRawTransaction": ("swallowed", "sent twice", "other words", "no funds", "gas cap"),
    "eth_estimateGas": ("too low", "behind"),
    "eth_getLogs": ("refused range", "partial logs", "behind"),
    "eth_feeHistory": ("no such method",),
    "eth_chainId": ("other chain",),
}
"""Answers that are well formed and not true. "behind" is a second node that lags."""

OTHER_WORDS = {
    "already known": ("AlreadyKnown", "already imported", "Known transaction"),
    "nonce too low": ("OldNonce", "Nonce too low. Expected 1, got 0", "NONCE_TOO_LOW"),
    "nonce too high": ("exceeds next nonce", "nonce too far in the future", "tx-nonce-too-high"),
    "underpriced": ("REPLACEMENT_TRANSACTION_UNDERPRICED", "ReplacementNotAllowed"),
    "less than block base fee": ("FeeTooLow", "max fee per gas less than block base fee"),
}
"""How Erigon, Nethermind, Besu and Arbitrum say what geth says."""

SLOW_DOWN = (
    (-32007, "15/second request limit reached - reduce calls per second"),
    (-32016, "over rate limit"),
    (-32000, '429 Too Many Requests: {"code":-32016,"message":"over rate limit"}'),
    (429, "Your app has exceeded its compute units per second capacity"),
    (-32097, "too many requests, reason: call rate limit exhausted"),
)
"""How providers say, with HTTP 200, that one asks too much."""

NARROW_BLOCKS = 10

REFUSALS = {
    "limit exceeded": (-32005, "limit exceeded"),
    "refused range": (-32602, "block range is too wide"),
    "narrow range": (
        -32600,
        f"you can make eth_getLogs requests with up to a {NARROW_BLOCKS} block range",
    ),
    "no funds": (-32000, "insufficient funds for gas * price + value"),
    "gas cap": (-32000, "tx fee (2.00 ether) exceeds the configured cap (1.00 ether)"),
    "no such method": (-32601, "the method eth_feeHistory does not exist/is not available"),
}
"""Faults that are an error of the node's, and nothing is forwarded."""


def faults_of(method: str) -> tuple[str, ...]:
    return ANY_REQUEST + BY_METHOD.get(method, ())


def random_faults(seed: int, share: float, *, without: tuple[str, ...] = ()) -> Policy:
    """A fault on this share of the requests, of all kinds that fit the method."""
    source, guard = random.Random(seed), threading.Lock()

    def policy(method: str, params: list[Any]) -> str | None:
        with guard:
            if source.random() >= share:
                return None
            return source.choice([name for name in faults_of(method) if name not in without])

    return policy


class BadNode:
    """Counts the faults that it commits; `url` is where it listens."""

    def __init__(self, upstream: Upstream, policy: Policy) -> None:
        self.upstream, self.policy = upstream, policy
        self.committed: Counter[str] = Counter()
        self.requests: Counter[str] = Counter()
        handler = type("Handler", (_Handler,), {"node": self})
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def answer(self, method: str, params: list[Any], fault: str | None) -> dict[str, Any]:
        """What the node says, changed by a fault that is a well-formed lie."""
        if fault in REFUSALS:
            code, message = REFUSALS[fault]
            return {"error": {"code": code, "message": message}}
        if fault == "slow down":
            code, message = SLOW_DOWN[self.committed[fault] % len(SLOW_DOWN)]
            return {"error": {"code": code, "message": message}}
        if fault == "behind":
            return self._behind(method, params)
        if fault == "swallowed":
            from eth_utils import keccak

            return {"result": "0x" + keccak(hexstr=params[0]).hex()}
        if fault == "other chain":
            return {"result": "0x1"}
        answer = self.upstream(method, params)
        if fault == "sent twice":
            answer = self.upstream(method, params)
        elif fault == "other words" and "error" in answer:
            text = answer["error"]["message"]
            for words, others in OTHER_WORDS.items():
                if words in text:
                    other = others[self.requests[method] % len(others)]
                    answer = {"error": {"code": -32000, "message": other}}
        elif "result" in answer:
            result = answer["result"]
            if fault == "null result":
                answer = {"result": None}
            elif fault == "one less":
                answer = {"result": hex(max(int(result, 16) - 1, 0))}
            elif fault == "too low":
                answer = {"result": hex(int(result, 16) * 6 // 10)}
            elif fault == "partial logs":
                answer = {"result": result[:-1]}
        return answer

    def _behind(self, method: str, params: list[Any]) -> dict[str, Any]:
        """What a node would say that has not seen the newest blocks and has no mempool."""
        head = int(self.upstream("eth_blockNumber", [])["result"], 16)
        old = max(head - BEHIND_BLOCKS, 0)
        if method == "eth_blockNumber":
            return {"result": hex(old)}
        if method == "eth_getLogs":
            params = [{**params[0], "toBlock": hex(min(int(params[0]["toBlock"], 16), old))}]
        elif method == "eth_estimateGas":
            params = [params[0], hex(old)]
        params = [hex(old) if p in ("latest", "pending") else p for p in params]
        answer = self.upstream(method, params)
        receipt = answer.get("result")
        if method == "eth_getTransactionReceipt" and receipt:
            return answer if int(receipt["blockNumber"], 16) <= old else {"result": None}
        return answer

    @contextlib.contextmanager
    def running(self) -> Iterator[str]:
        """The address, while the server runs."""
        thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield self.url
        finally:
            self.server.shutdown()
            self.server.server_close()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    node: BadNode

    def log_message(self, format: str, *arguments: Any) -> None:
        pass

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            request = json.loads(body)
        except ValueError:  # the client died while it asked
            return
        method, params = request["method"], request["params"]
        fault = self.node.policy(method, params)
        self.node.requests[method] += 1
        if fault is not None:
            self.node.committed[fault] += 1
        with contextlib.suppress(OSError):  # the client may be dead: that is part of the test
            self._respond(request, method, params, fault)

    def _respond(
        self, request: dict[str, Any], method: str, params: list[Any], fault: str | None
    ) -> None:
        if fault == "reset before":
            return self._reset()
        if fault == "http 429":
            return self._send(429, b"slower", {"Retry-After": "0"})
        if fault == "http 503":
            return self._send(503, b"maintenance")
        answer = {"jsonrpc": "2.0", "id": request["id"], **self.node.answer(method, params, fault)}
        body = json.dumps(answer).encode()
        if fault == "reset after":
            return self._reset()
        if fault == "html":
            return self._send(200, b"<html><h1>Welcome</h1></html>")
        if fault == "not an answer":
            return self._send(200, b'["jsonrpc"]')
        if fault == "truncated":
            return self._send(200, body[: len(body) // 2])
        if fault == "bad header":
            return self._send(200, body, {"X-Cut off": "no name has a space"})
        if fault == "slow":
            time.sleep(SLOW_SECONDS)
        return self._send(200, body)

    def _send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _reset(self) -> None:
        """Close so that the other side sees a reset, not an end."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True
