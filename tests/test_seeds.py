"""Seed lists."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nftgan.errors import UsageError
from nftgan.seeds import MAX_SEED, format_seeds, parse_seeds


def test_ranges_include_both_ends_and_keep_the_order_written() -> None:
    assert parse_seeds("7,0-3,142") == (7, 0, 1, 2, 3, 142)


@given(st.lists(st.integers(0, MAX_SEED), unique=True, min_size=1, max_size=50))
def test_formatting_then_parsing_gives_the_same_tuple(seeds: list[int]) -> None:
    assert parse_seeds(format_seeds(seeds)) == tuple(seeds)


@pytest.mark.parametrize(
    "text",
    ["", "a", "1-", "-1", "5-3", "1,,2", "1,1", "0-2,2", "4294967296", "0-99999999", "1.5", "²"],
)
def test_what_is_not_a_seed_list_is_refused_with_one_sentence(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_seeds(text)
    assert "\n" not in caught.value.message


def test_a_number_of_thousands_of_digits_is_too_large_in_one_sentence() -> None:
    for text in ("9" * 5_000, f"0-{'9' * 5_000}"):
        with pytest.raises(UsageError, match="above the largest possible"):
            parse_seeds(text)


def test_a_walk_may_come_back_to_a_seed() -> None:
    assert parse_seeds("0,1,0,2", repeats=True) == (0, 1, 0, 2)
