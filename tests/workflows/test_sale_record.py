"""A sale's record may come from somebody else, or be damaged."""

from __future__ import annotations

import json

from nftgan.files import read_json
from tests.workflows.sale_desk import SaleDesk


def test_a_damaged_record_is_said(desk: SaleDesk) -> None:
    desk.sale("open", "--price", "0.01", "--force")
    [path] = desk.project.sales.glob("*.json")
    path.write_text(json.dumps({**read_json(path), "genesis": "0x00"}))
    assert "is of another embedded chain" in desk.sale("status", expect=2)["message"]
    path.write_text("{}")
    for verb in ("status", "close", "withdraw"):
        assert "is damaged" in desk.sale(verb, expect=2)["message"]
