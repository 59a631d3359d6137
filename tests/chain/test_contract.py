"""The collection from Python: what is fixed, what is read back, what is not believed."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from nftgan.chain.accounts import embedded_account
from nftgan.chain.artifact import decode_revert
from nftgan.chain.contract import (
    Collection,
    CollectionArgs,
    Factory,
    decode_seeds,
    encode_seeds,
)
from nftgan.chain.errors import ContractReverted
from nftgan.chain.rpc import Connection
from nftgan.collection.merkle import leaf, merkle_proof, merkle_root
from nftgan.errors import CheckFailed, ServiceError, UsageError
from tests.chain.actors import SALT, account, collection_args, deploy, mint, seeds_of, sender


@pytest.fixture
def collection(embedded: Connection, tmp_path: Path) -> Collection:
    return deploy(embedded, embedded_account(), tmp_path, 12)


def test_the_fixed_data_comes_back_from_the_chain(collection: Collection) -> None:
    me = embedded_account().address
    assert collection.immutable_args() == collection_args(me, 12)
    assert collection.owner() == me
    assert collection.contract_uri() == "ipfs://bafy/contract.json"
    assert collection.next_token_id() == 0


def test_a_token_tells_its_holder_and_its_metadata(
    embedded: Connection, collection: Collection, tmp_path: Path
) -> None:
    mint(sender(embedded, embedded_account(), tmp_path / "mint.jsonl"), collection, 12)
    assert collection.token_uri(11) == "ipfs://bafy/11.json"
    assert collection.owner_of(11) == embedded_account().address
    assert collection.owner_of(12) is None
    with pytest.raises(ContractReverted, match=r"ERC721NonexistentToken\(tokenId 12\)"):
        collection.token_uri(12)


def test_the_contract_accepts_true_pieces_and_refuses_others(
    embedded: Connection, tmp_path: Path
) -> None:
    me, seeds = embedded_account(), seeds_of(5)
    pixels = [f"sha256:{number:064x}" for number in range(5)]
    leaves = [leaf(i, seeds[i], pixels[i]) for i in range(5)]
    deploy(embedded, me, tmp_path, 5)
    factory = Factory(embedded, "event")
    args = dataclasses.replace(
        collection_args(me.address, 5), root="0x" + merkle_root(leaves).hex()
    )
    target = factory.predict(args, SALT, me.address)
    sender(embedded, me, tmp_path / "second.jsonl").execute(
        "create", to=factory.address, data=factory.create_data(args, SALT)
    )
    collection = Collection(embedded, target)
    for token in range(5):
        proof = [bytes(node) for node in merkle_proof(leaves, token)]
        assert collection.verify_piece(token, seeds[token], pixels[token], proof)
        assert not collection.verify_piece(token, seeds[token] ^ 1, pixels[token], proof)
        assert not collection.verify_piece(token, seeds[token], pixels[token - 1], proof)
        assert not collection.verify_piece((token + 1) % 5, seeds[token], pixels[token], proof)


def test_the_same_collection_cannot_be_created_twice(
    embedded: Connection, collection: Collection, tmp_path: Path
) -> None:
    me = embedded_account()
    sent = sender(embedded, me, tmp_path / "deploy.jsonl").journal.finals
    assert list(sent)[-1] == "create"
    assert len(sent) == 3
    again = deploy(embedded, me, tmp_path, 12)
    assert again.address == collection.address
    made = Factory(embedded, "event")
    data = made.create_data(collection_args(me.address, 12), SALT)
    with pytest.raises(ContractReverted, match="create: the contract refuses"):
        sender(embedded, me, tmp_path / "again.jsonl").execute("create", to=made.address, data=data)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": "x" * 256}, "at most 255 bytes"),
        ({"symbol": "é" * 128}, "at most 255 bytes"),
        ({"max_supply": 0}, "a supply of 0"),
        ({"max_supply": 2**32}, "out of range"),
        ({"royalty_bps": 1001}, "1001 basis points"),
    ],
)
def test_fixed_data_that_does_not_fit_is_refused(changes: dict, words: str) -> None:
    args = dataclasses.replace(collection_args(account("a").address, 1), **changes)
    with pytest.raises(UsageError, match=words):
        args.encode()


def test_seeds_are_four_bytes_each() -> None:
    seeds = (0, 1, 2**32 - 1)
    assert encode_seeds(seeds).hex() == "0000000000000001ffffffff"
    assert decode_seeds(encode_seeds(seeds)) == seeds


def test_a_revert_is_named_with_its_values() -> None:
    data = bytes.fromhex("08c379a0") + (32).to_bytes(32, "big") + (2).to_bytes(32, "big")
    assert decode_revert(data + b"no".ljust(32, b"\0")) == "no"
    assert decode_revert(bytes.fromhex("4e487b71") + (0x11).to_bytes(32, "big")) == "panic 0x11"
    assert decode_revert(b"") == "no reason given"
    assert decode_revert(b"\1\2\3\4") == "error 0x01020304"
    assert decode_revert(data[:20]) == "error 0x" + data[:20].hex()


@pytest.fixture
def in_code(embedded: Connection, tmp_path: Path) -> Collection:
    return deploy(embedded, embedded_account(), tmp_path, 1200, seed_store="code")


def test_seeds_in_contract_code_are_read_without_the_log(
    embedded: Connection, in_code: Collection, tmp_path: Path
) -> None:
    assert in_code.code_problem() is None
    assert in_code.seed_store == "code"
    sending = sender(embedded, embedded_account(), tmp_path / "mint.jsonl")
    for count in (1, 5, 1200):  # batches of 1, 4, 500, 500 and 195
        mint(sending, in_code, count)
    assert in_code.batches()[1] == (1, tuple(seeds_of(5)[1:]))  # the log has them all the same

    def forgotten(*_: object, **__: object) -> None:
        raise AssertionError("the log was asked")

    in_code._contract.events.Seeds = forgotten
    assert in_code.seeds() == dict(enumerate(seeds_of(1200)))


def test_a_collection_says_where_its_seeds_are(collection: Collection) -> None:
    assert collection.seed_store == "event"
    with pytest.raises(ContractReverted):
        collection._call("seedsOf", 0, 0)


def zeros(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on the node answers every call of a contract with a kilobyte of zeros."""
    request = connection.w3.provider.make_request

    def lying(method: Any, params: Any) -> Any:
        if str(method) == "eth_call":
            return {"jsonrpc": "2.0", "id": 1, "result": "0x" + "00" * 1024}
        return request(method, params)

    monkeypatch.setattr(connection.w3.provider, "make_request", lying)
    # web3.py keeps the one that it saw first.
    monkeypatch.setattr(connection.w3.provider, "_request_func_cache", (None, None))


