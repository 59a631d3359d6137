"""Features: exact mirrors, exact distances."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from nftgan.collection.features import SIZE, distances, features, mirrored, nearest


def noise(seed: int, side: int = 32) -> np.ndarray:
    return np.random.RandomState(seed).randint(0, 256, (side, side, 3)).astype(np.uint8)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 1000), st.sampled_from([8, 16, 20, 32, 64]))
def test_features_of_the_mirror_image_are_the_mirrored_features(seed: int, side: int) -> None:
    image = noise(seed, side)
    row = features(image)
    assert row.shape == (SIZE,) and np.array_equal(row, np.rint(row))
    assert np.array_equal(mirrored(row[None])[0], features(image[:, ::-1]))


def test_distances_are_the_root_mean_square_and_exact_in_any_order() -> None:
    rows = np.stack([features(noise(i)) for i in range(6)])
    table = distances(rows, rows)
    slow = np.array([[np.sqrt(((a - b) ** 2).sum() / SIZE) for b in rows] for a in rows])
    assert np.array_equal(table, slow)
    assert np.array_equal(np.diag(table), np.zeros(6))


def test_the_nearest_row_is_found_and_a_row_is_not_its_own_neighbour() -> None:
    rows = np.stack([features(noise(i)) for i in range(5)])
    index, least = nearest(rows, rows)
    assert index.tolist() == [0, 1, 2, 3, 4] and least.tolist() == [0] * 5
    index, least = nearest(rows, rows, same=True)
    assert all(i != j for i, j in enumerate(index)) and (least > 0).all()


def test_size_does_not_matter_but_colour_and_outline_do() -> None:
    small = np.zeros((16, 16, 3), dtype=np.uint8)
    small[4:12, 4:12] = (200, 40, 40)
    large = small.repeat(4, axis=0).repeat(4, axis=1)
    assert np.array_equal(features(small), features(large))
    recoloured, moved = small.copy(), np.roll(small, 3, axis=1)
    recoloured[4:12, 4:12] = (40, 40, 200)
    base = features(small)[None]
    for other in (recoloured, moved):
        assert distances(base, features(other)[None])[0, 0] > 200
