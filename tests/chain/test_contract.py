"""The collection from Python: what is fixed, what is read back, what is not believed."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from nftgan.chain.accounts import embedded_account
from nftgan.chain.artifact import decode_revert
from nftgan.chain.contract import (
    Collection,
    Factory,
    decode_seeds,
    encode_seeds,
)
from nftgan.chain.errors import ContractReverted
from nftgan.chain.rpc import Connection
from nftgan.collection.merkle import leaf, merkle_proof, merkle_root
from nftgan.errors import UsageError
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
