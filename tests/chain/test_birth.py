"""Only what our factory made passes: a clone's address proves it, its code alone does not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from nftgan.chain.accounts import embedded_account
from nftgan.chain.artifact import COLLECTION, COLLECTION_CODE, FACTORY, SALE, artifact
from nftgan.chain.birth import (
    SALTS,
    clone_address,
    create2_address,
    deploy_bytecode,
    factory_address,
    implementation_address,
    is_genuine,
    need_deployer,
    shared_contracts,
    verify_birth,
)
from nftgan.chain.contract import Collection, Factory
from nftgan.chain.deployer import DEPLOYER, DEPLOYER_CODE
from nftgan.chain.errors import ContractReverted
from nftgan.chain.networks import CHAINS
from nftgan.chain.rpc import Connection
from nftgan.chain.sales import Sale, SaleTerms, trusted_sale
from nftgan.chain.sending import Sender
from nftgan.errors import CheckFailed, UsageError
from tests.chain.actors import SALT, account, collection_args, deploy, make_shared, seeds_of, sender
from tests.chain.anvil import rpc
from tests.chain.conftest import running_anvil
from tests.chain.forging import (
    EARNED,
    OPERATOR_APPROVALS,
    code_of,
    mapping_slot,
    poisoned,
    put,
    put_at_proof,
    trapped,
)

BUYER, THIEF = account("buyer").address, account("thief").address
NOT_MADE = "was not made by nftgan's factory"
CLONES = (COLLECTION, COLLECTION_CODE, SALE)


@pytest.fixture
def sending(embedded: Connection, tmp_path: Path) -> Sender:
    return sender(embedded, embedded_account(), tmp_path / "liar.jsonl")


@pytest.fixture
def collection(embedded: Connection, tmp_path: Path) -> Collection:
    return deploy(embedded, embedded_account(), tmp_path, 12)


def terms(collection: str) -> SaleTerms:
    return SaleTerms(
        price_wei=10**15,
        supply=5,
        opens=1,
        closes=2**39,
        refunds_from=2**39,
        collection=collection,
    )


def test_create2_gives_the_addresses_of_eip_1014() -> None:
    """Examples of the EIP itself."""
    zero, dead = "0x" + 40 * "0", "0xdeadbeef00000000000000000000000000000000"
    assert create2_address(zero, bytes(32), b"\0") == "0x4D1A2e2bB4F88F0250f26Ffff098B0b30B26BF38"
    assert create2_address(dead, bytes(32), b"\0") == "0xB928f69Bb1D91Cd65274e3c79d8986362984fDA3"
    salt = bytes(12) + bytes.fromhex("feed") + bytes(18)
    assert create2_address(dead, salt, b"\0") == "0xD04116cDd17beBE565EB2422F2497E06cC1C9833"


def test_the_contracts_themselves_foretell_what_is_computed_here(
    embedded: Connection, sending: Sender, collection: Collection
) -> None:
    me, fixed = embedded_account().address, collection_args(BUYER, 7)
    for store, name in (("event", COLLECTION), ("code", COLLECTION_CODE)):
        make_shared(sending, name)
        factory = Factory(embedded, store)
        for salt in (SALT, b"\7" * 32):
            asked = factory._contract.functions.predict(fixed.encode(), salt, me).call()
            assert factory.predict(fixed, salt, me) == asked
    make_shared(sending, SALE)
    maker, wished = Sale(embedded, factory_address(SALE)), terms(collection.address)
    asked = maker._call("predict", wished.encode(), b"\1" * 32, me)
    assert maker.predict(wished, b"\1" * 32, me) == asked


def test_a_collection_and_a_sale_of_ours_pass_by_their_address_alone(
    embedded: Connection, sending: Sender, collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_shared(sending, SALE)
    maker, wished, me = Sale(embedded, factory_address(SALE)), terms(collection.address), ""
    me = embedded_account().address
    salt = (SALTS[COLLECTION] - 1).to_bytes(32, "big")
    sending.execute("sale", to=maker.address, data=maker.create_data(wished, salt))
    asked: list[str] = []
    request = embedded.w3.provider.make_request

    def noting(method: Any, params: Any) -> Any:
        asked.append(str(method))
        return request(method, params)

    monkeypatch.setattr(embedded.w3.provider, "make_request", noting)
    assert verify_birth(embedded, collection.address, CLONES).name == COLLECTION
    assert verify_birth(embedded, maker.predict(wished, salt, me), CLONES).name == SALE
    assert set(asked) <= {"eth_getCode", "eth_chainId"}  # no log, no block, no archive


def test_nothing_and_anything_else_are_told_apart(
    embedded: Connection, sending: Sender, collection: Collection
) -> None:
    assert Collection(embedded, BUYER).code_problem() == "there is no contract at this address"
    plain = put(sending, "plain", deploy_bytecode(COLLECTION))
    problem = Collection(embedded, plain).code_problem()
    assert problem == "its code is not that of a collection or a sale"
    sale_as_collection = verify_birth(embedded, collection.address, (SALE,)).problem
    assert "is not the contract that nftgan ships" in sale_as_collection


def test_storage_written_before_birth_is_a_theft_that_code_does_not_show(
    embedded: Connection, sending: Sender, collection: Collection
) -> None:
    """The attack itself: equal code, and the thief may take the buyer's token."""
    trap = trapped(sending, collection, BUYER, THIEF)
    assert code_of(embedded, trap.address) == code_of(embedded, collection.address)
    assert trap.pending_owner() == THIEF
    sending.execute("sell", to=trap.address, data=trap.mint_data(0, BUYER, seeds_of(3)))
    take = trap._contract.encode_abi("transferFrom", [BUYER, THIEF, 1])
    embedded.w3.eth.call({"from": THIEF, "to": trap.address, "data": take})  # type: ignore[typeddict-item]
    assert NOT_MADE in (trap.code_problem() or "")
    assert collection.code_problem() is None


