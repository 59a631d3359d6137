"""sale close: what must be done before a sale can end."""

from __future__ import annotations

from tests.workflows.sale_desk import SaleDesk


def test_a_blind_sale_that_sold_nothing_is_ended_before_it_is_closed(desk: SaleDesk) -> None:
    opened = desk.sale("open", "--price", "0.01", "--blind", "--force")
    assert desk.sale("close", "--dry-run")["steps"] == ["end the sale"]
    assert desk.sale("close")["left"] == 3
    error = desk.sale("buy", "1", "--sale", opened["sale"], expect=2)
    assert "was ended" in error["message"]


def test_what_was_sold_counts_as_minted_after_the_sale(desk: SaleDesk) -> None:
    desk.sale("open", "--price", "0.01", "--force")
    desk.sale("buy", "2")
    desk.sale("close")
    where = ("-C", str(desk.project.root))

    def mint_step() -> tuple[str, bool]:
        steps = desk.type("status", *where)["steps"]
        return next((step["found"], step["done"]) for step in steps if step["verb"] == "mint")

    assert mint_step() == ("2 sold", False)
    desk.type("mint", "--force", *where)
    assert mint_step() == ("1 final, 2 sold", True)
