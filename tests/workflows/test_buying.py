"""A voucher comes from a seller: what it says is checked before anything is made of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from nftgan.chain.sales import Voucher
from nftgan.errors import UsageError
from nftgan.workflows.buying import read_voucher

ADDRESS = "0x" + "1" * 40


def written(path: Path, signature: Any = "0x0102", chain_id: Any = 1, **changes: Any) -> Path:
    values = {"buyer": ADDRESS, "count": 2, "price_wei": "5", "nonce": str(2**256 - 1)}
    values |= {"deadline": 9, **changes}
    whole = {"chain_id": chain_id, "sale": ADDRESS, "voucher": values, "signature": signature}
    path.write_text(json.dumps(whole))
    return path


def test_numbers_may_be_words(tmp_path: Path) -> None:
    chain, sale, voucher, signature = read_voucher(written(tmp_path / "v.json"))
    assert (chain, sale, signature) == (1, ADDRESS, b"\1\2")
    assert voucher == Voucher(ADDRESS, 2, 5, 2**256 - 1, 9)


@pytest.mark.parametrize(
    "number", [-1, "-1", 1.5, True, None, "", "9" * 5_000, str(2**256), "1_0", [], "٣"]
)
@pytest.mark.parametrize("name", ["count", "price_wei", "nonce", "deadline"])
def test_what_the_contract_cannot_take_is_no_voucher(
    tmp_path: Path, name: str, number: Any
) -> None:
    with pytest.raises(UsageError, match="is not a voucher"):
        read_voucher(written(tmp_path / "v.json", **{name: number}))


@pytest.mark.parametrize(
    "changes", [{"signature": 7}, {"signature": "0xg"}, {"buyer": 7}, {"chain_id": -1}]
)
def test_no_other_field_of_another_form_is_taken(tmp_path: Path, changes: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=r"is not a"):
        read_voucher(written(tmp_path / "v.json", **changes))
