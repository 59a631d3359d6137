"""Rarity against the formula written out, with exact ties."""

from __future__ import annotations

import math
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from nftgan.collection.rarity import rarity


def piece(**traits: Any) -> list[dict[str, Any]]:
    return [{"trait_type": kind, "value": value} for kind, value in traits.items()]


def test_the_score_is_the_information_content_over_its_mean() -> None:
    pieces = [piece(hat="top", eye="red"), *[piece(hat="cap", eye="red")] * 3]
    rare, common = math.log2(4 / 1), math.log2(4 / 3)
    mean = (rare + 3 * common) / 4
    places = rarity(pieces)
    assert [p.rank for p in places] == [1, 2, 2, 2]
    assert places[0].score == round(rare / mean, 4)
    assert places[1].score == round(common / mean, 4)


def test_ties_share_the_better_rank_and_the_next_one_is_skipped() -> None:
    pieces = [piece(a=1), piece(a=2), piece(a=3), piece(a=3)]
    assert [p.rank for p in rarity(pieces)] == [1, 1, 3, 3]


def test_a_missing_trait_counts_as_a_value() -> None:
    pieces = [piece(a=1), piece(a=1, wings=True), piece(a=1), piece(a=1)]
    assert [p.rank for p in rarity(pieces)] == [2, 1, 2, 2]


def test_equal_pieces_score_nothing_and_tie() -> None:
    assert {(p.rank, p.score) for p in rarity([piece(a=1)] * 5)} == {(1, 0.0)}
    assert rarity([]) == ()


def test_numbers_with_a_display_type_are_left_out() -> None:
    born = {"trait_type": "born", "display_type": "date", "value": 1}
    pieces = [[*piece(a=1), born], [*piece(a=1), {**born, "value": 2}]]
    assert [p.rank for p in rarity(pieces)] == [1, 1]


@given(st.lists(st.lists(st.integers(0, 2), min_size=4, max_size=4), min_size=1, max_size=20))
def test_ranks_follow_the_float_formula_and_the_mean_score_is_one(rows: list[list[int]]) -> None:
    pieces = [piece(**{f"t{k}": v for k, v in enumerate(row)}) for row in rows]
    places = rarity(pieces)
    n = len(rows)
    bits = [
        sum(-math.log2(sum(r[k] == row[k] for r in rows) / n) for k in range(4)) for row in rows
    ]
    for i in range(n):
        assert places[i].rank == 1 + sum(b > bits[i] + 1e-9 for b in bits)
    if max(bits) > 0:
        assert abs(sum(p.score for p in places) / n - 1) < 1e-3
