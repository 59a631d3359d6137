"""A real node from npm on a port of its own, and one question to it."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import requests

from tests.chain.faults import Upstream

NODE_MODULES = Path(__file__).parent / "node" / "node_modules"


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def forward(url: str) -> Upstream:
    """The node at `url` for a `BadNode`: its answers, and its errors with all that they hold."""

    def ask(method: str, params: list[Any]) -> dict[str, Any]:
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        answer = requests.post(url, json=body, timeout=20).json()
        return {key: answer[key] for key in ("result", "error") if key in answer}

    return ask


def rpc(url: str, method: str, *params: Any) -> Any:
    """The result of one JSON-RPC call. Raises RuntimeError with the node's words."""
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=20) as response:
        answer = json.load(response)
    if "error" in answer:
        raise RuntimeError(answer["error"]["message"])
    return answer["result"]


def anvil_program() -> Path | None:
    """The node's program where its npm package is installed."""
    return next(iter(sorted(NODE_MODULES.glob("@foundry-rs/anvil-*/bin/anvil"))), None)


@contextlib.contextmanager
def started(*arguments: str) -> Iterator[str]:
    """The address of a node of its own on a free port; it is gone afterwards, whatever happens."""
    program = anvil_program()
    assert program is not None
    port = free_port()
    process = subprocess.Popen(
        [program, "--port", str(port), "--silent", "--hardfork", "prague", *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(200):
            with contextlib.suppress(OSError):
                rpc(url, "eth_chainId")
                break
            if process.poll() is not None:
                raise RuntimeError(f"anvil ended with {process.returncode}")
            time.sleep(0.05)
        yield url
    finally:
        process.kill()
        process.wait()
