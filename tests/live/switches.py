"""NFTGAN_LIVE_… variables: each switches one group of live tests on; without it they skip."""

from __future__ import annotations

import os

import pytest

PREFIX = "NFTGAN_LIVE_"
SWITCHES = {
    "CHAINS": "all, or test networks by name: each is read, nothing is sent",
    "SOURCIFY": "1: a source that is not of its address is submitted, and refused",
    "ETHERSCAN": "a key: likewise",
    "PINATA": "a token: two small files are pinned, read back and unpinned",
    "FILEBASE": "a token: likewise",
    "KUBO": "the address of a node's RPC: likewise",
    "GATEWAYS": "their addresses: a small published file is read and hashed",
}
"""What each variable holds, and what its tests do with it."""


def switch(name: str) -> str:
    """The value of a variable; the test skips without one."""
    assert name in SWITCHES
    value = os.environ.get(PREFIX + name, "")
    if not value:
        pytest.skip(f"live: set {PREFIX}{name} ({SWITCHES[name]})")
    return value


def words(name: str) -> list[str]:
    """The values of a variable that holds several, without asking for one."""
    return os.environ.get(PREFIX + name, "").replace(",", " ").split()
