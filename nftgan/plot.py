"""Plots for a page: rules, bars, curves and words by their places; the template draws them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 460, 190
LEFT, RIGHT, TOP, FLOOR = 46, 450, 10, 160
"""Where a plot of curves has its axes, in units of its view."""


@dataclass(frozen=True)
class Rule:
    """A straight line; kind: floor, mean or grid."""

    kind: str
    x1: str
    x2: str
    y1: str
    y2: str


@dataclass(frozen=True)
class Bar:
    """One bar and what is said when a person points at it."""

    x: str
    width: str
    y: str
    height: str
    title: str


@dataclass(frozen=True)
class Curve:
    """points: "x,y x,y …" in units of the view."""

    name: str
    points: str
    last: str  # its newest value, as a person reads it


@dataclass(frozen=True)
class Label:
    """Small text at a place; anchor: start, middle or end."""

    x: str
    y: str
    text: str
    anchor: str = "start"


@dataclass(frozen=True)
class Plot:
    """title says to those who cannot see it what it shows; view: of an SVG that scales as a whole,
    empty for one whose x are percentages of its width."""

    title: str
    rules: tuple[Rule, ...] = ()
    bars: tuple[Bar, ...] = ()
    curves: tuple[Curve, ...] = ()
    labels: tuple[Label, ...] = ()
    view: str = ""
    height: int = HEIGHT


NOTHING = 1e-11
"""What a sum of floats leaves where zero is meant; an axis shows less as zero."""


def ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Round values from at or below `low` to at or above `high`: steps of 1, 2 or 5 times 10^n."""
    span = high - low
    if not span > NOTHING:
        span = abs(high) if abs(high) > NOTHING else 1.0
    rough = span / max(1, most - 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= rough * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(n * step, 12) + 0.0 for n in range(first, max(last, first + 1) + 1)]


def number(value: float) -> str:
    """Three digits that count, never in powers of ten for what a page shows: "0.012", "1,250"."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    text = f"{value:.{min(digits, 9)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def curves(
    title: str, named: Sequence[tuple[str, Sequence[tuple[float, float]]]], *, unit: str
) -> Plot | None:
    """Curves of (x, y) points over one pair of axes with round numbers; None without any of two
    points or more. unit: of x."""
    shown = [(name, points) for name, points in named if len(points) > 1]
    if not shown:
        return None
    xs = [x for _, points in shown for x, _ in points]
    ys = [y for _, points in shown for _, y in points]
    left, right = min(xs), max(xs)
    marks = ticks(min(*ys, 0.0), max(*ys, 0.0))
    low, high = marks[0], marks[-1]

    def across(x: float) -> float:
        return LEFT + (x - left) / ((right - left) or 1) * (RIGHT - LEFT)

    def down(y: float) -> float:
        return TOP + (high - y) / (high - low) * (FLOOR - TOP)

    rules, labels = [], []
    for mark in marks:
        y = f"{down(mark):.1f}"
        kind = "floor" if mark == 0 else "grid"
        rules.append(Rule(kind, str(LEFT), str(RIGHT), y, y))
        labels.append(Label(str(LEFT - 6), f"{down(mark) + 3.5:.1f}", number(mark), "end"))
    for place in ticks(left, right, 6):
        if left <= place <= right:
            anchor = "end" if across(place) > RIGHT - 12 else "middle"
            labels.append(
                Label(f"{across(place):.1f}", str(FLOOR + 16), f"{number(place)}", anchor)
            )
    labels.append(Label(str(RIGHT), str(FLOOR + 28), unit, "end"))
    drawn = tuple(
        Curve(
            name,
            " ".join(f"{across(x):.1f},{down(y):.1f}" for x, y in points),
            number(points[-1][1]),
        )
        for name, points in shown
    )
    return Plot(title, tuple(rules), (), drawn, tuple(labels), f"0 0 {WIDTH} {HEIGHT}")
