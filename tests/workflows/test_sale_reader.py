"""The sale that is read is the one that the code of its address proves."""

from __future__ import annotations

import json

from nftgan.files import read_json
from tests.workflows.sale_desk import STRANGER, SaleDesk


def test_a_record_that_names_a_strangers_sale_is_damaged(desk: SaleDesk) -> None:
    """It would have the artist's buyers pay somebody else."""
    desk.sale("open", "--price", "0.01", "--force")
    [path] = desk.project.sales.glob("*.json")
    genuine = read_json(path)
    for changes in (
        {"sale": desk.collection.address},
        {"owner": STRANGER},
        {"terms": {**genuine["terms"], "price_wei": 1}},
    ):
        path.write_text(json.dumps({**genuine, **changes}))
        assert "is damaged" in desk.sale("status", expect=2)["message"]
        assert "is damaged" in desk.sale("buy", "1", expect=2)["message"]
