"""A mean of features survives its file, and is nearest to art of the same kind."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nftgan.dataset.archive import Dataset
from nftgan.dataset.pack import write_dataset
from nftgan.metrics import features
from nftgan.metrics.features import Extractor
from nftgan.metrics.likeness import SIZE, distance, mean_features, read, written


def drawn(path: Path, kind: str, seed: int) -> Dataset:
    """Eight images of 32 pixels: flat squares, or stripes."""
    rng = np.random.default_rng(seed)
    cells = (4, 4) if kind == "squares" else (32, 1)
    images = [
        np.kron(rng.integers(0, 256, (*cells, 3)), np.ones((32 // cells[0], 32 // cells[1], 1)))
        for _ in range(8)
    ]
    write_dataset(path, [image.astype(np.uint8) for image in images], labels=None)
    return Dataset.open(path)


def test_art_of_the_same_kind_is_nearer_than_art_of_another(tmp_path: Path) -> None:
    extract = Extractor()
    one, same, other = (
        mean_features(drawn(tmp_path / f"{kind}-{seed}.zip", kind, seed), extract)
        for kind, seed in (("squares", 1), ("squares", 2), ("stripes", 3))
    )
    assert 0 == distance(one, one) < distance(one, same) < distance(one, other)


def test_what_is_written_is_read_to_half_precision() -> None:
    mean = np.random.default_rng(0).normal(0, 0.07, SIZE).astype(np.float32)
    assert len(written(mean)) == 600 and len(mean) == features.SIZE
    np.testing.assert_allclose(read(written(mean)), mean, rtol=1e-3, atol=1e-7)


@pytest.mark.parametrize("text", [None, 3, "", "Zm9v", "é" * 600, "A" * 10_000, "fA" * 300])
def test_nonsense_of_a_file_is_no_mean(text: object) -> None:
    assert read(text) is None
