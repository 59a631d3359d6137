"""The chains that a collection can live on: the core's table, a person's file, plugins."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from nftgan import plugins
from nftgan.config import from_mapping, read_toml
from nftgan.errors import UsageError
from nftgan.project import state_home


@dataclass(frozen=True)
class Chain:
    """One chain: how it is told apart, asked, waited for and looked at."""

    name: str
    chain_id: int
    # A public or local address; own ones go by --rpc or NFTGAN_RPC_URL. It may hold a key.
    rpc_hint: str = field(repr=False)
    explorer: str  # empty: none
    confirmations: int  # blocks on top before a transaction counts as final
    block_seconds: float  # usual time between blocks: how long to wait before doubting
    mainnet: bool = False  # money is real: refused without --mainnet

    def contract_url(self, address: str) -> str:
        """Where a person sees the contract; the address itself on a chain without an explorer."""
        return f"{self.explorer}/address/{address}" if self.explorer else address

    def transaction_url(self, tx_hash: str) -> str:
        """Where a person sees the transaction; its hash on a chain without an explorer."""
        return f"{self.explorer}/tx/{tx_hash}" if self.explorer else tx_hash


_TABLE = (
    Chain("embedded", 7_235_188, "", "", 0, 0),
    Chain("anvil", 31_337, "http://127.0.0.1:8545", "", 0, 1),
    Chain(
        "sepolia",
        11_155_111,
        "https://ethereum-sepolia-rpc.publicnode.com",
        "https://sepolia.etherscan.io",
        5,
        12,
    ),
    Chain(
        "hoodi",
        560_048,
        "https://ethereum-hoodi-rpc.publicnode.com",
        "https://hoodi.etherscan.io",
        5,
        12,
    ),
    Chain("base-sepolia", 84_532, "https://sepolia.base.org", "https://sepolia.basescan.org", 5, 2),
    Chain(
        "op-sepolia",
        11_155_420,
        "https://sepolia.optimism.io",
        "https://sepolia-optimism.etherscan.io",
        5,
        2,
    ),
    Chain(
        "arbitrum-sepolia",
        421_614,
        "https://sepolia-rollup.arbitrum.io/rpc",
        "https://sepolia.arbiscan.io",
        5,
        1,
    ),
    Chain("ethereum", 1, "", "https://etherscan.io", 12, 12, mainnet=True),
    Chain("base", 8_453, "", "https://basescan.org", 12, 2, mainnet=True),
    Chain("optimism", 10, "", "https://optimistic.etherscan.io", 12, 2, mainnet=True),
    Chain("arbitrum", 42_161, "", "https://arbiscan.io", 12, 1, mainnet=True),
)
CHAINS = {chain.name: chain for chain in _TABLE}
"""The core's own, which no file and no plugin can change."""
GROUP = "nftgan.chains"
FILE = "chains.toml"
_NAME = re.compile(r"[a-z][a-z0-9-]{0,31}")
MAX_CHAIN_ID = 2**63 - 1

plugins.register(GROUP, {"core": "nftgan.chain.networks:core_chains"})


def core_chains() -> tuple[Chain, ...]:
    """The core's own chains."""
    return _TABLE


@dataclass(frozen=True)
class ChainEntry:
    """One table of chains.toml; everything but the id has a default that errs on the safe side."""

    chain_id: int
    rpc: str = ""  # without one: --rpc or NFTGAN_RPC_URL
    explorer: str = ""  # such as https://polygonscan.com
    confirmations: int = 12  # blocks
    block_seconds: float = 12.0
    testnet: bool = False  # else money is real there, and --mainnet is asked for


def known_chains() -> dict[str, Chain]:
    """Every chain by its name: the core's, those of chains.toml in NFTGAN_HOME, those of plugins.

    Raises UsageError for a file that is wrong; a broken plugin is warned of and left out.
    """
    found: dict[str, Chain] = {}
    for part, offered in plugins.working(GROUP):
        if part.is_core:
            found |= {chain.name: chain for chain in offered()}
            found |= _of_file(state_home() / FILE)
            continue
        try:
            for chain in offered() if callable(offered) else offered:
                _check(chain)
                if chain.name in found:
                    raise UsageError(f"there is a chain {chain.name} already")
                found[chain.name] = chain
        except Exception as exc:  # a stranger's code: whatever it raises
            plugins.warn(part.broken(exc).message)
    return found


