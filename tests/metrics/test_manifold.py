"""Precision, recall and coverage against their definition and against known distributions."""

from __future__ import annotations

import math

import numpy as np
import pytest

from nftgan.errors import UsageError
from nftgan.metrics.manifold import manifold


def gaussian(count: int, seed: int, size: int = 4, shift: float = 0.0) -> np.ndarray:
    rows = np.random.default_rng(seed).standard_normal((count, size))
    rows[:, 0] += shift
    return rows


def by_definition(
    fakes: np.ndarray, reals: np.ndarray, k: int
) -> tuple[float, float, float, float]:
    def radius(point: int, among: np.ndarray) -> float:
        return sorted(math.dist(among[point], other) for other in among)[k]  # 0 is itself

    real_radii = [radius(i, reals) for i in range(len(reals))]
    fake_radii = [radius(i, fakes) for i in range(len(fakes))]
    inside = [[math.dist(f, r) <= d for r, d in zip(reals, real_radii, strict=True)] for f in fakes]
    precision = np.mean([any(row) for row in inside])
    recall = np.mean(
        [any(math.dist(f, r) <= d for f, d in zip(fakes, fake_radii, strict=True)) for r in reals]
    )
    return (
        float(precision),
        float(recall),
        float(np.mean([any(column) for column in zip(*inside, strict=True)])),
        float(np.sum(inside) / (k * len(fakes))),
    )


@pytest.mark.parametrize("k", [1, 3, 5])
def test_the_shares_are_those_of_the_definition(k: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nftgan.metrics.manifold._CHUNK", 7)
    fakes, reals = gaussian(31, 0, shift=1), gaussian(24, 1)
    found = manifold(fakes, reals, k=k)
    values = (found.precision.value, found.recall.value, found.coverage.value, found.density)
    assert values == pytest.approx(by_definition(fakes, reals, k), rel=1e-12)


@pytest.mark.parametrize(("n", "m"), [(60, 60), (100, 40)])
def test_coverage_of_the_same_distribution_is_what_counting_says(n: int, m: int) -> None:
    # Naeem et al., lemma 2: of the other n - 1 + m points the 3 nearest are all real.
    expected = 1 - math.prod((n - 1 - i) / (n + m - 1 - i) for i in range(3))
    found = [manifold(gaussian(m, 2 * s), gaussian(n, 2 * s + 1)) for s in range(150)]
    values = [f.coverage.value for f in found]
    assert np.mean(values) == pytest.approx(expected, abs=4 * np.std(values) / math.sqrt(150))
    density = [f.density for f in found]
    assert np.mean(density) == pytest.approx(1, abs=4 * np.std(density) / math.sqrt(150))


def test_far_gaussians_share_nothing() -> None:
    found = manifold(gaussian(50, 0, shift=100), gaussian(50, 1))
    assert found.precision.value == found.recall.value == found.coverage.value == found.density == 0
    assert 0 < found.precision.error < 0.05


def test_few_modes_have_precision_without_coverage() -> None:
    reals = gaussian(400, 0)
    fakes = np.repeat(reals[:4], 20, axis=0)
    found = manifold(fakes, reals)
    assert found.precision.value == 1
    assert found.coverage.value < 0.1 and found.recall.value < 0.1


def test_too_few_images_are_refused() -> None:
    with pytest.raises(UsageError, match="more than 3 images"):
        manifold(gaussian(3, 0), gaussian(10, 1))
