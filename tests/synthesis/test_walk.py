"""Walks: they visit their seeds, close their loops and become files that play."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny import stylegan3

from nftgan.errors import UsageError
from nftgan.synthesis import walk
from nftgan.synthesis.walk import KINDS, PeriodicSpline, Walk, interpolate, slerp


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_walk_visits_its_seeds(kind: str) -> None:
    model = stylegan3()
    walk = Walk(model, [1, 2, 3], steps=4, kind=kind)
    frames = [frame.astype(int) for frame in walk]
    assert len(walk) == len(frames) == 12
    for number, image in enumerate(model.generate([1, 2, 3])):
        assert np.abs(frames[4 * number] - image).max() <= 1
    assert np.abs(frames[2] - frames[0]).mean() > 1


@pytest.mark.parametrize("kind", ["linear", "slerp"])
def test_an_open_walk_ends_at_its_last_seed(kind: str) -> None:
    model = stylegan3()
    walk = Walk(model, [4, 9], steps=3, kind=kind, loop=False)
    frames = list(walk)
    assert len(walk) == len(frames) == 4
    assert np.abs(frames[-1].astype(int) - model.generate([9])[0]).max() <= 1


@given(st.integers(1, 6), st.integers(0, 50))
def test_the_closed_curve_is_smooth_also_where_it_closes(count: int, seed: int) -> None:
    points = np.random.RandomState(seed).randn(count, 3)
    curve = PeriodicSpline(points)
    h = 1e-4
    for k in range(count + 1):
        assert np.allclose(curve(k), points[k % count], atol=1e-12)
        before, at, after = curve(k - h), curve(k), curve(k + h)
        # Equal slopes on both sides: a corner would leave a difference of the order of h.
        assert np.abs(after - 2 * at + before).max() < 1e-6
        bend_before = (curve(k - 2 * h) - 2 * before + at) / h**2
        bend_after = (at - 2 * after + curve(k + 2 * h)) / h**2
        assert np.abs(bend_after - bend_before).max() < 0.05
    assert np.allclose(curve(0.3), curve(0.3 + count))


@pytest.mark.parametrize("kind", ["cubic", "linear", "slerp"])
def test_a_walk_between_classes_visits_each_of_them(kind: str) -> None:
    model = stylegan3(c_dim=3)
    walk = Walk(model, [5], classes=[0, 2, 1], steps=4, kind=kind)
    frames = list(walk)
    for stop, label in enumerate((0, 2, 1)):
        own = model.generate([5], class_idx=label)[0]
        assert np.abs(frames[4 * stop].astype(int) - own).max() <= 1
        assert not np.array_equal(frames[4 * stop + 2], frames[4 * stop])
    mixed = list(Walk(model, [5, 6], classes=[0, 2], steps=2, kind=kind))
    assert np.abs(mixed[2].astype(int) - model.generate([6], class_idx=2)[0]).max() <= 1
    assert Walk(model, [5, 6], classes=[1], steps=2, kind=kind).classes == (1, 1)


def test_classes_that_do_not_fit_are_refused() -> None:
    model = stylegan3(c_dim=3)
    for seeds, classes, words in (
        ([1, 2], [0, 1, 2], "cannot stand for"),
        ([1], [0, 3], "is not one of"),
        ([1], [0], "at least two"),
    ):
        with pytest.raises(UsageError, match=words):
            Walk(model, seeds, classes=classes)
    with pytest.raises(UsageError, match="no classes"):
        Walk(stylegan3(), [1], classes=[0, 1])


def test_a_great_circle_keeps_its_length_and_hits_its_ends() -> None:
    a, b = np.array([3.0, 0, 0]), np.array([0, 3.0, 0])
    assert np.allclose(slerp(a, b, 0), a) and np.allclose(slerp(a, b, 1), b)
    middle = slerp(a, b, 0.5)
    assert np.allclose(middle, [4.5**0.5, 4.5**0.5, 0])
    assert np.allclose(slerp(a, 2 * a, 0.5), 1.5 * a)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"seeds": [1]}, "at least two seeds"),
        ({"kind": "bezier"}, "no kind of walk"),
        ({"kind": "cubic", "loop": False}, "always a loop"),
        ({"steps": 0}, "not from 1 to"),
        ({"steps": 10**6}, "not from 1 to"),
    ],
)
def test_impossible_walks_are_refused(values: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        Walk(stylegan3(), **{"seeds": [1, 2], **values})


@pytest.mark.parametrize("kind", KINDS)
def test_frames_come_in_any_order(kind: str) -> None:
    walk = Walk(stylegan3(), [1, 2, 3], steps=3, kind=kind)
    frames = list(walk)
    for number in (7, 0, 5):
        assert np.array_equal(walk.frame(number), frames[number])


def test_interpolation_begins_and_ends_with_its_seeds() -> None:
    model = stylegan3()
    images = interpolate(model, 3, 4, frames=5)
    assert images.shape == (5, 16, 16, 3)
    assert np.array_equal(images[[0, -1]], model.generate([3, 4]))
    with pytest.raises(UsageError, match="1 frames do not lead"):
        interpolate(model, 3, 4, frames=1)


@pytest.mark.parametrize("count", [2, 3, 8, 33])
def test_a_curve_of_many_points_is_the_same_without_its_matrix(
    count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    points = np.random.default_rng(count).standard_normal((count, 5))
    dense = PeriodicSpline(points)
    monkeypatch.setattr(walk, "DENSE", 0)
    waves = PeriodicSpline(points)
    for time in np.linspace(0, count, 23):
        np.testing.assert_allclose(waves(time), dense(time), atol=1e-12)
