"""The shipped contracts are there, and what they revert with is a sentence."""

from __future__ import annotations

import pytest
from eth_abi import encode
from eth_utils import keccak

from nftgan.chain.artifact import (
    COLLECTION,
    COLLECTION_CODE,
    FACTORY,
    SALE,
    SPLITTER,
    artifact,
    decode_revert,
)

NAMES = (COLLECTION, COLLECTION_CODE, FACTORY, SALE, SPLITTER)


@pytest.mark.parametrize("name", NAMES)
def test_a_contract_has_its_interface_and_code_below_the_limit_of_the_chain(name: str) -> None:
    document = artifact(name)
    code = bytes.fromhex(document["bytecode"].removeprefix("0x"))
    assert 0 < len(code) <= 49_152  # EIP-3860: of creation code
    assert {entry["type"] for entry in document["abi"]} >= {"function"}


@pytest.mark.parametrize("name", NAMES)
def test_every_declared_error_is_read_back_with_its_values(name: str) -> None:
    sample = {"uint256": 7, "address": "0x" + "11" * 20, "bool": True, "bytes32": b"\7" * 32}
    for entry in artifact(name)["abi"]:
        if entry["type"] != "error":
            continue
        types = [one["type"] for one in entry["inputs"]]
        values = [sample.get(kind, 7) for kind in types]
        selector = keccak(text=f"{entry['name']}({','.join(types)})")[:4]
        text = decode_revert(selector + encode(types, values))
        assert text.startswith(f"{entry['name']}(") and text.count(",") == max(len(types) - 1, 0)


def test_solidity_s_own_errors_and_unknown_ones_are_told_apart() -> None:
    assert decode_revert(bytes.fromhex("08c379a0") + encode(["string"], ["no"])) == "no"
    assert decode_revert(bytes.fromhex("4e487b71") + encode(["uint256"], [0x11])) == "panic 0x11"
    assert decode_revert(b"") == "no reason given"
    assert decode_revert(b"\xde\xad\xbe\xef" + b"\1") == "error 0xdeadbeef01"


def test_a_node_that_sends_nonsense_gets_hex_and_no_exception() -> None:
    for data in (b"\x08\xc3\x79\xa0", b"\x08\xc3\x79\xa0" + b"\xff" * 64, b"\x4e\x48\x7b\x71\1"):
        assert decode_revert(data).startswith("error 0x")
    assert len(decode_revert(b"\xde\xad\xbe\xef" * 1000)) < 200