def test_a_trap_made_by_the_deterministic_deployer_is_refused_too(
    embedded: Connection, sending: Sender, collection: Collection
) -> None:
    runtime = code_of(embedded, collection.address)
    slot = mapping_slot(OPERATOR_APPROVALS, BUYER, THIEF)
    trap = put_at_proof(sending, "trap", poisoned(runtime, {slot: 1}))
    assert code_of(embedded, trap) == runtime
    assert NOT_MADE in verify_birth(embedded, trap, CLONES).problem


def test_a_sale_that_was_born_with_earnings_is_refused(
    embedded: Connection, sending: Sender, collection: Collection
) -> None:
    make_shared(sending, SALE)
    maker, wished = Sale(embedded, factory_address(SALE)), terms(collection.address)
    sending.execute("sale", to=maker.address, data=maker.create_data(wished, SALT))
    genuine = trusted_sale(embedded, maker.predict(wished, SALT, embedded_account().address))
    code = poisoned(code_of(embedded, genuine.address), {EARNED: 10**18})
    forged = put(sending, "forged sale", code)
    assert Sale(embedded, forged).earned_wei() == 10**18
    with pytest.raises(CheckFailed, match=NOT_MADE):
        trusted_sale(embedded, forged)


def test_the_genuine_code_at_another_address_makes_no_genuine_clones(
    embedded: Connection, sending: Sender, collection: Collection
) -> None:
    """Such an implementation may have been another for one transaction; so may its factory."""
    twin = put(sending, "twin", deploy_bytecode(COLLECTION))
    assert code_of(embedded, twin) == code_of(embedded, implementation_address(COLLECTION))
    factory = put(sending, "factory of the twin", deploy_bytecode(FACTORY, twin))
    made = clone_by(sending, factory)
    assert f"its implementation {twin} is not" in verify_birth(embedded, made, CLONES).problem


def test_a_factory_with_our_code_at_another_address_is_a_stranger(
    embedded: Connection, sending: Sender, collection: Collection
) -> None:
    code = deploy_bytecode(FACTORY, implementation_address(COLLECTION))
    factory = put(sending, "look-alike", code)
    assert code_of(embedded, factory) == code_of(embedded, factory_address(COLLECTION))
    assert NOT_MADE in verify_birth(embedded, clone_by(sending, factory), CLONES).problem


def clone_by(sending: Sender, factory: str) -> str:
    """The collection that this factory makes and foretells."""
    connection, me = sending.connection, sending.account.address
    contract = connection.w3.eth.contract(factory, abi=artifact(FACTORY)["abi"])
    fixed = collection_args(me, 12).encode()
    made = str(contract.functions.predict(fixed, SALT, me).call())
    data = bytes.fromhex(contract.encode_abi("create", [fixed, SALT])[2:])
    sending.execute("clone", to=factory, data=data)
    return made


