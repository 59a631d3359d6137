"""Sales from Python on the embedded chain: open, by list, by voucher, and blind."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path
from typing import Any

import pytest
from eth_abi import encode
from eth_utils import keccak

from nftgan.chain.accounts import Account, embedded_account
from nftgan.chain.artifact import SALE
from nftgan.chain.birth import factory_address
from nftgan.chain.blocks import latest_block, reach_block
from nftgan.chain.contract import Collection
from nftgan.chain.errors import ContractReverted
from nftgan.chain.merkle import verify_proof
from nftgan.chain.rpc import Connection
from nftgan.chain.sales import (
    Allowlist,
    Claim,
    Sale,
    SaleTerms,
    Voucher,
    commitment,
    first_token,
    sign_voucher,
)
from nftgan.chain.sending import Sender
from nftgan.errors import CheckFailed, ServiceError, UsageError
from tests.chain.actors import account, deploy, make_shared, seeds_of, sender
from tests.chain.test_contract import zeros

PRICE = 10**15
SALT = bytes(31) + b"\1"
NOW = int(time.time())
BUYER, OTHER = account("buyer"), account("other")


def pay(connection: Connection, who: Account, to: str, data: bytes = b"", value: int = 0) -> None:
    """One transaction with money; ContractReverted when it would revert."""
    from nftgan.chain.rpc import rpc_errors

    call: dict[str, Any] = {"from": who.address, "to": to, "data": data, "value": value}
    with rpc_errors(connection):
        gas = connection.w3.eth.estimate_gas(call)  # type: ignore[arg-type]
        nonce = connection.w3.eth.get_transaction_count(who.address)  # type: ignore[arg-type]
        fees = {"maxFeePerGas": 10**10, "maxPriorityFeePerGas": 0, "gas": gas * 2}
        raw, _ = who.sign({**call, **fees, "nonce": nonce, "chainId": connection.chain.chain_id})
        connection.w3.eth.send_raw_transaction(raw)


class Market:
    """An artist with a collection of 12, and who sells it."""

    def __init__(self, connection: Connection, folder: Path) -> None:
        self.connection, self.artist = connection, embedded_account()
        self.collection: Collection = deploy(connection, self.artist, folder, 12)
        self.sending: Sender = sender(connection, self.artist, folder / "sale.jsonl")
        make_shared(self.sending, SALE)
        self.maker = Sale(connection, factory_address(SALE))
        self._acts = 0
        for buyer in (BUYER, OTHER):
            pay(connection, self.artist, buyer.address, value=10**18)

    def act(self, to: str, data: bytes) -> None:
        """One transaction of the artist."""
        self._acts += 1
        self.sending.execute(f"act {self._acts}", to=to, data=data)

    def open(self, terms: SaleTerms) -> Sale:
        sale = Sale(self.connection, self.maker.predict(terms, SALT, self.artist.address))
        self.act(self.maker.address, self.maker.create_data(terms, SALT))
        assert sale.code_problem() is None
        assert sale.terms() == terms
        assert sale.owner() == self.artist.address
        return sale

    def hand_over(self, sale: Sale) -> None:
        offer = self.collection._contract.encode_abi("transferOwnership", [sale.address])
        self.act(self.collection.address, bytes.fromhex(offer[2:]))
        self.act(sale.address, sale.data("accept"))
        assert self.collection.owner() == sale.address

    def ready(self, terms: SaleTerms) -> Sale:
        """An open sale that owns the collection and knows its seeds."""
        sale = self.open(terms)
        for data in sale.load_data(0, seeds_of(12)):
            self.act(sale.address, data)
        self.hand_over(sale)
        return sale

    def terms(self, **changes: Any) -> SaleTerms:
        standard = SaleTerms(
            price_wei=PRICE,
            supply=10,
            opens=NOW - 3600,
            closes=NOW + 3600 * 24 * 60,
            refunds_from=NOW + 3600 * 24 * (100 if changes.get("commitment") else 60),
            collection=self.collection.address,
        )
        return dataclasses.replace(standard, **changes)


@pytest.fixture
def market(embedded: Connection, tmp_path: Path) -> Market:
    return Market(embedded, tmp_path)


def test_anyone_buys_and_the_artist_is_paid(market: Market) -> None:
    sale, connection = market.ready(market.terms(per_wallet=4)), market.connection
    assert sale.stocked() == 12
    pay(connection, BUYER, sale.address, sale.data("buy", 3), 3 * PRICE)
    pay(connection, OTHER, sale.address, sale.data("buy", 1), PRICE)
    assert [market.collection.owner_of(i) for i in range(4)] == [
        *[BUYER.address] * 3,
        OTHER.address,
    ]
    assert market.collection.seeds() == dict(enumerate(seeds_of(4)))
    with pytest.raises(ContractReverted, match=r"WrongCount\(left 1\)"):
        pay(connection, BUYER, sale.address, sale.data("buy", 2), 2 * PRICE)
    with pytest.raises(ContractReverted, match=rf"WrongPayment\(expected {PRICE}\)"):
        pay(connection, BUYER, sale.address, sale.data("buy", 1), PRICE - 1)
    assert (sale.sold(), sale.earned_wei()) == (4, 4 * PRICE)
    with pytest.raises(ContractReverted, match="NotOwner"):
        pay(connection, BUYER, sale.address, sale.data("withdraw", market.artist.address))
    market.act(sale.address, sale.data("withdraw", market.artist.address))
    assert sale.earned_wei() == 0
    assert connection.w3.eth.get_balance(sale.address) == 0  # type: ignore[arg-type]
    market.act(sale.address, sale.data("release"))
    take = market.collection._contract.encode_abi("acceptOwnership", [])
    market.act(market.collection.address, bytes.fromhex(take[2:]))
    assert market.collection.owner() == market.artist.address


def test_only_those_of_the_list_buy(market: Market) -> None:
    allowed = Allowlist({BUYER.address: 2, account("third").address: 9})
    sale = market.ready(market.terms(allowlist=allowed.root))
    data = sale.data("buyListed", 2, 2, allowed.proof(BUYER.address))
    pay(market.connection, BUYER, sale.address, data, 2 * PRICE)
    assert market.collection.owner_of(1) == BUYER.address
    for who, words in ((BUYER, "WrongCount"), (OTHER, "NotAllowed")):
        with pytest.raises(ContractReverted, match=words):
            pay(market.connection, who, sale.address, data, 2 * PRICE)
    with pytest.raises(UsageError, match="is not on the list"):
        allowed.proof(OTHER.address)


def test_a_voucher_buys_once(market: Market) -> None:
    signer = account("signer")
    sale = market.ready(market.terms(signer=signer.address))
    chain_id = market.connection.chain.chain_id
    voucher = Voucher(BUYER.address, 2, 5, nonce=2**200, deadline=NOW + 10**7)
    signature = sign_voucher(signer, sale.address, chain_id, voucher)
    forged = sign_voucher(OTHER, sale.address, chain_id, voucher)
    elsewhere = sign_voucher(signer, sale.address, chain_id + 1, voucher)
    for wrong in (forged, elsewhere, b""):
        with pytest.raises(ContractReverted, match="NotAllowed"):
            data = sale.redeem_data(voucher, wrong)
            pay(market.connection, BUYER, sale.address, data, 5)
    data = sale.redeem_data(voucher, signature)
    assert not sale.voucher_used(voucher.nonce)
    with pytest.raises(ContractReverted, match="NotAllowed"):
        pay(market.connection, OTHER, sale.address, data, 5)
    pay(market.connection, BUYER, sale.address, data, 5)
    assert sale.voucher_used(voucher.nonce)
    assert market.collection.owner_of(1) == BUYER.address
    with pytest.raises(ContractReverted, match="VoucherUsed"):
        pay(market.connection, BUYER, sale.address, data, 5)


def test_a_blind_sale_is_drawn_revealed_then_delivered_in_a_circle(market: Market) -> None:
    address, root = market.collection.address, market.collection.immutable_args().root
    secret = keccak(text="secret")
    terms = market.terms(collection=None, commitment=commitment(address, root, 0, secret))
    sale, connection = market.open(terms), market.connection
    for who, count in ((BUYER, 2), (OTHER, 3), (BUYER, 1)):
        pay(connection, who, sale.address, sale.data("buy", count), count * PRICE)
    assert sale.claims()[1] == Claim(OTHER.address, 2, 3, 3 * PRICE)
    assert (sale.earned_wei(), sale.waiting(), sale.draw_block()) == (0, 6, 0)
    with pytest.raises(ContractReverted, match="TooEarly"):
        pay(connection, BUYER, sale.address, sale.data("refund", 0, BUYER.address))
    with pytest.raises(ContractReverted, match="NotDrawn"):
        market.act(sale.address, sale.data("reveal", address, secret))
    with pytest.raises(ContractReverted, match="NotOver"):
        pay(connection, BUYER, sale.address, sale.data("end"))
    market.act(sale.address, sale.data("end"))
    block = sale.draw_block()
    with pytest.raises(ContractReverted, match="NotOpen"):
        pay(connection, BUYER, sale.address, sale.data("buy", 1), PRICE)
    assert not sale.lapsed()
    reach_block(connection, block + 1, note=pytest.fail)
    assert latest_block(connection) == block + 1
    pay(connection, OTHER, sale.address, sale.data("draw"))  # anyone may
    assert sale.drawn() and not sale.lapsed()
    with pytest.raises(ContractReverted, match="BadReveal"):
        market.act(sale.address, sale.data("reveal", address, bytes(32)))
    offer = market.collection.transfer_ownership_data(sale.address)
    market.act(market.collection.address, offer)
    market.act(sale.address, sale.data("reveal", address, secret))
    assert sale.revealed() and market.collection.owner() == sale.address
    with pytest.raises(ContractReverted, match=r"Waiting\(tokens 6\)"):
        market.act(sale.address, sale.data("release"))
    with pytest.raises(UsageError, match="tokens sold, but only"):
        sale.delivery_data(0, seeds_of(1))
    minted = 0
    while data := sale.delivery_data(minted, seeds_of(12), most=4):
        expected = sale.next_delivery(most=4)
        market.act(sale.address, data)
        minted += expected
        assert market.collection.next_token_id() == minted
    buyers = [BUYER.address] * 2 + [OTHER.address] * 3 + [BUYER.address]
    mined = connection.w3.eth.get_block(block)["hash"]
    first = first_token(bytes(mined), secret, 6)
    owners = [market.collection.owner_of(i) for i in range(7)]
    assert owners == [*buyers[first:], *buyers[:first], None]
    assert market.collection.seeds() == dict(enumerate(seeds_of(6)))
    assert sale.earned_wei() == 6 * PRICE


def test_code_that_is_no_sale_is_recognised(market: Market) -> None:
    assert Sale(market.connection, OTHER.address).code_problem() is not None
    problem = Sale(market.connection, market.collection.address).code_problem()
    assert problem is not None and "is not the contract that nftgan ships" in problem


def test_terms_are_read_from_the_code_that_the_address_proves(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    wished = market.terms(signer=BUYER.address, per_wallet=3, allowlist=keccak(b"list"))
    sale = market.open(wished)
    zeros(market.connection, monkeypatch)
    fresh = Sale(market.connection, sale.address)
    assert (fresh.terms(), fresh.owner()) == (wished, market.artist.address)
    assert fresh.collection() == market.collection.address
    nothing = Sale(market.connection, OTHER.address)
    for read in (nothing.terms, nothing.owner, nothing.sold):
        with pytest.raises(CheckFailed, match="cannot be trusted"):
            read()
    with pytest.raises(ValueError):
        SaleTerms.decode(wished.encode()[:-1])


def test_counts_that_the_terms_rule_out_are_a_lie_of_the_node(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = commitment(market.collection.address, "0x" + "7" * 64, 0, bytes(32))
    sale = market.open(market.terms(collection=None, commitment=secret))
    pay(market.connection, BUYER, sale.address, sale.data("buy", 3), 3 * PRICE)
    call = sale._call

    def lies(**given: Any) -> None:
        def answer(name: str, *words: Any) -> Any:
            return given[name] if name in given else call(name, *words)

        monkeypatch.setattr(sale, "_call", answer)

    def refused(read: Any) -> None:
        with pytest.raises(ServiceError, match="which this sale cannot have"):
            read()

    for more in (4, 2**32, 2**256 - 1):
        lies(claimCount=more)
        refused(sale.claims)
        lies(sold=more * 4)
        refused(sale.sold)
    lies(claims=(BUYER.address, 0, 4, 0))
    refused(sale.waiting)
    lies(claimCount=0)
    refused(sale.next_delivery)
    for first in (3, 2**200):
        lies(firstToken=first)
        refused(sale.next_delivery)
    lies(delivered=4)
    refused(sale.next_delivery)


BLIND = {"collection": None, "commitment": b"x" * 32, "refunds_from": NOW + 3600 + 3 * 86_400}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"commitment": b"x" * 32}, "either a collection or"),
        ({"collection": None}, "either a collection or"),
        ({"closes": NOW - 3600}, "opens, then closes"),
        ({"refunds_from": NOW}, "only a blind sale has refunds"),
        ({**BLIND, "refunds_from": NOW + 3600 + 3 * 86_400 - 1}, "begin 3 to 90 days after"),
        ({**BLIND, "refunds_from": NOW + 3600 + 90 * 86_400 + 1}, "begin 3 to 90 days after"),
        ({**BLIND, "opens": NOW + 3599 - 90 * 86_400}, "lasts 90 days at most"),
        ({**BLIND, "supply": 65_536}, "65535 tokens at most"),
        ({"supply": 0}, "0 as a sale's supply"),
        ({"price_wei": 2**128}, "price is out of range"),
        ({"per_wallet": -1}, "limit for a wallet is out of range"),
        ({"signer": "0x12"}, "not a valid address"),
    ],
)
def test_terms_that_cannot_be_meant_are_refused(changes: dict[str, Any], words: str) -> None:
    standard = SaleTerms(PRICE, 10, NOW - 3600, NOW + 3600, NOW + 3600, account("c").address)
    with pytest.raises(UsageError, match=words):
        dataclasses.replace(standard, **changes).encode()


def test_an_allowlist_proves_each_of_its_own() -> None:
    people = {account(f"person {i}").address: i + 1 for i in range(7)}
    allowed = Allowlist(people)
    for address, allowance in people.items():
        words = encode(["address", "uint256"], [address, allowance])
        assert verify_proof(allowed.root, keccak(keccak(words)), allowed.proof(address))
        words = encode(["address", "uint256"], [address, allowance + 1])
        assert not verify_proof(allowed.root, keccak(keccak(words)), allowed.proof(address))
    first = next(iter(people))
    for wrong in ({}, {first: 0}, {first: 1, first.lower(): 1}, {first.swapcase(): 1}):
        with pytest.raises(UsageError):
            Allowlist(wrong)


@pytest.mark.parametrize("row", [",1" + "0" * 78, "," + "9" * 5_000, ',"' + "x" * 140_000 + '"'])
def test_a_list_that_no_sale_can_have_is_one_sentence(tmp_path: Path, row: str) -> None:
    path = tmp_path / "list.csv"
    path.write_text(BUYER.address + row + "\n")
    with pytest.raises(UsageError, match=r"list\.csv"):
        Allowlist.read(path)


def test_ids_of_tokens_are_not_taken_for_how_many_one_may_buy(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    for titles in ("address,Token ID", "wallet,owner"):
        path.write_text(f"{titles}\n{BUYER.address},7\n")
        with pytest.raises(UsageError, match="is no title of how many each may buy"):
            Allowlist.read(path)
    path.write_text(f"address,allowance\n{BUYER.address},7\n")
    assert Allowlist.read(path).allowances == {BUYER.address: 7}


def test_a_secret_has_32_bytes() -> None:
    with pytest.raises(UsageError, match="32 bytes"):
        commitment(account("c").address, "0x" + "00" * 32, 0, b"short")
