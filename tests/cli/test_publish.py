"""What the verbs that publish say to type next."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from nftgan.chain.networks import CHAINS
from nftgan.cli.publish import _there


@pytest.mark.parametrize(
    ("own", "chain", "more"),
    [
        ("sepolia", "sepolia", ""),
        ("embedded", "sepolia", " --chain sepolia"),
        ("ethereum", "ethereum", " --mainnet"),
        ("sepolia", "base", " --chain base --mainnet"),
    ],
)
def test_the_next_verb_is_led_to_the_same_chain(own: str, chain: str, more: str) -> None:
    config = SimpleNamespace(chain=SimpleNamespace(name=own))
    project = SimpleNamespace(flag=" -C '/art/my birds'", config=config)
    assert _there(project, CHAINS[chain]) == f" -C '/art/my birds'{more}"
