"""A connection to one chain: the embedded one, or a node whose chain id must be the right one."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from nftgan.chain.networks import Chain
from nftgan.errors import ServiceError, UsageError
from nftgan.project import state_home

TIMEOUT_SECONDS = 30


def redact(url: str) -> str:
    """`url` without user, password, path and query, where API keys stand."""
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    rest = "/…" if parts.path.strip("/") or parts.query else ""
    return f"{parts.scheme}://{parts.hostname or ''}{port}{rest}"


@dataclass(frozen=True)
class Connection:
    """A chain and the way to ask it. `where` may be shown; it holds no secret."""

    chain: Chain
    w3: Any
    where: str

    def __repr__(self) -> str:
        return f"<Connection {self.chain.name} at {self.where}>"

    @property
    def embedded(self) -> bool:
        return self.chain.name == "embedded"


def rpc_url(chain: Chain, given: str | None) -> str:
    """The node to ask: `given`, NFTGAN_RPC_URL, ETH_RPC_URL or the chain's public one.

    Raises UsageError when there is none, and for plain http beyond this machine.
    """
    url = given or os.environ.get("NFTGAN_RPC_URL") or os.environ.get("ETH_RPC_URL")
    url = url or chain.rpc_hint
    if not url:
        raise UsageError(f"no RPC node for {chain.name}", hint="--rpc URL, or set NFTGAN_RPC_URL")
    parts = urlsplit(url)
    local = parts.hostname in {"127.0.0.1", "localhost", "::1"}
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise UsageError(f"{redact(url)} is not an http(s) address", hint="--rpc https://…")
    if parts.scheme == "http" and not local:
        raise UsageError(
            f"{redact(url)} is not encrypted", hint="use https for nodes on other machines"
        )
    return url


def connect(chain: Chain, given_rpc: str | None = None) -> Connection:
    """A connection whose chain id has been checked.

    Raises ServiceError when the node does not answer, UsageError when it is of another chain.
    """
    from web3 import Web3

    if chain.name == "embedded":
        from nftgan.chain.accounts import embedded_account
        from nftgan.chain.embedded import EmbeddedChain

        path = state_home() / "chain.sqlite"
        provider = EmbeddedChain(path, fund=[embedded_account().address])
        return Connection(chain, Web3(provider), str(path))
    url = rpc_url(chain, given_rpc)
    # web3.py would send a transaction again by itself; that decision is the journal's.
    http = Web3.HTTPProvider(
        url, request_kwargs={"timeout": TIMEOUT_SECONDS}, exception_retry_configuration=None
    )
    connection = Connection(chain, Web3(http), redact(url))
    with translated(connection):
        found = connection.w3.eth.chain_id
    if found != chain.chain_id:
        raise UsageError(
            f"the node at {connection.where} is of chain {found}, not {chain.name}"
            f" ({chain.chain_id})",
            hint="choose the right --chain or --rpc",
        )
    return connection


@contextlib.contextmanager
def translated(connection: Connection) -> Iterator[None]:
    """Inside, a failing node leaves as ServiceError with one sentence and no secret."""
    import requests
    from web3.exceptions import Web3Exception

    try:
        yield
    except requests.RequestException as exc:
        reason = type(exc).__name__
        response = getattr(exc, "response", None)
        if response is not None:
            reason = f"HTTP {response.status_code}"
        raise ServiceError(
            f"the node at {connection.where} does not answer ({reason})",
            hint="check that it runs, or choose another with --rpc",
        ) from None
    except Web3Exception as exc:
        raise ServiceError(f"the node at {connection.where} refused: {_words(exc)}") from None
    except (ValueError, KeyError) as exc:  # what is not JSON-RPC at all
        raise ServiceError(
            f"the node at {connection.where} gave an answer that is not JSON-RPC"
            f" ({type(exc).__name__})",
            hint="choose another node with --rpc",
        ) from None


def _words(exc: Exception) -> str:
    response = getattr(exc, "rpc_response", None)
    if isinstance(response, dict) and isinstance(response.get("error"), dict):
        return str(response["error"].get("message", ""))[:300]
    return str(exc)[:300]
