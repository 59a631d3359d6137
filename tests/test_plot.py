"""Axes are round, curves are where their values are."""

from __future__ import annotations

import pytest

from nftgan.plot import FLOOR, LEFT, RIGHT, TOP, curves, number, ticks


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.0, 1.0, [0, 0.5, 1.0]),
        (-0.118, 0.434, [-0.2, 0, 0.2, 0.4, 0.6]),
        (0.0, 1e-9, [0, 5e-10, 1e-9]),
        (3.0, 3.0, [3, 4]),
    ],
)
def test_an_axis_has_round_numbers_around_its_values(
    low: float, high: float, expected: list[float]
) -> None:
    assert ticks(low, high) == pytest.approx(expected)


def test_numbers_are_read_without_powers_of_ten() -> None:
    assert [number(x) for x in (0, 0.0123456, 1.5, 12.0, 123456.0, -0.2)] == [
        "0",
        "0.0123",
        "1.5",
        "12",
        "123,456",
        "-0.2",
    ]


def test_a_curve_runs_from_its_first_to_its_last_point() -> None:
    plot = curves("t", [("a", [(0, 0.0), (1, 4.0)]), ("b", [(0, 1.0)])], unit="kimg")
    assert plot is not None
    (curve,) = plot.curves
    assert curve.points == f"{LEFT:.1f},{FLOOR:.1f} {RIGHT:.1f},{TOP:.1f}" and curve.last == "4"
    assert {label.text for label in plot.labels} >= {"0", "2", "4", "kimg"}


def test_nothing_is_drawn_of_one_point() -> None:
    assert curves("t", [("a", [(0, 1.0)])], unit="kimg") is None


def test_a_flat_curve_still_has_an_axis() -> None:
    plot = curves("t", [("a", [(0, 0.0), (1, 0.0)])], unit="kimg")
    assert plot is not None and "nan" not in plot.curves[0].points


def test_what_rounding_leaves_of_zero_is_drawn_as_zero() -> None:
    plot = curves("p", [("p", [(1.0, 5.4e-20), (2.0, 0.0)])], unit="kimg")
    assert plot is not None
    assert {point.split(",")[1] for point in plot.curves[0].points.split()} == {f"{FLOOR:.1f}"}
