"""Killed in the middle of an upload of 2,000 files, it sends nothing twice that was confirmed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.ipfs.campaign import campaign


@pytest.mark.slow
def test_nothing_that_was_confirmed_is_sent_again(tmp_path: Path) -> None:
    kills, shard = 6, 500_000
    figures = campaign(tmp_path, files=2000, size=5_000, kills=kills, shard_bytes=shard)
    assert figures.pinned
    assert figures.confirmed_again_bytes == 0
    assert figures.verified_blocks == 2003
    assert 0 < figures.again_bytes <= kills * shard + 4 * 200_000  # only parts that were cut off
    assert figures.received_bytes == figures.block_bytes + figures.again_bytes
