"""A blind sale: what it hides, and what its reveal delivers."""

from __future__ import annotations

import json

from eth_abi import encode
from eth_utils import keccak

from tests.workflows.sale_desk import PRICE, SaleDesk


def test_a_blind_sale_tells_nothing_until_it_is_revealed(desk: SaleDesk) -> None:
    words = ("--price", "0.01", "--blind", "--force")
    desk.project.sales.mkdir()
    known = "0x" + 64 * "2"  # of an earlier sale, or of a stranger: kept, and not used
    (desk.project.sales / "7235188-1.secret").write_text(known)
    opened = desk.sale("open", *words)
    assert (desk.project.sales / "7235188-1.secret.1").read_text() == known
    [secret] = desk.project.sales.glob("*.secret")
    assert secret.stat().st_mode & 0o777 == 0o600
    text = secret.read_text()
    assert text.strip() != known
    root = bytes.fromhex(desk.collection.immutable_args().root[2:])
    bound = [desk.collection.address, root, 0, bytes.fromhex(text.strip()[2:])]
    packed = encode(["address", "bytes32", "uint256", "bytes32"], bound)
    assert opened["terms"]["collection"] is None
    assert opened["terms"]["commitment"] == "0x" + keccak(packed).hex()
    assert desk.collection.owner() == desk.artist
    for path in desk.project.sales.iterdir():
        assert path == secret or text.strip()[2:] not in path.read_text()
    assert text.strip()[2:] not in json.dumps(opened)
    assert desk.sale("open", *words) == opened  # with the same secret
    plan = desk.sale("buy", "2", "--dry-run")
    assert "a blind sale" in plan["warnings"][0] and plan["terms"]["refunds_from"] > 0
    assert desk.sale("buy", "2")["tokens"] == []
    state = desk.sale("status")
    assert (state["waiting"], state["earned_wei"], state["phase"]) == (2, 0, "open")
    assert desk.collection.next_token_id() == 0
    assert "paid for and not delivered" in desk.sale("close", expect=2)["message"]
    error = desk.type("mint", "--force", "-C", str(desk.project.root), expect=2)
    assert "it is on sale blind" in error["message"]
    assert "the sale goes on until" in desk.sale("draw", expect=2)["message"]
    assert "the seller has nothing to take back" in desk.sale("refund", expect=2)["message"]
    assert desk.sale("reveal", expect=2)["kind"] == "missing_step"  # buyers need the metadata
    secret.write_text("0x" + 64 * "1")
    assert "does not hold the secret" in desk.sale("reveal", "--force", expect=2)["message"]
    secret.write_text(text)
    plan = desk.sale("reveal", "--force", "--dry-run")
    assert plan["steps"] == [
        "end the sale",
        "draw the order",
        "offer the collection",
        "reveal",
        "deliver",
    ]
    assert plan["warnings"] == ["it is still open: the reveal ends it"]
    state = desk.sale("reveal", "--force")
    assert (state["phase"], state["waiting"], state["earned_wei"]) == ("revealed", 0, 2 * PRICE)
    assert [desk.collection.owner_of(i) for i in range(3)] == [desk.artist, desk.artist, None]
    assert desk.collection.seeds() == {0: 3, 1: 8}
    blocks = desk.blocks
    assert desk.sale("reveal", "--force") == state
    assert desk.blocks == blocks
    assert "is not blind" not in json.dumps(desk.sale("close"))
    assert desk.collection.owner() == desk.artist and desk.money(opened["sale"]) == 0
