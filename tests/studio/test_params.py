"""What a request says is checked before it does anything."""

from __future__ import annotations

import pytest

from nftgan.errors import UsageError
from nftgan.studio.params import seeds_of


def test_one_seed_or_several_are_understood_and_each_counts_once() -> None:
    assert seeds_of({"seed": 3}) == [3]
    assert seeds_of({"seeds": [5, 3, 5]}) == [5, 3]


@pytest.mark.parametrize("said", [{}, {"seeds": []}, {"seeds": 3}, {"seeds": [True]}, {"seed": -1}])
def test_what_is_no_seed_is_refused(said: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        seeds_of(said)
