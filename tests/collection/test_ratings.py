"""Ratings: the last word counts, a torn line costs only itself."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from nftgan.collection.ratings import Rating, append_rating, picked_seeds, read_ratings
from nftgan.errors import UsageError


def test_the_latest_opinion_of_each_kind_wins(tmp_path: Path) -> None:
    path = tmp_path / "ratings.jsonl"
    assert read_ratings(path, model="m") == {}
    for rating in (
        Rating(7, "m", stars=2),
        Rating(3, "m", picked=True),
        Rating(7, "m", picked=True),
        Rating(7, "m", stars=5),
        Rating(3, "m", picked=False),
        Rating(7, "other", stars=0, picked=False),
    ):
        append_rating(path, rating)
    found = read_ratings(path, model="m")
    assert list(found.values()) == [Rating(3, "m", None, False), Rating(7, "m", 5, True)]
    assert picked_seeds(found) == (7,)
    assert path.read_text().count("\n") == 6


def test_a_line_cut_short_by_a_crash_costs_only_itself(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "ratings.jsonl"
    append_rating(path, Rating(1, "m", stars=4))
    with path.open("ab") as file:
        file.write(b'{"seed": 2, "mod')
    append_rating(path, Rating(3, "m", stars=1))
    with caplog.at_level(logging.WARNING):
        assert sorted(read_ratings(path, model="m")) == [1, 3]
    assert "line 2 is skipped" in caplog.text


@pytest.mark.parametrize(
    "line",
    ["[1]", '{"seed": -1, "model": "m"}', '{"seed": 1}', '{"seed":1,"model":"m","x":1}', "\\"],
)
def test_lines_that_are_no_ratings_are_skipped(tmp_path: Path, line: str) -> None:
    path = tmp_path / "ratings.jsonl"
    path.write_text(line + "\n")
    append_rating(path, Rating(3, "m"))
    assert list(read_ratings(path, model="m")) == [3]


@pytest.mark.parametrize(
    "values",
    [
        {"seed": 2**32},
        {"seed": True},
        {"stars": 6},
        {"stars": 2.5},
        {"picked": 1},
        {"model": None},
    ],
)
def test_opinions_out_of_range_are_refused(values: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        Rating(**{"seed": 1, "model": "m", **values})
