"""The splitter stands where its shares say, and pays each account its part, on a real EVM."""

from __future__ import annotations

from pathlib import Path

import pytest
from web3 import Web3

from nftgan.chain.accounts import embedded_account
from nftgan.chain.artifact import SPLITTER, artifact
from nftgan.chain.deployer import DEPLOYER
from nftgan.chain.embedded import EmbeddedChain
from nftgan.chain.errors import ContractReverted
from nftgan.chain.journal import Journal
from nftgan.chain.networks import CHAINS
from nftgan.chain.operations import Operation
from nftgan.chain.rpc import Connection
from nftgan.chain.sending import Sender
from nftgan.chain.splitter import (
    ETHER,
    Splitter,
    packed_shares,
    splitter_address,
    splitter_code,
    splitter_implementation,
)

ANN = "0x" + "a1" * 20
BOB = "0x" + "b2" * 20
SHARES = {BOB: 66.67, ANN: 33.33}
PACKED = packed_shares(SHARES)


@pytest.fixture
def chain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Connection, Sender]:
    monkeypatch.setenv("NFTGAN_HOME", str(tmp_path))
    me = embedded_account()
    w3 = Web3(EmbeddedChain(tmp_path / "chain.sqlite", fund=[me.address]))
    connection = Connection(CHAINS["embedded"], w3, "here")
    journal = Journal.open(tmp_path / "j.jsonl", {"sender": me.address})
    sender = Sender(connection, me, journal)
    sender.execute("shared", to=DEPLOYER, data=splitter_implementation().data)
    return connection, sender


def test_shares_are_packed_in_the_order_of_addresses() -> None:
    assert bytes.fromhex("a1" * 20 + "0d05" + "b2" * 20 + "1a0b") == PACKED
    assert packed_shares(dict(reversed(SHARES.items()))) == PACKED


def test_the_address_that_we_compute_is_the_one_that_the_contract_makes(
    chain: tuple[Connection, Sender],
) -> None:
    connection, sender = chain
    splitter = Splitter(connection, PACKED)
    maker = connection.w3.eth.contract(
        splitter_implementation().address, abi=artifact(SPLITTER)["abi"]
    )
    assert maker.functions.predict(PACKED).call() == splitter.address
    assert not splitter.exists()
    sender.execute("make", to=maker.address, data=splitter.create_data())
    assert splitter.exists()
    assert bytes(connection.w3.eth.get_code(splitter.address)) == splitter_code(PACKED)
    assert splitter_address(packed_shares({ANN: 50, BOB: 50})) != splitter.address
    with pytest.raises(ContractReverted, match="AlreadyCreated"):
        sender.execute("again", to=maker.address, data=splitter.create_data())


def test_each_account_is_paid_its_part_and_nobody_else(
    chain: tuple[Connection, Sender],
) -> None:
    connection, sender = chain
    splitter = Splitter(connection, PACKED)
    sender.execute("make", to=splitter_implementation().address, data=splitter.create_data())
    sender.send_and_confirm([Operation("sale", splitter.address, b"", None, 10_000)])
    ann, bob = map(Web3.to_checksum_address, (ANN, BOB))
    assert splitter.due(ETHER, ann) == 3333 and splitter.due(ETHER, bob) == 6667
    sender.execute("pay", to=splitter.address, data=splitter.release_data(ETHER, ann))
    assert connection.w3.eth.get_balance(ann) == 3333
    assert splitter.due(ETHER, ann) == 0 and splitter.released(ETHER, ann) == 3333
    for number, account in enumerate((ann, sender.account.address)):
        with pytest.raises(ContractReverted, match="NothingDue"):
            sender.execute(
                f"no {number}", to=splitter.address, data=splitter.release_data(ETHER, account)
            )
    assert splitter.due(ETHER, bob) == 6667


def test_shares_that_the_contract_refuses_are_refused_there(
    chain: tuple[Connection, Sender],
) -> None:
    connection, sender = chain
    wrong = Splitter(connection, packed_shares({ANN: 50, BOB: 49}))
    with pytest.raises(ContractReverted, match="BadShares"):
        sender.execute("make", to=splitter_implementation().address, data=wrong.create_data())
