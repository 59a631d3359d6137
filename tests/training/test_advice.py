"""What a run's scores say in words: go on, stop, go back."""

from __future__ import annotations

from typing import Any

import pytest

from nftgan.training.advice import advice


def line(kimg: float, kid: float | None, copies: float = 0.0) -> dict[str, Any]:
    found: dict[str, Any] = {"images": int(kimg * 1000)}
    if kid is not None:
        found |= {"KID": kid, "KID/error": 0.02, "KID/floor": 0.003, "Copies": copies}
    return found


def run(*kids: float, copies: float = 0.0) -> list[dict[str, Any]]:
    return [line(5 * n, kid, copies) for n, kid in enumerate(kids)]


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (run(2.0, 1.5, 1.2, 1.0, 0.8), "still falling: go on, --kimg 40"),
        (run(2.0, 1.0, 0.99, 1.0, 0.98), "no better than before"),
        (run(2.0, 0.8, 0.9, 1.1), "take network-000005"),
        (run(2.0, 1.0, 0.4, 0.1), "near the 3 of the art itself: stop here"),
        (run(2.0, 1.0, 0.4, 0.1, copies=0.2), "20% of the fakes are near-copies"),
        (run(2.0, 1.9, 1.88, 1.87), "no better than before"),
    ],
)
def test_scores_become_advice(lines: list[dict[str, Any]], words: str) -> None:
    assert words in (advice(lines) or "")


def test_a_difference_within_the_error_is_none() -> None:
    assert "worse" not in (advice(run(2.0, 1.0, 0.95, 0.97)) or "")


def test_nothing_is_said_of_two_scores_or_of_lines_without_any() -> None:
    assert advice([]) is None
    assert advice(run(2.0, 1.0)) is None
    assert advice([line(1, None), line(2, 1.0), line(3, None), line(4, 0.9)]) is None
    assert advice([{"images": 1000 * n, "KID": 9.0 / n} for n in range(1, 6)]) is None