def test_what_the_code_fixes_is_read_from_the_code_that_the_address_proves(
    embedded: Connection, collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    zeros(embedded, monkeypatch)
    wanted = collection_args(embedded_account().address, 12)
    assert collection.immutable_args() == wanted
    assert (collection.name(), collection.max_supply()) == ("Näme", 12)
    nothing = Collection(embedded, account("nobody").address)
    for read in (nothing.immutable_args, nothing.name, nothing.max_supply, nothing.next_token_id):
        with pytest.raises(CheckFailed, match="cannot be trusted: there is no contract"):
            read()


def test_immutable_args_are_read_back_as_they_were_packed() -> None:
    wanted = collection_args(account("owner").address, 2**32 - 1)
    for words in (("", "", ""), ("x" * 255, "y" * 255, "ipfs://z/"), ("é", "🙂", "a")):
        name, symbol, uri = words
        one = dataclasses.replace(wanted, name=name, symbol=symbol, base_uri=uri, royalty_bps=0)
        assert CollectionArgs.decode(one.encode()) == one
    packed = wanted.encode()
    for size in (0, 32, 121, 122, 123, 124):
        with pytest.raises(ValueError):
            CollectionArgs.decode(packed[:size])


def test_a_name_that_is_no_text_is_not_shown(
    embedded: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    genuine = CollectionArgs.encode
    monkeypatch.setattr(
        CollectionArgs, "encode", lambda one: genuine(one).replace(b"SYM", b"\xff" * 3)
    )
    odd = deploy(embedded, embedded_account(), tmp_path, 12)
    assert odd.code_problem() is None
    with pytest.raises(CheckFailed, match="a name or a base URI that is no text"):
        odd.immutable_args()


@pytest.mark.parametrize("store", ["event", "code"])
def test_counts_and_seeds_that_the_code_rules_out_are_a_lie_of_the_node(
    embedded: Connection, tmp_path: Path, store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    collection = deploy(embedded, embedded_account(), tmp_path, 12, seed_store=store)
    mint(sender(embedded, embedded_account(), tmp_path / "mint.jsonl"), collection, 12)
    collection.mint_transactions = tuple  # as for a stranger
    call = collection._call

    def answers(**given: Any) -> None:
        monkeypatch.setattr(
            collection, "_call", lambda name, *words: given.get(name) or call(name, *words)
        )

    for minted in (13, 2**32, 2**256 - 1):
        answers(nextTokenId=minted)
        with pytest.raises(ServiceError, match="which this contract cannot have"):
            collection.seeds()
    answers()
    for batches in ({0: ()}, {5: (1,) * 8}, {0: (1,) * 8, 4: (1,) * 8}):
        monkeypatch.setattr(collection, "_batches", lambda *_, shown=batches: shown)
        with pytest.raises(ServiceError, match="which this contract cannot have"):
            collection.batches()
    # What was minted while the logs were read is no lie.
    monkeypatch.setattr(collection, "_batches", lambda *_: {0: (1,) * 12, 12: (1,)})
    assert collection.batches() == [(0, (1,) * 12)]
    if store == "code":
        answers(seedsOf=bytes(4))
        with pytest.raises(ServiceError, match="4 bytes as 12 seeds"):
            collection.seeds()


def test_a_journal_of_a_million_hashes_makes_no_million_questions(
    embedded: Connection, collection: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mint(sender(embedded, embedded_account(), tmp_path / "mint.jsonl"), collection, 12)
    asked: list[str] = []
    ask = Connection.ask

    def noting(one: Connection, method: str, *params: Any) -> Any:
        asked.append(method)
        return ask(one, method, *params)

    monkeypatch.setattr(Connection, "ask", noting)
    many = [f"0x{number:064x}" for number in range(1000)]
    collection.mint_transactions = lambda: ["x" * 10**6, many[0], *many]
    assert collection.seeds() == dict(enumerate(seeds_of(12)))
    assert asked.count("eth_getTransactionReceipt") == 12
