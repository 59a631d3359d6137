"""Where the lines of an enlargement lie between those of the image: the taps of its filters."""

from __future__ import annotations

from collections.abc import Iterator


def taps(factor: int) -> Iterator[tuple[int, int, int]]:
    """Of each line u j + r, in order of r: p, q and the first of its four taps, as lines from j.

    The line lies p / q of the way from its second tap to its third, q = 2 u and 0 <= p < q.
    """
    q = 2 * factor
    for r in range(factor):
        p = 2 * r + 1 - factor
        yield (p, q, -1) if p >= 0 else (p + q, q, -2)
