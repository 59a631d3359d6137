"""Numbers read as a person would write them."""

from __future__ import annotations

import pytest

from nftgan.words import counted, duration, ordinal, percent


@pytest.mark.parametrize(
    ("number", "words"), [(0, "0 pieces"), (1, "1 piece"), (2000, "2,000 pieces")]
)
def test_one_is_no_plural(number: int, words: str) -> None:
    assert counted(number, "piece") == words


def test_a_plural_may_be_another_word() -> None:
    assert counted(2, "copy", "copies") == "2 copies" and counted(1, "copy", "copies") == "1 copy"


def test_a_small_share_keeps_its_first_digit() -> None:
    assert [percent(1, 8), percent(1, 1000), percent(0, 5)] == ["12 %", "0.1 %", "0 %"]


def test_long_times_are_hours_and_minutes() -> None:
    assert [duration(s) for s in (45, 720, 42140)] == ["45 s", "12 min", "11 h 42 min"]


def test_the_eleventh_is_no_eleven_first() -> None:
    assert [ordinal(n) for n in (1, 2, 3, 4, 11, 12, 21, 111)] == (
        ["1st", "2nd", "3rd", "4th", "11th", "12th", "21st", "111th"]
    )
