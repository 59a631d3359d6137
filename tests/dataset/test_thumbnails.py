"""Thumbnails beyond the first ones lie in a file, and come back as they were."""

from __future__ import annotations

import os
import tracemalloc

import numpy as np
import pytest

from nftgan.dataset import thumbnails
from nftgan.dataset.duplicates import Fingerprint, TwinFinder
from nftgan.dataset.thumbnails import ThumbnailStore


def thumbnail(number: int) -> np.ndarray:
    return np.random.default_rng(number).integers(0, 256, (32, 32, 3), dtype=np.uint8)


def holds_all(store: ThumbnailStore, count: int) -> bool:
    numbers = [store.add(thumbnail(n)) for n in range(count)]
    return len(store) == count and all(
        np.array_equal(store[number], thumbnail(n)) for n, number in enumerate(numbers)
    )


@pytest.fixture(autouse=True)
def _few_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thumbnails, "IN_MEMORY", 4)


def test_what_is_in_the_file_comes_back_as_it_was() -> None:
    assert holds_all(ThumbnailStore(), 3)
    assert holds_all(ThumbnailStore(), 12)


def test_a_full_disk_or_none_costs_only_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(thumbnails.tempfile, "TemporaryFile", full)
        assert holds_all(ThumbnailStore(), 12)
    real, written = os.pwrite, []

    def filling(file: int, data: bytes, place: int) -> int:
        written.append(place)
        return real(file, data[: 100 if len(written) > 3 else None], place)

    monkeypatch.setattr(os, "pwrite", filling)
    assert holds_all(ThumbnailStore(), 12)
    assert len(written) == 4  # it is not tried again


def test_an_image_takes_little_memory_and_its_copy_is_found() -> None:
    twins = TwinFinder(6)
    tracemalloc.start()
    try:
        for n in range(300):
            bits = int(np.random.default_rng(n).integers(2**63))
            twins.add(f"{n}.png", f"sha256:{n}", Fingerprint(bits, bits ^ 0xFFFF, thumbnail(n)))
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept / 300 < 1000  # a thumbnail alone is 3,072 bytes
    bits = int(np.random.default_rng(200).integers(2**63))
    again = twins.twin("sha256:other", Fingerprint(bits ^ 1, bits, thumbnail(200)))
    assert again == ("200.png", "a near copy of")
    assert twins.twin("sha256:other", Fingerprint(bits ^ 1, bits, thumbnail(999))) is None
