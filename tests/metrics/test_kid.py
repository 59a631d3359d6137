"""KID against its definition, against distributions with a known answer, and its error bars."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from nftgan.errors import UsageError
from nftgan.metrics.kid import kid, subset_kid


def directions(count: int, seed: int, tilt: float = 0.0, size: int = 6) -> np.ndarray:
    """Random unit vectors, pulled towards the first axis by `tilt`."""
    rows = np.random.default_rng(seed).standard_normal((count, size))
    rows[:, 0] += tilt
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def by_definition(x: np.ndarray, y: np.ndarray) -> float:
    def k(a: np.ndarray, b: np.ndarray) -> float:
        return (float(sum(p * q for p, q in zip(a, b, strict=True))) + 1) ** 3

    own = [np.mean([k(a, b) for a, b in itertools.permutations(s, 2)]) for s in (x, y)]
    return float(sum(own) - 2 * np.mean([k(a, b) for a in x for b in y]))


def test_kid_is_the_mean_over_all_pairs() -> None:
    x, y = directions(9, 0), directions(7, 1, tilt=0.5)
    assert kid(x, y).value == pytest.approx(by_definition(x, y), rel=1e-12)
    assert kid(x, y).value == pytest.approx(kid(y, x).value, rel=1e-12)


def test_the_jackknife_is_leaving_one_out() -> None:
    x, y = directions(6, 2), directions(8, 3, tilt=1)
    terms = 0.0
    for one, other in ((x, y), (y, x)):
        left_out = [by_definition(np.delete(one, i, 0), other) for i in range(len(one))]
        terms += (len(one) - 1) * np.var(left_out)
    assert kid(x, y).error == pytest.approx(np.sqrt(terms), rel=1e-9)


def test_large_sets_are_summed_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = directions(50, 0), directions(61, 1)
    whole = kid(x, y)
    monkeypatch.setattr("nftgan.metrics.kid._CHUNK", 7)
    assert kid(x, y).value == pytest.approx(whole.value, rel=1e-10)
    assert kid(x, y).error == pytest.approx(whole.error, rel=1e-10)


@pytest.mark.parametrize("size", [(40, 40), (40, 200)])
def test_one_distribution_gives_zero_on_average_at_every_size(size: tuple[int, int]) -> None:
    found = [kid(directions(size[0], 2 * s), directions(size[1], 2 * s + 1)) for s in range(200)]
    values = np.array([f.value for f in found])
    assert abs(values.mean()) < 3 * values.std() / np.sqrt(len(values))
    assert np.mean(np.abs(values) < 2 * np.array([f.error for f in found])) > 0.9


def test_the_error_is_the_spread_of_repetitions() -> None:
    found = [kid(directions(80, 2 * s), directions(60, 2 * s + 1, tilt=1)) for s in range(300)]
    spread = np.std([f.value for f in found])
    assert np.mean([f.error for f in found]) == pytest.approx(spread, rel=0.15)


def test_a_known_distance_is_found() -> None:
    # On the circle x.y = cos(a - b). Uniform angles against those of density (1 + cos) / 2 pi:
    # the densities differ in one harmonic, whose weight in (1 + cos)^3 is 15/4, times (1/2)^2.
    random = np.random.default_rng(0)
    n = 2500
    uniform = random.uniform(0, 2 * np.pi, n)
    tilted = random.uniform(-np.pi, np.pi, 4 * n)
    tilted = tilted[random.uniform(0, 2, 4 * n) < 1 + np.cos(tilted)]
    found = kid(*(np.stack([np.cos(a), np.sin(a)], 1) for a in (uniform, tilted)))
    assert abs(found.value - 15 / 16) < 3 * found.error < 0.2


def test_random_subsets_tend_to_the_figure_of_all_pairs() -> None:
    x, y = directions(60, 0), directions(60, 1, tilt=0.7)
    some = subset_kid(x, y, subsets=2000, size=12)
    assert abs(some.value - kid(x, y).value) < 3 * some.error
    assert subset_kid(x, y, subsets=5) == subset_kid(x, y, subsets=5, size=30)


def test_too_few_images_are_refused() -> None:
    with pytest.raises(UsageError, match="at least 3 images"):
        kid(directions(2, 0), directions(9, 1))
    with pytest.raises(UsageError, match="subsets of 20"):
        subset_kid(directions(9, 0), directions(9, 1), size=20)
