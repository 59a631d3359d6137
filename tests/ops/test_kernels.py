"""The kernels of the networks: one log line where they cannot be loaded."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import pytest

from nftgan.ops import kernels

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no kernels on Windows")


@pytest.fixture(autouse=True)
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache that others may write in."""
    cache = tmp_path / "cache"
    cache.mkdir()
    cache.chmod(0o777)
    monkeypatch.setenv("NFTGAN_KERNEL_CACHE", str(cache))
    kernels.library.cache_clear()
    return cache


def test_a_library_in_a_folder_that_others_may_write_in_is_not_loaded(
    fresh: Path, caplog: pytest.LogCaptureFixture
) -> None:
    try:
        with caplog.at_level(logging.WARNING):
            assert kernels.library() is None
    finally:
        kernels.library.cache_clear()
    (record,) = caplog.records
    assert f"other users may write in {fresh}: chmod go-w" in record.getMessage()
    assert list(fresh.iterdir()) == []
