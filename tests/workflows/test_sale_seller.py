"""Two commands at once, and an account whose collection is elsewhere."""

from __future__ import annotations

import pytest

from nftgan.errors import UsageError
from nftgan.workflows.publishing import ChainChoice
from nftgan.workflows.sale import SaleManager
from nftgan.workflows.sale_open import SaleOptions
from tests.workflows.sale_desk import PRICE, SaleDesk


def test_nothing_is_paid_for_what_cannot_be_minted_now(desk: SaleDesk) -> None:
    opened = desk.sale("open", "--price", "0.01", "--force")
    sending = SaleManager(
        desk.project, ChainChoice("embedded"), prompt=lambda _: "", warn=lambda _: None
    ).sender
    release = desk.sale_of(opened["sale"]).data("release")
    sending.execute("give it back", to=opened["sale"], data=release)
    take = desk.collection.accept_ownership_data()
    sending.execute("take it home", to=desk.collection.address, data=take)
    before = desk.money(opened["sale"])
    error = desk.sale("buy", "1", expect=2)
    assert f"belongs to {desk.artist}" in error["message"]
    assert desk.money(opened["sale"]) == before


def test_of_two_openings_at_once_one_is_told_to_look_again(desk: SaleDesk) -> None:
    choice = ChainChoice("embedded")
    first, second = (
        SaleManager(desk.project, choice, prompt=lambda _: "", warn=lambda _: None)
        for _ in range(2)
    )
    acts = [
        work.plan_open(SaleOptions(price_wei=price), force=True)
        for work, price in ((first, PRICE), (second, 2 * PRICE))
    ]
    plans = [work.estimate(act) for work, act in zip((first, second), acts, strict=True)]
    first.run(acts[0], plans[0])
    blocks = desk.blocks
    with pytest.raises(UsageError, match="another command changed the sale meanwhile"):
        second.run(acts[1], plans[1])
    assert desk.blocks == blocks
    assert desk.sale("status")["terms"]["price_wei"] == PRICE
