"""Batches: what is given becomes transactions to one account each; old ones keep their borders."""

from __future__ import annotations

from nftgan.chain.batches import Batch, divided, joined
from nftgan.chain.recipients import Allotment

SEEDS = tuple(range(100, 130))


def spans(wanted: list[Allotment], begun: list[Batch], size: int) -> list[tuple[int, int, str]]:
    found = divided(wanted, begun, SEEDS, size)
    assert all(batch.seeds == SEEDS[batch.first : batch.end] for batch in found)
    return [(batch.first, batch.end, batch.to) for batch in found]


def test_each_account_has_transactions_of_its_own_no_longer_than_allowed() -> None:
    wanted = [Allotment(3, 5, "a"), Allotment(8, 1, "b")]
    assert spans(wanted, [], 4) == [(3, 7, "a"), (7, 8, "a"), (8, 9, "b")]
    assert spans([], [], 4) == []


def test_what_was_begun_keeps_its_borders() -> None:
    wanted = [Allotment(0, 20, "a"), Allotment(20, 2, "b")]
    begun = [Batch(4, SEEDS[4:11], "a"), Batch(20, SEEDS[20:21], "b")]
    assert spans(wanted, begun, 6) == [
        (0, 4, "a"),
        (4, 11, "a"),
        (11, 17, "a"),
        (17, 20, "a"),
        (20, 21, "b"),
        (21, 22, "b"),
    ]


def test_neighbours_of_one_account_share_a_transaction() -> None:
    wanted = [
        Allotment(0, 2, "a"),
        Allotment(2, 3, "a"),
        Allotment(5, 1, "b"),
        Allotment(6, 1, "a"),
    ]
    assert [(one.first, one.end, one.to) for one in joined(wanted)] == [
        (0, 5, "a"),
        (5, 6, "b"),
        (6, 7, "a"),
    ]
