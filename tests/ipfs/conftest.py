"""A fresh block store, and a gateway over it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from nftgan.ipfs.gateway import Gateway
from nftgan.ipfs.store import BlockStore
from tests.ipfs.serving import serving


@pytest.fixture
def store(tmp_path: Path) -> BlockStore:
    return BlockStore(tmp_path / "store", durable=False)


@pytest.fixture
def served(store: BlockStore) -> Iterator[tuple[BlockStore, str]]:
    with serving(Gateway(store.get)) as url:
        yield store, url
