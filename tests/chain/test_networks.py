"""The table of chains."""

from __future__ import annotations

import pytest

from nftgan.chain.embedded import CHAIN_ID
from nftgan.chain.networks import CHAINS, chain_named
from nftgan.errors import UsageError


def test_the_chain_ids_are_those_of_the_public_lists() -> None:
    assert {name: chain.chain_id for name, chain in CHAINS.items()} == {
        "embedded": CHAIN_ID,
        "anvil": 31337,
        "sepolia": 11155111,
        "hoodi": 560048,
        "base-sepolia": 84532,
        "op-sepolia": 11155420,
        "arbitrum-sepolia": 421614,
        "ethereum": 1,
        "base": 8453,
        "optimism": 10,
        "arbitrum": 42161,
    }


@pytest.mark.parametrize("name", [name for name, chain in CHAINS.items() if chain.mainnet])
def test_a_mainnet_needs_its_own_word(name: str) -> None:
    with pytest.raises(UsageError, match=f"{name} is a mainnet, where money is real"):
        chain_named(name)
    assert chain_named(name, allow_mainnet=True).chain_id in {1, 8453, 10, 42161}


def test_every_mainnet_is_marked() -> None:
    unmarked = {chain.chain_id for chain in CHAINS.values() if not chain.mainnet}
    assert not unmarked & {1, 10, 8453, 42161}


def test_a_mistyped_chain_is_guessed() -> None:
    with pytest.raises(UsageError, match="unknown chain 'sepolai'") as caught:
        chain_named("sepolai")
    assert caught.value.hint == "did you mean sepolia?"


def test_every_public_chain_has_an_explorer_and_every_testnet_a_public_node() -> None:
    """As the chains' own documentation names them."""
    explorers = {chain.name: chain.explorer for chain in CHAINS.values() if chain.explorer}
    assert explorers == {
        "sepolia": "https://sepolia.etherscan.io",
        "hoodi": "https://hoodi.etherscan.io",
        "base-sepolia": "https://sepolia.basescan.org",
        "op-sepolia": "https://sepolia-optimism.etherscan.io",
        "arbitrum-sepolia": "https://sepolia.arbiscan.io",
        "ethereum": "https://etherscan.io",
        "base": "https://basescan.org",
        "optimism": "https://optimistic.etherscan.io",
        "arbitrum": "https://arbiscan.io",
    }
    local = {"embedded", "anvil"}
    for chain in CHAINS.values():
        assert bool(chain.rpc_hint) != (chain.mainnet or chain.name == "embedded")
        assert bool(chain.explorer) != (chain.name in local)
    assert CHAINS["anvil"].rpc_hint == "http://127.0.0.1:8545"


def test_a_contract_is_shown_in_the_explorer_where_there_is_one() -> None:
    assert CHAINS["hoodi"].contract_url("0xAb") == "https://hoodi.etherscan.io/address/0xAb"
    assert CHAINS["hoodi"].transaction_url("0x1") == "https://hoodi.etherscan.io/tx/0x1"
    assert CHAINS["embedded"].contract_url("0xAb") == "0xAb"
    assert CHAINS["embedded"].transaction_url("0x1") == "0x1"


def test_a_public_node_is_asked_over_https_only() -> None:
    for chain in CHAINS.values():
        assert (
            chain.rpc_hint.startswith("https://")
            or chain.name in {"embedded", "anvil"}
            or (chain.mainnet and not chain.rpc_hint)
        )
