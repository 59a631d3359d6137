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


def test_a_public_node_is_asked_over_https_only() -> None:
    for chain in CHAINS.values():
        assert (
            chain.rpc_hint.startswith("https://")
            or chain.name in {"embedded", "anvil"}
            or (chain.mainnet and not chain.rpc_hint)
        )
