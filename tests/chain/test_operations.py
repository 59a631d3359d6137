"""Addresses of new contracts, receipts, and how patient a chain's sender is."""

from __future__ import annotations

import pytest

from nftgan.chain.networks import CHAINS
from nftgan.chain.operations import Timing, as_receipt, created_address

SENDER = "0x6ac7ea33f8831ea9dcc53393aaa88b25a785dbf0"
CREATED = {  # of the first contracts of a known account of mainnet
    0: "0xcd234a471b72ba2f1ccf0a70fcaba648a5eecd8d",
    1: "0x343c43a37d37dff08ae8c4a11544c718abb4fcf8",
    2: "0xf778b86fa74e846c4f0a1fbd1335fe81c00a0c91",
}


@pytest.mark.parametrize("nonce", CREATED)
def test_where_a_contract_stands_follows_from_sender_and_nonce(nonce: int) -> None:
    assert created_address(SENDER, nonce).lower() == CREATED[nonce]


def test_a_receipt_has_the_whole_price_with_that_of_its_data() -> None:
    found = {
        "transactionHash": "0x11",
        "blockNumber": "0x10",
        "gasUsed": "0x5208",
        "effectiveGasPrice": "0x3b9aca00",
        "contractAddress": CREATED[0],
        "l1Fee": "0x64",  # of an OP chain
    }
    receipt = as_receipt(found)
    assert (receipt.block, receipt.gas, receipt.data_fee_wei) == (16, 21_000, 100)
    assert receipt.fee_wei == 21_000 * 10**9 + 100
    assert receipt.contract is not None and receipt.contract.lower() == CREATED[0]
    with pytest.raises(KeyError):
        as_receipt({key: value for key, value in found.items() if key != "gasUsed"})


def test_a_slower_chain_is_waited_for_longer() -> None:
    embedded, sepolia = Timing.of(CHAINS["embedded"]), Timing.of(CHAINS["sepolia"])
    assert embedded.absent == 0 < sepolia.absent
    assert sepolia.resend < sepolia.replace < sepolia.give_up
    assert sepolia.replace > CHAINS["sepolia"].block_seconds
