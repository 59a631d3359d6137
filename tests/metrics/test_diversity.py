"""Variety against closed forms: equal, orthogonal and grouped images."""

from __future__ import annotations

import math

import numpy as np
import pytest

from nftgan.errors import UsageError
from nftgan.metrics.diversity import kernel_width, mean_distance, vendi


def directions(count: int, seed: int, size: int = 8) -> np.ndarray:
    rows = np.random.default_rng(seed).standard_normal((count, size))
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def test_the_mean_distance_is_that_of_all_pairs() -> None:
    x = directions(12, 0)
    pairs = [float(np.sum((a - b) ** 2)) for i, a in enumerate(x) for b in x[:i]]
    assert mean_distance(x).value == pytest.approx(np.mean(pairs), rel=1e-12)
    assert mean_distance(np.ones((5, 3))).value == 0


def test_the_error_of_the_mean_distance_is_the_spread_of_repetitions() -> None:
    found = [mean_distance(directions(40, s) + 0.2) for s in range(300)]
    spread = np.std([f.value for f in found])
    assert np.mean([f.error for f in found]) > 0.8 * spread


def test_groups_of_equal_images_count_once_each() -> None:
    corners = 100 * np.eye(6)
    assert vendi(np.repeat(corners, 5, axis=0), 1.0).value == pytest.approx(6, rel=1e-9)
    assert vendi(np.repeat(corners[:1], 30, axis=0), 1.0).value == pytest.approx(1, rel=1e-9)
    assert vendi(100 * np.eye(20), 1.0).value == pytest.approx(20, rel=1e-9)


def test_uneven_groups_count_by_their_entropy() -> None:
    corners = 100 * np.eye(3)
    rows = np.repeat(corners, [10, 20, 30], axis=0)
    shares = np.array([1, 2, 3]) / 6
    expected = math.exp(-float((shares * np.log(shares)).sum()))
    assert vendi(rows, 1.0).value == pytest.approx(expected, rel=1e-9)


def test_two_related_images_have_the_eigenvalues_of_their_kernel() -> None:
    rows = np.array([[0.0, 0.0], [1.0, 0.0], [50.0, 0.0], [90.0, 0.0], [130.0, 0.0]])
    k = math.exp(-0.5)
    values = np.array([(1 + k) / 5, (1 - k) / 5, 0.2, 0.2, 0.2])
    expected = math.exp(-float((values * np.log(values)).sum()))
    assert vendi(rows, 1.0).value == pytest.approx(expected, rel=1e-9)


def test_a_collapsed_set_has_less_of_both() -> None:
    art = directions(100, 0)
    few = np.repeat(directions(4, 1), 25, axis=0)
    width = kernel_width(art)
    assert vendi(few, width).value < 4.01 < vendi(art, width).value / 3
    assert mean_distance(few).value < mean_distance(art).value


def test_too_few_images_are_refused() -> None:
    with pytest.raises(UsageError, match="at least 5"):
        vendi(directions(4, 0), 1.0)
    with pytest.raises(UsageError, match="at least 3"):
        mean_distance(directions(2, 0))
