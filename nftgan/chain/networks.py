"""The chains that a collection can live on, as one table."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from nftgan.errors import UsageError


@dataclass(frozen=True)
class Chain:
    """One chain: how it is told apart, asked, waited for and looked at."""

    name: str
    chain_id: int
    rpc_hint: str  # a public or local address; own ones go by --rpc or NFTGAN_RPC_URL
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


def chain_named(name: str, *, allow_mainnet: bool = False) -> Chain:
    """The chain called `name`.

    Raises UsageError for an unknown one, and for a mainnet without `allow_mainnet`.
    """
    if name not in CHAINS:
        close = difflib.get_close_matches(name, CHAINS, 1)
        hint = f"did you mean {close[0]}?" if close else f"known: {', '.join(CHAINS)}"
        raise UsageError(f"unknown chain {name!r}", hint=hint)
    chain = CHAINS[name]
    if chain.mainnet and not allow_mainnet:
        raise UsageError(
            f"{name} is a mainnet, where money is real",
            hint="try a testnet such as sepolia first, or add --mainnet",
        )
    return chain