def test_a_salt_that_nobody_would_find_is_refused_by_the_makers(
    embedded: Connection, sending: Sender, collection: Collection
) -> None:
    factory, args = Factory(embedded, "event"), collection_args(BUYER, 12)
    salt = SALTS[COLLECTION].to_bytes(32, "big")
    with pytest.raises(ContractReverted, match="BadArguments"):
        sending.execute("far", to=factory.address, data=factory.create_data(args, salt))
    make_shared(sending, SALE)
    maker, salt = Sale(embedded, factory_address(SALE)), SALTS[SALE].to_bytes(32, "big")
    with pytest.raises(ContractReverted, match="BadTerms"):
        data = maker.create_data(terms(collection.address), salt)
        sending.execute("far away", to=maker.address, data=data)


@dataclass
class Codes:
    """A node that shows these codes and nothing else."""

    at: dict[str, bytes] = field(default_factory=dict)

    def get_code(self, address: str) -> bytes:
        return self.at.get(address, b"")

    @property
    def connection(self) -> Connection:
        return Connection(CHAINS["embedded"], SimpleNamespace(eth=self), "a list")


@pytest.fixture
def shown(embedded: Connection, sending: Sender, collection: Collection) -> Codes:
    """All shared contracts as the embedded chain has them, and the collection."""
    codes = Codes({collection.address: code_of(embedded, collection.address)})
    for name in CLONES:
        make_shared(sending, name)
        for one in shared_contracts(name):
            codes.at[one.address] = code_of(embedded, one.address)
    return codes


def test_every_immutable_is_compared_and_so_is_every_byte(shown: Codes) -> None:
    for name in CLONES:
        for shared in shared_contracts(name):
            assert is_genuine(shown.connection, shared)
            code, places = shown.at[shared.address], immutable_places(shared.artifact)
            assert (len(places) > 0) == (shared.artifact in (FACTORY, SALE))
            for at in {0, len(code) // 2, len(code) - 1, *places}:
                changed = bytearray(code)
                changed[at] ^= 1
                shown.at[shared.address] = bytes(changed)
                assert not is_genuine(shown.connection, shared), at
            for other in (b"", code[:-1], code + b"\0"):
                shown.at[shared.address] = other
                assert not is_genuine(shown.connection, shared)
            shown.at[shared.address] = code


def immutable_places(name: str) -> list[int]:
    """The last byte of each place that a constructor fills in."""
    document: Mapping[str, Any] = artifact(name)
    places = document["immutableReferences"].values()
    return [at["start"] + at["length"] - 1 for some in places for at in some]


def test_a_clone_is_worth_what_stands_behind_it(shown: Codes, collection: Collection) -> None:
    assert verify_birth(shown.connection, collection.address, CLONES).name == COLLECTION
    for shared in shared_contracts(COLLECTION):
        code = shown.at.pop(shared.address)
        problem = verify_birth(shown.connection, collection.address, CLONES).problem
        assert problem == f"the {shared.role} at {shared.address} is not the one that nftgan ships"
        shown.at[shared.address] = code


@pytest.mark.parametrize("at", [0, 20, 45, 100, 200, -1])
def test_a_byte_of_a_clone_says_another_address(
    shown: Codes, collection: Collection, at: int
) -> None:
    code = bytearray(shown.at[collection.address])
    code[at] ^= 1
    shown.at[collection.address] = bytes(code)
    assert verify_birth(shown.connection, collection.address, CLONES).problem


def test_clones_of_any_length_are_found_at_their_address(shown: Codes) -> None:
    implementation = bytes.fromhex(implementation_address(COLLECTION)[2:])
    for size in (0, 1, 20, 255, 256, 60_000):
        address = clone_address(COLLECTION, bytes(size))
        head, tail = "363d3d373d3d3d363d73", "5af43d82803e903d91602b57fd5bf3"
        shown.at[address] = bytes.fromhex(head) + implementation + bytes.fromhex(tail) + bytes(size)
        assert verify_birth(shown.connection, address, CLONES).name == COLLECTION


def test_a_chain_without_the_deployer_is_named(shown: Codes) -> None:
    with pytest.raises(UsageError, match="no deterministic deployer"):
        need_deployer(shown.connection)
    shown.at[DEPLOYER] = DEPLOYER_CODE
    need_deployer(shown.connection)


@pytest.mark.node
def test_a_real_node_has_the_deployer_that_the_embedded_chain_has() -> None:
    with running_anvil() as node:
        assert rpc(node, "eth_getCode", DEPLOYER, "latest") == "0x" + DEPLOYER_CODE.hex()
