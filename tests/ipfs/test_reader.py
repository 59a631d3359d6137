"""Blocks from anywhere are believed for their bytes alone, and only up to the size of a block."""

from __future__ import annotations

import pytest

from nftgan.ipfs.cid import RAW, Cid
from nftgan.ipfs.reader import MAX_BLOCK_BYTES, WrongBlock, cached, verified


def test_a_block_with_the_right_bytes_is_given() -> None:
    assert verified(lambda cid: b"art")(Cid.of(b"art", RAW)) == b"art"


def test_other_bytes_are_found_out() -> None:
    with pytest.raises(WrongBlock, match="are others"):
        verified(lambda cid: b"other")(Cid.of(b"art", RAW))


def test_a_block_beyond_the_size_that_every_client_takes_is_refused() -> None:
    large = bytes(MAX_BLOCK_BYTES + 1)
    with pytest.raises(WrongBlock, match="larger than"):
        verified(lambda cid: large)(Cid.of(large, RAW))
    most = bytes(MAX_BLOCK_BYTES)
    assert verified(lambda cid: most)(Cid.of(most, RAW)) == most


def test_a_cache_asks_once_for_a_folder_and_each_time_for_a_leaf() -> None:
    asked: list[Cid] = []

    def get(cid: Cid) -> bytes:
        asked.append(cid)
        return b"block"

    folder, leaf = Cid.of(b"f", 0x70), Cid.of(b"l", RAW)
    read = cached(get)
    for cid in (folder, folder, leaf, leaf):
        assert read(cid) == b"block"
    assert asked == [folder, leaf, leaf]
