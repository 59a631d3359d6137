"""An operation on chain, the receipt of its transaction, and how long to wait before each doubt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from nftgan.chain.accounts import check_address
from nftgan.chain.data_fees import paid_wei
from nftgan.chain.networks import Chain


@dataclass(frozen=True)
class Timing:
    """How long to wait before each next doubt, in seconds."""

    poll: float
    resend: float  # the same bytes again
    replace: float  # the same nonce with higher fees
    absent: float  # a nonce was used and no receipt shows why: a lagging node, or another sender
    outage: float  # the node does not answer at all
    give_up: float  # nothing happens

    @staticmethod
    def of(chain: Chain) -> Timing:
        block = chain.block_seconds
        if not block:
            return Timing(poll=0.05, resend=1, replace=10, absent=0, outage=10, give_up=60)
        return Timing(
            poll=min(max(block / 4, 0.1), 2),
            resend=max(2 * block, 5),
            replace=max(6 * block, 20),
            absent=max(3 * block, 5),
            outage=120,
            give_up=600,
        )


@dataclass(frozen=True)
class Operation:
    """Something that must be on chain once. `done` looks for its effect there."""

    name: str
    to: str | None  # None: create a contract
    data: bytes
    done: Callable[[], bool] | None = None
    value_wei: int = 0  # money that goes along


@dataclass(frozen=True)
class Receipt:
    """A transaction that is on chain and did what it should."""

    hash: str
    block: int
    gas: int
    fee_wei: int  # all that was paid
    contract: str | None
    data_fee_wei: int = 0  # of it, what a rollup took for the data


def created_address(sender: str, nonce: int) -> str:
    """The address of the contract that `sender` creates with `nonce`."""
    import rlp
    from eth_utils import keccak, to_canonical_address, to_checksum_address

    encoded = rlp.encode([to_canonical_address(sender), nonce])
    return str(to_checksum_address(keccak(encoded)[12:]))


def number(quantity: str) -> int:
    return int(quantity, 16)


def as_receipt(found: Any) -> Receipt:
    gas, contract = number(found["gasUsed"]), found.get("contractAddress")
    data_fee = paid_wei(found)
    return Receipt(
        hash=str(found["transactionHash"]),
        block=number(found["blockNumber"]),
        gas=gas,
        fee_wei=gas * number(found["effectiveGasPrice"]) + data_fee,
        contract=None if contract is None else check_address(contract),
        data_fee_wei=data_fee,
    )
