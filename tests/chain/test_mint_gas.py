"""Plans of mints: what they say about gas is what minting then takes, by either contract."""

from __future__ import annotations

from pathlib import Path

import pytest

from nftgan.chain.accounts import embedded_account
from nftgan.chain.contract import Collection
from nftgan.chain.mint_gas import MintGas, per_token_gas
from nftgan.chain.minting import plan_mint, run_mint
from nftgan.chain.recipients import laid_out, recipients_of
from nftgan.chain.rpc import Connection
from tests.chain.actors import account, deploy, mint, seeds_of, sender

COUNTS = (10, 1, 1, 1, 1, 1, 2, 2)


@pytest.mark.parametrize("store", ["event", "code"])
@pytest.mark.parametrize("before", [0, 3])
def test_a_plan_for_several_covers_all_of_them_and_not_much_more(
    embedded: Connection, tmp_path: Path, store: str, before: int
) -> None:
    me = embedded_account()
    collection = deploy(embedded, me, tmp_path, before + sum(COUNTS), seed_store=store)
    own = sender(embedded, me, tmp_path / "mint.jsonl")
    if before:
        mint(own, collection, before)
    people = {account(f"person {i}").address: count for i, count in enumerate(COUNTS)}
    wanted = laid_out(recipients_of(people), before)
    plan = plan_mint(own, collection, wanted, seeds_of(before + sum(COUNTS)))
    assert [(batch.first, batch.end, batch.to) for batch in plan.batches] == [
        (one.first, one.end, one.to) for one in wanted
    ]
    assert plan.to is None and plan.gas == sum(batch.gas for batch in plan.batches)
    run_mint(own, collection, plan)
    finals = own.journal.finals
    for batch in plan.batches:  # each one, not only their sum
        used = finals[batch.operation]["gas"]
        assert used < batch.gas < 1.5 * used, batch.operation
    used = sum(finals[batch.operation]["gas"] for batch in plan.batches)
    assert used < plan.gas < 1.3 * used
    for one in wanted:
        assert {collection.owner_of(token) for token in range(one.first, one.end)} == {one.to}


def test_one_person_is_planned_as_before(embedded: Connection, tmp_path: Path) -> None:
    me = embedded_account()
    collection: Collection = deploy(embedded, me, tmp_path, 5)
    own = sender(embedded, me, tmp_path / "mint.jsonl")
    plan = plan_mint(own, collection, me.address, seeds_of(5))
    assert plan.to == me.address and [len(batch.seeds) for batch in plan.batches] == [5]


def test_two_sizes_tell_the_fixed_part() -> None:
    tried: list[int] = []

    def attempt(tokens: int) -> int:
        tried.append(tokens)
        return 70_000 + 2_300 * tokens

    assert per_token_gas(attempt, 50) == (70_000, 2_300) and tried == [2, 50]
    assert per_token_gas(attempt, 2) == (74_600, 0)
    assert per_token_gas(lambda tokens: 100 - tokens, 9) == (96, 1)  # a node that lies
    prices = MintGas(single=80, fixed=70, per_token=2, later=20)
    assert [prices.of(1, later=True), prices.of(3, later=False), prices.of(3, later=True)] == [
        *(80, 76, 96)
    ]
