"""Signed transactions are read back as the bytes say, and nothing else passes for them."""

from __future__ import annotations

from typing import Any

import pytest
from eth_account import Account

from nftgan.chain.signed import SignedTransaction, check_attempt
from nftgan.errors import CheckFailed

KEY = Account.from_key(b"\x07" * 32)
TO = "0x" + "22" * 20
CALL: dict[str, Any] = {
    "type": 2,
    "chainId": 31_337,
    "nonce": 5,
    "maxFeePerGas": 30,
    "maxPriorityFeePerGas": 2,
    "gas": 90_000,
    "to": TO,
    "value": 7,
    "data": b"\x01\x02",
}


def signed(**changes: Any) -> tuple[str, str]:
    """(raw bytes, hash), signed by eth-account."""
    made = KEY.sign_transaction({**CALL, **changes})
    return "0x" + bytes(made.raw_transaction).hex(), "0x" + bytes(made.hash).hex()


def wanted(**changes: Any) -> dict[str, Any]:
    raw, tx_hash = signed()
    facts: dict[str, Any] = {
        "raw": raw,
        "hash": tx_hash,
        "nonce": 5,
        "sender": KEY.address,
        "chain_id": 31_337,
        "to": TO,
        "value_wei": 7,
        "data": b"\x01\x02",
    }
    return facts | changes


def test_what_eth_account_signs_is_read_back() -> None:
    raw, tx_hash = signed()
    found = SignedTransaction.decode(raw)
    assert (found.hash, found.sender, found.to) == (tx_hash, KEY.address, TO)
    assert (found.chain_id, found.nonce, found.value_wei) == (31_337, 5, 7)
    assert (found.max_fee_wei, found.gas, found.data) == (30, 90_000, b"\x01\x02")


def test_a_transaction_with_one_gas_price_is_read_back_with_the_chain_that_it_was_signed_for() -> (
    None
):
    call = {key: value for key, value in CALL.items() if "ax" not in key and key != "type"}
    made = KEY.sign_transaction({**call, "gasPrice": 30})
    raw = "0x" + bytes(made.raw_transaction).hex()
    found = SignedTransaction.decode(raw)
    assert found == SignedTransaction.decode(signed()[0]).__class__(
        **{**vars(SignedTransaction.decode(signed()[0])), "hash": "0x" + bytes(made.hash).hex()}
    )
    unbound = KEY.sign_transaction(
        {**{k: v for k, v in call.items() if k != "chainId"}, "gasPrice": 30}
    )
    with pytest.raises(ValueError, match="not a signed transaction"):  # good on any chain
        SignedTransaction.decode("0x" + bytes(unbound.raw_transaction).hex())


def test_a_creation_has_no_recipient() -> None:
    call = {key: value for key, value in CALL.items() if key != "to"}
    raw = "0x" + bytes(KEY.sign_transaction(call).raw_transaction).hex()
    assert SignedTransaction.decode(raw).to is None


def test_the_very_transaction_passes() -> None:
    check_attempt(**wanted())


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"hash": "0x" + "00" * 32}, "hash"),
        ({"sender": TO}, "sender"),
        ({"chain_id": 1}, "chain id"),
        ({"nonce": 6}, "nonce"),
        ({"to": None}, "recipient"),
        ({"to": "0x" + "33" * 20}, "recipient"),
        ({"value_wei": 0}, "value"),
        ({"data": b""}, "calldata"),
    ],
)
def test_every_other_transaction_is_named(change: dict[str, Any], named: str) -> None:
    with pytest.raises(CheckFailed, match=f"another {named}"):
        check_attempt(**wanted(**change))


@pytest.mark.parametrize("raw", ["", "0x", "0x02", "0x02c0", "0xf8", "zz", "0x01" + "00" * 50])
def test_what_is_no_signed_transaction_is_refused(raw: str) -> None:
    with pytest.raises(CheckFailed):
        check_attempt(**wanted(raw=raw))


def test_a_byte_changed_anywhere_is_noticed() -> None:
    raw = bytes.fromhex(signed()[0].removeprefix("0x"))
    for place in range(len(raw)):
        broken = bytearray(raw)
        broken[place] ^= 1
        with pytest.raises(CheckFailed):
            check_attempt(**wanted(raw="0x" + bytes(broken).hex()))
