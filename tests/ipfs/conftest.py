"""A fresh block store."""

from __future__ import annotations

from pathlib import Path

import pytest

from nftgan.ipfs.store import BlockStore


@pytest.fixture
def store(tmp_path: Path) -> BlockStore:
    return BlockStore(tmp_path / "store", durable=False)
