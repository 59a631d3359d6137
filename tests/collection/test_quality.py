"""What orders candidates: parts where they tell, else likeness and the discriminator."""

from __future__ import annotations

import numpy as np
import pytest

from nftgan.collection.quality import BY_BOTH, BY_LIKENESS, BY_LOGIT, BY_PARTS, order, ranks

OWN = np.ones(4)
TORN = np.array([[1, 1, 1, 1], [1, 1, 3, 1], [1, 1, 2, 1]], dtype=np.float32)
ALIKE = np.full((3, 4), 1.1, dtype=np.float32)


def never() -> list[float]:
    raise AssertionError("the discriminator is asked for nothing")


def test_parts_tell_alone_where_candidates_fail_somewhere() -> None:
    found = order(parts=(TORN, OWN), ratios=[0.1, 0.2, 0.3], logits=never)
    assert found is not None and found.by == BY_PARTS
    assert found.values.tolist() == [1.0, 0.0, 0.5]


@pytest.mark.parametrize(
    ("ratios", "logits", "values", "by"),
    [
        ([0.1, 0.2, 0.3], [1.0, 3.0, 2.0], [0.5, 0.75, 0.25], BY_BOTH),
        ([0.1, 0.2, 0.3], None, [1.0, 0.5, 0.0], BY_LIKENESS),
        (None, [1.0, 3.0, 2.0], [0.0, 1.0, 0.5], BY_LOGIT),
    ],
)
def test_where_parts_say_nothing_what_is_at_hand_tells(
    ratios: list[float] | None, logits: list[float] | None, values: list[float], by: str
) -> None:
    said = None if logits is None else lambda: logits
    for parts in (None, (ALIKE, OWN)):
        found = order(parts=parts, ratios=ratios, logits=said)
        assert found is not None and found.by == by
        assert found.values.tolist() == values


def test_nothing_at_hand_is_no_order() -> None:
    assert order() is None
    assert order(parts=(ALIKE, OWN)) is None


def test_equals_share_a_rank() -> None:
    assert ranks([3, 1, 1, 2]).tolist() == [1.0, 0.0, 0.0, pytest.approx(2 / 3)]
