"""`nftgan sale` as a person types it, on the embedded chain; money and owners are read from it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from nftgan.files import read_json
from tests.workflows.sale_desk import PRICE, STRANGER, SaleDesk


def test_a_sale_from_its_opening_to_its_end(desk: SaleDesk) -> None:
    assert "not on sale" in desk.sale("status", expect=2)["message"]
    before = desk.blocks
    plan = desk.sale("open", "--price", "0.01", "--supply", "2", "--force", "--dry-run")
    assert plan["steps"] == [
        "deploy the sale contract",
        "create the sale",
        "load seeds 0-1",
        "offer the collection",
        "take it",
    ]
    assert (desk.blocks, desk.project.sales.exists()) == (before, False)
    opened = desk.sale("open", "--price", "0.01", "--supply", "2", "--force")
    assert (opened["phase"], opened["sold"]) == ("open", 0)
    assert opened["terms"]["price_wei"] == PRICE and opened["terms"]["supply"] == 2
    assert desk.collection.owner() == opened["sale"]
    assert plan["gas"] > sum(gas_of(desk, "sales/7235188-1.jsonl"))
    blocks = desk.blocks
    assert desk.sale("open", "--price", "0.01", "--supply", "2", "--force") == opened
    assert desk.blocks == blocks  # nothing was sent again
    error = desk.sale("open", "--price", "0.02", "--force", expect=2)
    assert "another price and supply is on already" in error["message"]
    hint = desk.type("mint", "--force", "-C", str(desk.project.root), expect=2)["hint"]
    assert "nftgan sale close" in hint
    steps = desk.type("status", "-C", str(desk.project.root))["steps"]
    assert (steps[-1]["verb"], steps[-1]["found"]) == ("sale status", "on sale on embedded")

    plan = desk.sale("buy", "2", "--dry-run")
    assert plan["value_wei"] == 2 * PRICE and plan["steps"] == ["buy 2, 2 in all"]
    assert plan["terms"] == opened["terms"] and plan["warnings"] == []
    bought = desk.sale("buy", "1")
    assert (bought["bought"], bought["tokens"]) == (1, [0])
    assert bought["collection"] == desk.collection.address
    blocks = desk.blocks
    assert desk.sale("buy", "1")["bought"] == 1
    assert desk.blocks == blocks
    assert desk.type("sale", "buy", "2", "--sale", opened["sale"])["bought"] == 2
    error = desk.sale("buy", "3", expect=2)
    assert "1 token cannot be minted: 0 ready for sale" in error["message"]
    error = desk.sale("buy", "300", expect=2)
    assert "298 tokens are more than one purchase may have" in error["message"]
    assert "is not blind" in desk.sale("refund", "--sale", opened["sale"], expect=2)["message"]
    assert "nothing to draw" in desk.sale("draw", expect=2)["message"]
    assert [desk.collection.owner_of(i) for i in range(3)] == [desk.artist, desk.artist, None]
    assert desk.collection.seeds() == {0: 3, 1: 8}
    state = desk.sale("status")
    assert (state["phase"], state["earned_wei"]) == ("sold out", 2 * PRICE)

    assert desk.money(opened["sale"]) == 2 * PRICE
    desk.sale("withdraw", "--dry-run")
    assert desk.money(opened["sale"]) == 2 * PRICE
    assert desk.sale("withdraw") == {"withdrawn_wei": 2 * PRICE, "to": desk.artist}
    assert desk.money(opened["sale"]) == 0
    blocks = desk.blocks
    assert desk.sale("withdraw")["withdrawn_wei"] == 0
    assert desk.blocks == blocks

    assert desk.sale("close")["left"] == 1
    assert desk.collection.owner() == desk.artist
    assert "not on sale" in desk.sale("close", expect=2)["message"]
    again = desk.sale("open", "--price", "0.02", "--force")  # another sale of what is left
    assert again["sale"] != opened["sale"] and again["terms"]["supply"] == 1
    desk.sale("close")
    desk.type("mint", "--force", "-C", str(desk.project.root))
    assert desk.collection.seeds() == {0: 3, 1: 8, 2: 15}


def gas_of(desk: SaleDesk, journal: str) -> list[int]:
    lines = (desk.project.root / journal).read_text().splitlines()
    return [json.loads(line)["final"]["gas"] for line in lines if '"final"' in line]


def test_a_list_and_vouchers_say_who_may_buy(desk: SaleDesk, tmp_path: Path) -> None:
    people = tmp_path / "people.csv"
    people.write_text(f"\ufeffaddress,allowance\n{STRANGER.lower()},2\n\n{desk.artist}\n")
    proofs = tmp_path / "proofs.json"
    listed = desk.type("sale", "allowlist", str(people), "-o", str(proofs))
    assert (listed["buyers"], listed["tokens"]) == (2, 3)
    assert read_json(proofs)["buyers"][STRANGER]["allowance"] == 2
    words = ("--price", "0.01", "--allowlist", str(people), "--signer", "self", "--force")
    opened = desk.sale("open", *words)
    assert opened["terms"]["allowlist"] == listed["root"] == read_json(proofs)["root"]
    assert opened["terms"]["signer"] == desk.artist
    assert "NotAllowed()" in desk.sale("buy", "1", expect=2)["message"]
    assert desk.sale("buy", "1", "--allowlist", str(people))["bought"] == 1
    error = desk.sale("buy", "2", "--allowlist", str(people), expect=2)
    assert "WrongCount(left 0)" in error["message"]  # one a person, where the list says no number

    right = tmp_path / "voucher.json"
    made = ("voucher", desk.artist, "--count", "2", "--price", "0.005")
    assert desk.sale(*made, "-o", str(right)) == desk.sale(*made) == read_json(right)
    before = desk.money(opened["sale"])
    assert desk.sale("buy", "--voucher", str(right))["bought"] == 3
    assert desk.money(opened["sale"]) == before + PRICE // 2  # for both of them
    blocks = desk.blocks
    assert desk.sale("buy", "--voucher", str(right))["bought"] == 3
    assert desk.blocks == blocks
    assert "used already" in desk.sale(*made, expect=2)["message"]
    assert desk.sale(*made, "--nonce", "2")["voucher"]["nonce"] == "2"
    mistyped = "0x" + desk.artist[2:].swapcase()
    error = desk.sale("voucher", mistyped, "--price", "1", expect=2)
    assert "wrong checksum" in error["message"]
    right.write_text("{}")
    assert "is not a voucher" in desk.sale("buy", "--voucher", str(right), expect=2)["message"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"{STRANGER},two\n", "line 1: 'two' is not a number"),
        (f"{STRANGER}\n{STRANGER.lower()},3\n", "line 2: .* is on the list twice"),
        (f"who\n{STRANGER[:-1]}\n", "line 2: .* not a valid address"),
        (f"{STRANGER},0\n", "cannot be allowed 0"),
        ("\n", "the list is empty"),
    ],
)
def test_a_wrong_list_names_the_line(desk: SaleDesk, tmp_path: Path, text: str, words: str) -> None:
    people = tmp_path / "people.csv"
    people.write_text(text)
    error = desk.type("sale", "allowlist", str(people), expect=2)
    assert re.search(words, error["message"])
