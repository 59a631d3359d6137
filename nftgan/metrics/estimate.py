"""A figure with its error bar, and the error of a share."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Estimate:
    """A figure and its standard error: about 2 in 3 repetitions lie within one of the truth."""

    value: float
    error: float


def share(count: int, total: int) -> Estimate:
    """`count` of `total`, with the error by Agresti and Coull, which is not 0 at 0 % or 100 %."""
    middle = (count + 2) / (total + 4)
    return Estimate(count / total, math.sqrt(middle * (1 - middle) / (total + 4)))


def spread(values: list[float]) -> float:
    """The standard error of a figure, from that figure on equal disjoint parts of the data."""
    count, mean = len(values), sum(values) / len(values)
    return math.sqrt(sum((v - mean) ** 2 for v in values) / (count * (count - 1)))
