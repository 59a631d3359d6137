"""Fees, by EIP-1559 or as one gas price: what to offer, now and for a replacement, at most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from nftgan.chain.blocks import block_fields
from nftgan.chain.errors import NodeRefused
from nftgan.chain.refusals import lacks_method
from nftgan.chain.rpc import Connection, rpc_errors
from nftgan.errors import PartlyDone, UsageError

BUMP = 1125  # thousandths: nodes want at least a tenth more, of both fees, for a replacement
MIN_PRIORITY_FEE_WEI = 1_000_000
HISTORY_BLOCKS = 5
LEGACY_PERCENT = 110
"""Of the node's gas price, where a transaction has one: it is paid in full."""
LEGACY_NOTE = "one gas price for all, as this chain has no EIP-1559"


@dataclass(frozen=True)
class Fees:
    """What a unit of gas may cost at most, and the priority fee (the tip) in it."""

    max_fee_wei: int
    max_priority_fee_wei: int
    legacy: bool = False  # the chain knows one gas price only (EIP-155), which is max_fee_wei


class FeeTooHigh(PartlyDone):
    """The chain asks for more than the person allows."""


class CostedPlan(Protocol):
    """A plan of transactions: who pays, what it has, and what they may cost at most."""

    @property
    def chain(self) -> str: ...
    @property
    def account(self) -> str: ...
    @property
    def balance_wei(self) -> int: ...
    @property
    def worst_case_wei(self) -> int: ...


def require_funds(plan: CostedPlan, what: str) -> None:
    """Raises UsageError when the account could not pay the most that `what` may cost."""
    if plan.balance_wei < plan.worst_case_wei:
        raise UsageError(
            f"{plan.account} has {plan.balance_wei / 1e18:.6f} ether on {plan.chain}, and {what}"
            f" may cost {plan.worst_case_wei / 1e18:.6f}",
            hint="add funds, or lower --max-fee",
        )


def current_fees(connection: Connection, max_fee_wei: int | None) -> Fees:
    """Twice the base fee plus the median tip of late, not above `max_fee_wei`.

    A node without eth_feeHistory is asked for its block's base fee and its tip; on a chain without
    EIP-1559 it is the node's gas price and a tenth more. Raises FeeTooHigh when even the base fee,
    or that gas price, is above `max_fee_wei`, ServiceError when the node says none of these.
    """
    base, tip = _of_history(connection) or _of_block(connection)
    if base is None:
        price = tip
        if max_fee_wei is not None and price > max_fee_wei:
            raise _too_high("gas price", price, max_fee_wei)
        limit = price * LEGACY_PERCENT // 100
        limit = limit if max_fee_wei is None else min(limit, max_fee_wei)
        return Fees(limit, limit, legacy=True)
    tip = max(tip, MIN_PRIORITY_FEE_WEI)
    limit = 2 * base + tip
    if max_fee_wei is not None:
        if max_fee_wei <= base:
            raise _too_high("base fee", base, max_fee_wei)
        limit = min(limit, max_fee_wei)
    return Fees(limit, min(tip, limit))


def _too_high(what: str, asked: int, allowed: int) -> FeeTooHigh:
    return FeeTooHigh(
        f"the {what} is {asked / 1e9:.3g} gwei, above the allowed {allowed / 1e9:.3g}",
        hint="wait and run the same command again, or raise --max-fee",
    )


def _of_history(connection: Connection) -> tuple[int | None, int] | None:
    """(base fee, median tip); None when the node has no history, or one without base fees."""
    try:
        with rpc_errors(connection):
            history = connection.w3.eth.fee_history(HISTORY_BLOCKS, "latest", [50])
            bases = [int(fee) for fee in history["baseFeePerGas"]]
            rewards = sorted(int(row[0]) for row in history.get("reward") or [] if row)
    except NodeRefused as exc:
        if not lacks_method(exc.code, exc.text):
            raise
        return None
    if not bases or bases[-1] == 0 == bases[0]:
        return None  # what nodes say of a chain without EIP-1559, and of one whose gas is free
    return bases[-1], rewards[len(rewards) // 2] if rewards else 0


def _of_block(connection: Connection) -> tuple[int | None, int]:
    """(base fee, tip) as the last block and the node say; (None, gas price) without EIP-1559."""
    base = block_fields(connection).get("baseFeePerGas")
    with rpc_errors(connection):
        price = int(connection.ask("eth_gasPrice"), 16)
        if base is None:
            return None, price
        return int(base, 16), max(price - int(base, 16), 0)


def replacement_fees(old: Fees, now: Fees, cap_wei: int) -> Fees:
    """What takes the place of a transaction with the same nonce. Raises FeeTooHigh above the cap.

    Both fees grow by an eighth; for a total that this would carry past the cap, the cap itself
    will do where it is a tenth more.
    """
    least = old.max_fee_wei * 110 // 100 + 1
    limit = min(max(now.max_fee_wei, old.max_fee_wei * BUMP // 1000 + 1), cap_wei)
    if limit < least:
        raise FeeTooHigh(
            f"a replacement would cost more than the allowed {cap_wei / 1e9:.3g} gwei",
            hint="wait and run the same command again, or raise --max-fee",
        )
    return Fees(
        limit,
        min(max(now.max_priority_fee_wei, old.max_priority_fee_wei * BUMP // 1000 + 1), limit),
        now.legacy,
    )
