"""A home of their own for live tests; no setting of this machine reaches them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.live.switches import PREFIX


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Only the switches, and addresses of services that stand in for the real ones, are kept."""
    kept = (PREFIX, "NFTGAN_KERNEL_CACHE")
    for name in list(os.environ):
        mine = name.startswith("NFTGAN_") and not name.startswith(kept)
        if (mine and not name.endswith(("_URL", "_GATEWAY"))) or name == "ETH_RPC_URL":
            monkeypatch.delenv(name)
    monkeypatch.delenv("NFTGAN_RPC_URL", raising=False)
    monkeypatch.setenv("NFTGAN_HOME", str(tmp_path / "home"))
    return tmp_path
