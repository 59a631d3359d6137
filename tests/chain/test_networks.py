"""The table of chains."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from nftgan.chain.embedded import CHAIN_ID
from nftgan.chain.networks import CHAINS, Chain, chain_named, chain_of_id, known_chains
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


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Writes chains.toml into an own NFTGAN_HOME."""
    monkeypatch.setenv("NFTGAN_HOME", str(tmp_path))

    def call(text: str) -> Path:
        path = tmp_path / "chains.toml"
        path.write_text(text)
        return path

    return call


def test_a_chain_of_ones_own_is_a_mainnet_unless_it_says_otherwise(
    write: Callable[[str], Path],
) -> None:
    write(
        '[polygon]\nchain_id = 137\nrpc = "https://rpc.example/key"\n'
        'explorer = "https://polygonscan.com/"\n'
        "[mine]\nchain_id = 4711\nblock_seconds = 2\nconfirmations = 1\ntestnet = true\n"
    )
    with pytest.raises(UsageError, match="polygon is a mainnet, where money is real"):
        chain_named("polygon")
    polygon = chain_named("polygon", allow_mainnet=True)
    assert (polygon.chain_id, polygon.confirmations, polygon.block_seconds) == (137, 12, 12)
    assert polygon.contract_url("0x1") == "https://polygonscan.com/address/0x1"
    assert "key" not in repr(polygon)
    assert chain_named("mine") == Chain("mine", 4711, "", "", 1, 2.0)
    assert set(known_chains()) == {*CHAINS, "polygon", "mine"}
    with pytest.raises(UsageError) as caught:
        chain_named("polygn")
    assert caught.value.hint == "did you mean polygon?"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[sepolia]\nchain_id = 5", "sepolia is a chain of nftgan already"),
        ("[free]\nchain_id = 1\ntestnet = true", "the chain id 1 is that of ethereum"),
        ("[free]\nchain_id = 7235188", "that of embedded"),
        ("[p]\nrpc = 'https://x'", "chain_id is missing"),
        ("[p]\nchain_id = 0", "not above 0"),
        ("[p]\nchain_id = '137'", "chain_id must be int"),
        ("[p]\nchain_id = 137\nconfirmation = 3", "unknown key 'confirmation'"),
        ("[p]\nchain_id = 137\nblock_seconds = 0", "block_seconds 0.0 is not above 0"),
        ("[p]\nchain_id = 137\nblock_seconds = nan", "block_seconds nan is not above 0"),
        ("[p]\nchain_id = 137\nconfirmations = -1", "-1 confirmations"),
        ("[p]\nchain_id = 137\nexplorer = 'http://x'", "no https address"),
        ("[p]\nchain_id = 137\nexplorer = 'https://x/\\e[2J'", "no https address"),
        ('["a b"]\nchain_id = 137', "cannot be typed"),
        ("p = 3", "p is no table"),
        ("[p", "is not valid TOML"),
    ],
)
def test_a_wrong_table_is_named(write: Callable[[str], Path], text: str, message: str) -> None:
    path = write(text)
    with pytest.raises(UsageError, match=re.escape(message)) as caught:
        chain_named("p")
    assert str(path) in caught.value.message
    assert chain_named("sepolia").chain_id == 11155111  # the core's own do not wait for the file


def test_a_chain_may_be_named_by_its_number_alone(write: Callable[[str], Path]) -> None:
    """Of an unknown one nobody knows whether money is real there: it counts as a mainnet."""
    assert chain_of_id(84_532).name == "base-sepolia"
    assert chain_of_id(1) is CHAINS["ethereum"]
    linea = chain_of_id(59_144)
    assert (linea.name, linea.mainnet, linea.rpc_hint) == ("chain-59144", True, "")
    with pytest.raises(UsageError, match="chain-59144 is a mainnet"):
        chain_named("chain-59144")
    assert chain_named("chain-59144", allow_mainnet=True) == linea
    assert chain_named("chain-10", allow_mainnet=True) is CHAINS["optimism"]
    with pytest.raises(UsageError, match="the chain id 0 is not above 0"):
        chain_of_id(0)
    write('[own]\nchain_id = 59144\ntestnet = true\nrpc = "http://127.0.0.1:1"\n')
    assert chain_of_id(59_144).name == "own"
    assert chain_named("chain-59144").name == "own"
