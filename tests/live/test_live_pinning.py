"""A small folder is pinned, read back by its CIDs and unpinned, at each place with a switch."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from nftgan.ipfs.backends import open_backend
from nftgan.ipfs.cid import Cid
from nftgan.ipfs.importer import Importer, Tree
from nftgan.ipfs.pinning import pack, pin_car
from tests.live.switches import switch


@pytest.mark.parametrize("place", ["pinata", "filebase", "kubo"])
def test_a_folder_is_pinned_read_back_and_forgotten(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    value = switch(place.upper())
    target = f"kubo={value}" if place == "kubo" else place
    if place != "kubo":
        variable = {"pinata": "NFTGAN_PINATA_JWT", "filebase": "NFTGAN_FILEBASE_TOKEN"}[place]
        monkeypatch.setenv(variable, value)
    fresh = os.urandom(16)  # what nobody has pinned before
    tree: Tree = {"images": {"0.png": fresh}, "metadata": {"0.json": b"{}" + fresh.hex().encode()}}
    root = Importer().add_tree(tree).cid
    backend = open_backend(target, store=tmp_path / "store")
    packed = pack(tree, tmp_path / "live.car")
    try:
        result = pin_car(
            tmp_path / "live.car",
            backend,
            label="nftgan live test",
            journal_path=tmp_path / "pin.jsonl",
            verify_mode="all",
        )
        assert result.root == str(root) and result.checked_blocks == result.blocks
        assert backend.is_pinned(root)
    finally:
        for cid in (str(root), *packed.cids.values()):
            backend.unpin(Cid.parse(cid))
        still = backend.is_pinned(root)
        backend.close()
    assert not still
