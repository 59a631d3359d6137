"""A tag becomes the number, boost or date that it is to be shown as, or is refused."""

from __future__ import annotations

from typing import Any

import pytest

from nftgan.collection.display import attribute
from nftgan.errors import UsageError


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("number", "7", {"value": 7}),
        ("number", "-2.50", {"value": -2.5}),
        ("number", "7 / 10", {"value": 7, "max_value": 10}),
        ("number", "3.0", {"value": 3}),
        ("boost_number", "+5", {"value": 5}),
        ("boost_percentage", "12.5", {"value": 12.5}),
        ("date", "1970-01-02", {"value": 86400}),
        ("date", "2024-02-29", {"value": 1709164800}),
    ],
)
def test_a_tag_is_shown_as_the_table_says(kind: str, text: str, value: dict[str, Any]) -> None:
    found = attribute("Level", text, {"level": kind})
    assert found == {"trait_type": "Level", "display_type": kind, **value}
    assert all(type(one) in (int, float) for one in value.values())


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("number", "high"),
        ("number", "nan"),
        ("number", "1e400"),
        ("number", "11/10"),
        ("number", "９"),
        ("number", "9007199254740993"),
        ("boost_number", "7/10"),
        ("date", "2026-02-30"),
        ("date", "01.05.2026"),
    ],
)
def test_what_is_no_number_or_date_is_refused(kind: str, text: str) -> None:
    with pytest.raises(UsageError):
        attribute("Level", text, {"Level": kind})


def test_a_trait_that_the_table_does_not_name_stays_text() -> None:
    assert attribute("Mood", "7", {"Level": "number"}) == {"trait_type": "Mood", "value": "7"}
