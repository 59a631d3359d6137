"""Fixtures: an own state folder, the embedded chain, and a real anvil node that always stops."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from nftgan.chain.embedded import CHAIN_ID, EmbeddedChain
from nftgan.chain.networks import CHAINS, Chain
from nftgan.chain.rpc import Connection, connect
from tests.chain.actors import account
from tests.chain.anvil import anvil_program, started
from tests.chain.faults import BadNode, Policy

FAULTY = Chain("faulty", CHAIN_ID, "", "", 0, 1)
"""The chain behind `bad_node`."""

Start = Callable[[Policy], BadNode]


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


@contextlib.contextmanager
def running_anvil(*arguments: str) -> Iterator[str]:
    """The address of an anvil of its own; the test skips where it is not installed."""
    if anvil_program() is None:
        pytest.skip("needs anvil: make node-deps")
    with started(*arguments) as url:
        yield url


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