def _of_file(path: Path) -> dict[str, Chain]:
    if not path.exists():
        return {}
    found: dict[str, Chain] = {}
    for name, values in read_toml(path).items():
        where = f"{path}: {name}"
        if not isinstance(values, dict):
            raise UsageError(f"{where} is no table", hint="write [NAME], then its keys")
        if "chain_id" not in values:
            raise UsageError(f"{where}: chain_id is missing", hint="chain_id = 137")
        one = from_mapping(ChainEntry, values, where)
        chain = Chain(
            name,
            one.chain_id,
            one.rpc,
            one.explorer.rstrip("/"),
            one.confirmations,
            one.block_seconds,
            mainnet=not one.testnet,
        )
        try:
            _check(chain)
        except UsageError as exc:
            raise UsageError(f"{where}: {exc.message}", hint=exc.hint) from exc
        found[name] = chain
    return found


def _check(chain: Any) -> None:
    """Raises UsageError for a chain that cannot be, or that would pass for another one."""
    if not isinstance(chain, Chain):
        raise UsageError(f"a {type(chain).__name__} is no chain")
    kinds = {"str": (str,), "int": (int,), "float": (int, float), "bool": (bool,)}
    for one in fields(Chain):
        if type(getattr(chain, one.name)) not in kinds[str(one.type)]:
            raise UsageError(f"its {one.name} is no {one.type}")
    if not _NAME.fullmatch(chain.name):
        raise UsageError(
            "the name cannot be typed", hint="up to 32 of a-z, 0-9 and -, a letter first"
        )
    if chain.name in CHAINS:
        raise UsageError(f"{chain.name} is a chain of nftgan already", hint="choose another name")
    _check_id(chain)
    if not 0 <= chain.confirmations <= 100_000:
        raise UsageError(f"{chain.confirmations} confirmations are not from 0 to 100000")
    if not 0 < chain.block_seconds <= 3600:
        raise UsageError(f"block_seconds {chain.block_seconds} is not above 0 and up to 3600")
    if chain.explorer:
        parts = urlsplit(chain.explorer)
        plain = re.fullmatch(r"https://[A-Za-z0-9._~:/-]+", chain.explorer)
        if not plain or not parts.hostname:
            raise UsageError("the explorer is no https address", hint="https://HOST")


def _check_id(chain: Chain) -> None:
    """Raises UsageError for a number that no chain has, or that one of the core's mainnets has."""
    if not 0 < chain.chain_id <= MAX_CHAIN_ID:
        raise UsageError(f"the chain id {chain.chain_id} is not above 0")
    for own in _TABLE:
        hides = own.mainnet > chain.mainnet or own.name == "embedded"
        if own.chain_id == chain.chain_id and hides:
            raise UsageError(
                f"the chain id {chain.chain_id} is that of {own.name}", hint=f"--chain {own.name}"
            )


UNNAMED = re.compile(r"chain-([1-9][0-9]{0,18})")
"""What a chain is called that only its number is known of."""


def chain_of_id(chain_id: int) -> Chain:
    """The known chain of this number, else one called chain-NUMBER that counts as a mainnet.

    Raises UsageError for a number that no chain can have.
    """
    for chain in known_chains().values():
        if chain.chain_id == chain_id:
            return chain
    unnamed = ChainEntry(chain_id)
    chain = Chain(
        f"chain-{chain_id}",
        chain_id,
        unnamed.rpc,
        unnamed.explorer,
        unnamed.confirmations,
        unnamed.block_seconds,
        mainnet=True,
    )
    _check(chain)
    return chain


def chain_named(name: str, *, allow_mainnet: bool = False) -> Chain:
    """The chain called `name`; chain-137 is the one of that number.

    Raises UsageError for an unknown one, and for a mainnet without `allow_mainnet`.
    """
    chain = CHAINS.get(name)
    if chain is None:
        known = known_chains()
        number = UNNAMED.fullmatch(name)
        if name not in known and number:
            known[name] = chain_of_id(int(number[1]))
        if name not in known:
            close = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean {close[0]}?" if close else f"known: {', '.join(known)}"
            raise UsageError(f"unknown chain {name!r}", hint=hint)
        chain = known[name]
    if chain.mainnet and not allow_mainnet:
        raise UsageError(
            f"{name} is a mainnet, where money is real",
            hint="try a testnet such as sepolia first, or add --mainnet",
        )
    return chain
