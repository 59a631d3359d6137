"""The page refuses what `nftgan.chain.birth` refuses, and takes what it takes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nftgan.chain.accounts import embedded_account
from nftgan.chain.artifact import COLLECTION, COLLECTION_CODE, SALE
from nftgan.chain.birth import (
    clone_creation_template,
    factory_address,
    implementation_address,
    shared_contracts,
    verify_birth,
)
from nftgan.chain.networks import CHAINS
from nftgan.chain.rpc import Connection, connect
from nftgan.chain.sales import Sale, SaleTerms
from nftgan.site.birth import shipped
from tests.chain.actors import SALT, deploy, make_shared, sender
from tests.chain.forging import code_of, mapping_slot, poisoned, put
from tests.site.asking import Page

pytestmark = pytest.mark.node
NAMES = (COLLECTION, COLLECTION_CODE, SALE)
Codes = dict[str, str]


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """(connection, address of a collection, of a sale, of a forged clone)."""
    folder = tmp_path_factory.mktemp("chain")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("NFTGAN_HOME", str(folder / "home"))
        connection = connect(CHAINS["embedded"])
        me = embedded_account()
        collection = deploy(connection, me, folder, 5)
        sending = sender(connection, me, folder / "more.jsonl")
        make_shared(sending, SALE)
        maker = Sale(connection, factory_address(SALE))
        end = 2**39
        terms = SaleTerms(10**15, 5, 1, end, end, collection=collection.address)
        sending.execute("sale", to=maker.address, data=maker.create_data(terms, SALT))
        sale = maker.predict(terms, SALT, me.address)
        runtime = code_of(connection, collection.address)
        forged = put(sending, "forged", poisoned(runtime, {mapping_slot(5, *2 * [sale]): 1}))
        yield connection, collection.address, sale, forged


def codes(connection: Connection, *addresses: str) -> Codes:
    shared = {one.address for name in NAMES for one in shared_contracts(name)}
    return {one: code_of(connection, one).hex() for one in {*addresses, *shared}}


def asked(page: Page, address: str, found: Codes, chain_id: int) -> dict[str, Any]:
    facts = shipped(NAMES)
    said = page.ask("birth", address=address, codes=found, chainId=chain_id, shipped=facts)
    assert isinstance(said, dict), said
    return said


def test_what_the_factories_made_passes_and_a_forgery_does_not(page: Page, chain: Any) -> None:
    connection, collection, sale, forged = chain
    for address in (collection, sale, forged):
        birth = verify_birth(connection, address, NAMES)
        there = codes(connection, address)
        said = asked(page, address, there, connection.chain.chain_id)
        arguments = birth.arguments.hex() or None
        assert (said["name"], said["problem"]) == (birth.name, birth.problem)
        assert said["args"] == arguments
    terms = asked(page, sale, codes(connection, sale), connection.chain.chain_id)["terms"]
    assert (terms["price"], terms["supply"], terms["perWallet"]) == (str(10**15), 5, 0)
    assert (terms["opens"], terms["closes"], terms["refundsFrom"]) == (1, 2**39, 2**39)
    assert terms["collection"] == collection.lower()
    assert terms["owner"] == embedded_account().address.lower()
    assert terms["signer"] is None and terms["allowlist"] is None and terms["commitment"] is None
    assert (
        "not made by nftgan's factory"
        in asked(page, forged, codes(connection, forged), connection.chain.chain_id)["problem"]
    )


def flipped(place: str, at: int) -> Callable[[Codes], None]:
    def change(found: Codes) -> None:
        code = bytearray.fromhex(found[place])
        code[at] ^= 1
        found[place] = code.hex()

    return change


@pytest.mark.parametrize("at", [0, 700, -1])
@pytest.mark.parametrize("name", [COLLECTION, SALE])
def test_one_byte_of_shared_code_that_is_another_is_named(
    page: Page, chain: Any, name: str, at: int
) -> None:
    connection, collection, sale, _ = chain
    address = sale if name == SALE else collection
    for shared in shared_contracts(name):
        found = codes(connection, address)
        flipped(shared.address, at)(found)
        said = asked(page, address, found, connection.chain.chain_id)
        assert said["problem"] == (
            f"the {shared.role} at {shared.address} is not the one that nftgan ships"
        )


def test_an_immutable_of_another_chain_or_of_two_minds_is_refused(page: Page, chain: Any) -> None:
    connection, collection, sale, _ = chain
    found = codes(connection, sale)
    assert "sale contract" in asked(page, sale, found, 1)["problem"]
    (group,) = shipped((COLLECTION,))[0]["contracts"][1]["immutables"]
    factory = factory_address(COLLECTION)
    flipped(factory, group[1] + 31)(found := codes(connection, collection))
    assert "the factory" in asked(page, collection, found, connection.chain.chain_id)["problem"]


def test_the_facts_name_the_addresses_of_the_program() -> None:
    for name, facts in zip(NAMES, shipped(NAMES), strict=True):
        assert facts["implementation"] == implementation_address(name)
        assert facts["contracts"][-1]["address"] == factory_address(name)
        assert facts["creation"] == clone_creation_template(name)


def test_a_changed_clone_is_refused(page: Page, chain: Any, tmp_path: Path) -> None:
    connection, collection, _, _ = chain
    found = codes(connection, collection)
    flipped(collection, -1)(found)  # an argument
    said = asked(page, collection, found, connection.chain.chain_id)
    assert "not made by nftgan's factory" in said["problem"]
