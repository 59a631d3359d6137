"""Images are measured in parts: joined they give what one look at all of them gives."""

from __future__ import annotations

import zipfile
from typing import Any

import numpy as np
import pytest

from nftgan.metrics.observed import Observed, Observer


class Mean:
    """An extractor that needs no network."""

    def __call__(self, images: np.ndarray) -> np.ndarray:
        columns = images.mean(axis=(1, 2)).astype(np.float32)
        return columns[:, :16]


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (10, 3, 32, 32), dtype=np.uint8)


def same(one: Observed, other: Observed) -> None:
    np.testing.assert_array_equal(one.features, other.features)
    np.testing.assert_array_equal(one.mirrored, other.mirrored)
    np.testing.assert_array_equal(one.pixels, other.pixels)
    for a, b in zip(one.patches, other.patches, strict=True):
        np.testing.assert_array_equal(a, b)
    assert len(one.hashes.prints) == len(other.hashes.prints)
    for (digest, turned), (digest_too, turned_too) in zip(
        one.hashes.prints, other.hashes.prints, strict=True
    ):
        assert digest == digest_too
        for a, b in zip(turned, turned_too, strict=True):
            assert (a.upright, a.mirrored) == (b.upright, b.mirrored)
            np.testing.assert_array_equal(a.thumbnail, b.thumbnail)


@pytest.mark.parametrize("metrics", [("kid",), ("kid", "swd"), ("copies", "swd", "kid")])
@pytest.mark.parametrize("keep", [False, True])
def test_parts_in_any_hands_give_what_the_whole_gives(
    images: np.ndarray, metrics: tuple[str, ...], keep: bool
) -> None:
    extractor: Any = Mean()
    observe = Observer(metrics, extractor, seed=3, keep=keep)
    whole = observe(images, 0)
    other = Observer(metrics, extractor, seed=3, keep=keep)  # another process
    parts = [observe(images[:4], 0), other(images[4:7], 4), observe(images[7:], 7)]
    sent = [Observed.unpacked(part.packed()) for part in parts]
    same(Observed.joined(sent), whole)
    assert len(whole) == 10 and len(whole.patches) == (2 if "swd" in metrics else 0)
    assert len(whole.pixels) == (10 if keep else 0)


def test_damaged_parts_are_known(images: np.ndarray) -> None:
    extractor: Any = Mean()
    data = Observer(["copies"], extractor, seed=0)(images, 0).packed()
    with pytest.raises((zipfile.BadZipFile, ValueError, OSError, KeyError)):
        Observed.unpacked(data[: len(data) // 2])
