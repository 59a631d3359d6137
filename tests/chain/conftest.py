"""Fixtures: an own state folder, the embedded chain, and a real anvil node that always stops."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nftgan.chain.embedded import CHAIN_ID, EmbeddedChain
from nftgan.chain.networks import CHAINS, Chain
from nftgan.chain.rpc import Connection, connect
from tests.chain.actors import account
from tests.chain.faults import BadNode, Policy

FAULTY = Chain("faulty", CHAIN_ID, "", "", 0, 1)
"""The chain behind `bad_node`."""

Start = Callable[[Policy], BadNode]
NODE_MODULES = Path(__file__).parent / "node" / "node_modules"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test has its own keys, chain and locks."""
    folder = tmp_path / "home"
    monkeypatch.setenv("NFTGAN_HOME", str(folder))
    for name in ("NFTGAN_RPC_URL", "ETH_RPC_URL", "NFTGAN_PASSWORD_FILE", "NFTGAN_PRIVATE_KEY"):
        monkeypatch.delenv(name, raising=False)
    return folder


@pytest.fixture
def embedded() -> Connection:
    return connect(CHAINS["embedded"])


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def rpc(url: str, method: str, *params: Any) -> Any:
    """The result of one JSON-RPC call. Raises RuntimeError with the node's words."""
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=20) as response:
        answer = json.load(response)
    if "error" in answer:
        raise RuntimeError(answer["error"]["message"])
    return answer["result"]


@contextlib.contextmanager
def running_anvil(*arguments: str) -> Iterator[str]:
    """The address of a node of its own on a free port; it is gone afterwards, whatever happens."""
    programs = sorted(NODE_MODULES.glob("@foundry-rs/anvil-*/bin/anvil"))
    if not programs:
        pytest.skip("needs anvil: make node-deps")
    port = free_port()
    process = subprocess.Popen(
        [programs[0], "--port", str(port), "--silent", "--hardfork", "prague", *arguments],
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
                pytest.fail(f"anvil ended with {process.returncode}")
            time.sleep(0.05)
        yield url
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def anvil() -> Iterator[Callable[..., str]]:
    """Starts anvil with the given arguments and returns its address."""
    with contextlib.ExitStack() as stack:
        yield lambda *arguments: stack.enter_context(running_anvil(*arguments))


@pytest.fixture
def bad_node(tmp_path: Path) -> Iterator[Start]:
    """Starts a server with faults before an embedded chain on which `me` has money."""
    chain = EmbeddedChain(tmp_path / "faulty.sqlite", fund=[account("me").address])
    with contextlib.ExitStack() as stack:

        def start(policy: Policy) -> BadNode:
            bad = BadNode(chain.make_request, policy)
            stack.enter_context(bad.running())
            return bad

        yield start
