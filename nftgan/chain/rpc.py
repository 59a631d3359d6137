"""A connection to one chain: the embedded one, or a node whose chain id must be the right one."""

from __future__ import annotations

import contextlib
import logging
import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from nftgan.addresses import encrypted_or_here
from nftgan.chain.errors import ContractReverted, NodeRefused
from nftgan.chain.networks import Chain
from nftgan.errors import ServiceError, UsageError
from nftgan.project import state_home


def redact(url: str) -> str:
    """`url` without user, password, path and query, where API keys stand."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "an address that cannot be read"
    host = f"[{host}]" if ":" in host else host
    rest = "/…" if parts.path.strip("/") or parts.query else ""
    return f"{parts.scheme}://{host}{f':{port}' if port else ''}{rest}"


def silent(message: str) -> None:
    """Nobody is told."""


def unnoticed(name: str, address: str) -> None:
    """Nobody is told of a name either."""


@dataclass(frozen=True)
class Connection:
    """A chain and the way to ask it. `where` may be shown; it holds no secret."""

    chain: Chain
    w3: Any
    where: str
    say: Callable[[str], None] = field(default=silent, repr=False, compare=False)
    # Told of every ENS name that a person typed, and of its address.
    named: Callable[[str, str], None] = field(default=unnoticed, repr=False, compare=False)

    def __repr__(self) -> str:
        return f"<Connection {self.chain.name} at {self.where}>"

    @property
    def embedded(self) -> bool:
        return self.chain.name == "embedded"

    def ask(self, method: str, *params: Any) -> Any:
        """The result of one call as the node gives it; web3.py would unpack every log of it.

        Raises ServiceError when the node fails, NodeRefused when it refuses.
        """
        answer = self.w3.provider.make_request(method, list(params))
        if "error" in answer:
            raise NodeRefused(self.where, *_refusal(answer["error"]))
        return answer.get("result")


NodeChoice = str | Sequence[str] | None
"""One address, several in order, or what the environment and the chain say."""


def rpc_urls(chain: Chain, given: NodeChoice) -> tuple[str, ...]:
    """The nodes to ask, in order: `given`, NFTGAN_RPC_URL, ETH_RPC_URL or the chain's public one.

    Several addresses in one text are set apart by spaces or commas. Raises UsageError when there
    is none, and for plain http beyond this machine.
    """
    texts: Sequence[str] = [given] if isinstance(given, str) else given or ()
    if not texts:
        own = os.environ.get("NFTGAN_RPC_URL") or os.environ.get("ETH_RPC_URL")
        texts = [own or chain.rpc_hint]
    urls = [url for text in texts for url in re.split(r"[\s,]+(?=[a-z]+://)|\s+", text) if url]
    if not urls:
        raise UsageError(f"no RPC node for {chain.name}", hint="--rpc URL, or set NFTGAN_RPC_URL")
    for url in urls:
        _check_url(url)
    return tuple(dict.fromkeys(urls))


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        known = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        known = False
    if not known:
        raise UsageError(f"{redact(url)} is not an http(s) address", hint="--rpc https://…")
    if not encrypted_or_here(parts):
        raise UsageError(
            f"{redact(url)} is not encrypted", hint="use https for nodes on other machines"
        )


def connect(
    chain: Chain,
    given_rpc: NodeChoice = None,
    *,
    brief: bool = False,
    say: Callable[[str], None] = silent,
    named: Callable[[str, str], None] = unnoticed,
) -> Connection:
    """A connection whose chain id has been checked; `say` is told of waits and of other nodes,
    `named` of ENS names and their addresses.

    brief: each question is asked once, and a slow node is given up soon. Raises ServiceError when
    no node answers, UsageError when one is of another chain.
    """
    from web3 import Web3

    if chain.name == "embedded":
        from nftgan.chain.accounts import embedded_account
        from nftgan.chain.embedded import EmbeddedChain

        path = state_home() / "chain.sqlite"
        w3 = Web3(EmbeddedChain(path, fund=[embedded_account().address]))
        return Connection(chain, w3, str(path), say, named)

    from nftgan.chain.node import NodeProvider

    # Their lines name the whole address, warnings too, and an address may hold an API key.
    for name in ("urllib3", "web3"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    places = [(url, redact(url)) for url in rpc_urls(chain, given_rpc)]
    provider = NodeProvider(places, chain_id=chain.chain_id, brief=brief, say=say)
    where = ", ".join(shown for _, shown in places)
    connection = Connection(chain, Web3(provider), where, say, named)
    for where, found in provider.chain_ids():
        _need_chain(chain, where, found)
    check_chain_id(connection)
    return connection


def check_chain_id(connection: Connection) -> None:
    """Raises UsageError when the node is, by now, of another chain than the chosen one."""
    with rpc_errors(connection):
        found = connection.w3.eth.chain_id
    _need_chain(connection.chain, connection.where, found)


def _need_chain(chain: Chain, where: str, found: int) -> None:
    if found != chain.chain_id:
        raise UsageError(
            f"the node at {where} is of chain {found}, not {chain.name} ({chain.chain_id})",
            hint="choose the right --chain or --rpc",
        )


_WRONG_FORM = (ValueError, TypeError, AttributeError, LookupError, ArithmeticError)
"""What a result of another form than the one that was asked for leads to."""


@contextlib.contextmanager
def rpc_errors(connection: Connection) -> Iterator[None]:
    """Inside, a failing node leaves as ServiceError, its no as NodeRefused, a contract's no as
    ContractReverted.
    """
    from eth_abi.exceptions import DecodingError
    from web3.exceptions import ContractLogicError, Web3Exception

    try:
        yield
    except ContractLogicError as exc:
        raise ContractReverted(f"the contract refuses: {_reason(exc)}") from None
    except Web3Exception as exc:
        response = getattr(exc, "rpc_response", None)
        error = response.get("error") if isinstance(response, dict) else None
        text, code = _refusal(error) if isinstance(error, dict) else (str(exc), None)
        raise NodeRefused(connection.where, text, code) from None
    except (*_WRONG_FORM, DecodingError) as exc:
        raise ServiceError(
            f"the node at {connection.where} gave an answer that makes no sense"
            f" ({type(exc).__name__})",
            hint="choose another node with --rpc",
        ) from exc


def _reason(exc: Any) -> str:
    from nftgan.chain.artifact import decode_revert

    data = exc.data
    if isinstance(data, dict):  # some nodes wrap it
        data = data.get("data") or data.get("result")
    if isinstance(data, str) and data.startswith("0x"):
        with contextlib.suppress(ValueError):
            return decode_revert(bytes.fromhex(data[2:]))
    return str(exc.message or exc)[:300]


def _refusal(error: dict[str, Any]) -> tuple[str, int | None]:
    """The words and the code of a JSON-RPC error, which may lack either."""
    code = error.get("code")
    return str(error.get("message", "")), code if type(code) is int else None
