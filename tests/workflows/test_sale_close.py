"""sale close: what must be done before a sale can end."""

from __future__ import annotations

from tests.workflows.sale_desk import SaleDesk


def test_a_blind_sale_that_sold_nothing_is_ended_before_it_is_closed(desk: SaleDesk) -> None:
    opened = desk.sale("open", "--price", "0.01", "--blind", "--force")
    assert desk.sale("close", "--dry-run")["steps"] == ["end the sale"]
    assert desk.sale("close")["left"] == 3
    error = desk.sale("buy", "1", "--sale", opened["sale"], expect=2)
    assert "was ended" in error["message"]
