"""A contract with our code and a liar's storage is refused by every verb that could trust it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nftgan.chain.accounts import embedded_account
from nftgan.chain.artifact import SALE
from nftgan.chain.birth import factory_address
from nftgan.chain.contract import Collection
from nftgan.chain.networks import CHAINS
from nftgan.chain.rpc import connect
from nftgan.chain.sales import Sale, SaleTerms
from nftgan.chain.sending import Sender
from nftgan.project import Project
from tests.chain.actors import account, make_shared, sender
from tests.chain.forging import EARNED, code_of, poisoned, put, trapped

Answer = Callable[..., Any]
NOT_MADE = "not made by nftgan's factory"


@pytest.fixture
def liar(published: Project, tmp_path: Path) -> Sender:
    return sender(connect(CHAINS["embedded"]), embedded_account(), tmp_path / "liar.jsonl")


@pytest.fixture
def record(published: Project) -> dict[str, Any]:
    (path,) = published.deployments.glob("*.json")
    found: dict[str, Any] = json.loads(path.read_text())
    return found


@pytest.fixture
def trap(liar: Sender, record: dict[str, Any]) -> str:
    """Equal to the published collection in all that code says."""
    genuine = Collection(liar.connection, record["collection"])
    return trapped(liar, genuine, account("buyer").address, account("thief").address).address


def test_verify_and_regenerate_refuse_a_trap(
    trap: str, published: Project, tmp_path: Path, answer: Answer
) -> None:
    answer("pin", "-C", str(published.root))
    for words in (("verify", "--all"), ("verify", "0"), ("regenerate", "0", "-o", str(tmp_path))):
        error = answer(*words, "--contract", trap, expect=3)
        assert "contract code: " in error["message"] and NOT_MADE in error["message"]


def test_deploy_mint_and_sales_refuse_a_record_that_names_a_trap(
    trap: str, published: Project, record: dict[str, Any], answer: Answer
) -> None:
    (path,) = published.deployments.glob("*.json")
    path.write_text(json.dumps({**record, "collection": trap}))
    where = ("-C", str(published.root), "--yes", "--force")
    for words in (
        ("deploy", *where),
        ("mint", *where),
        ("sale", "open", "--price", "0.01", *where),
        ("sale", "status", "-C", str(published.root)),
    ):
        error = answer(*words, expect=3)
        assert NOT_MADE in error["message"], words


def test_nobody_buys_from_a_sale_that_was_born_rich(
    liar: Sender, record: dict[str, Any], answer: Answer
) -> None:
    make_shared(liar, SALE)
    maker = Sale(liar.connection, factory_address(SALE))
    terms = SaleTerms(
        price_wei=10**15,
        supply=3,
        opens=1,
        closes=2**39,
        refunds_from=2**39,
        collection=record["collection"],
    )
    liar.execute("sale", to=maker.address, data=maker.create_data(terms, bytes(32)))
    genuine = maker.predict(terms, bytes(32), liar.account.address)
    rich = put(liar, "rich", poisoned(code_of(liar.connection, genuine), {EARNED: 10**18}))
    error = answer("sale", "buy", "1", "--sale", rich, "--yes", expect=3)
    assert NOT_MADE in error["message"]
