"""EIP-1559 fees: what to offer now, what a replacement must offer, and the most it may become."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from nftgan.chain.rpc import Connection, rpc_errors
from nftgan.errors import PartlyDone, ServiceError, UsageError

BUMP = 1125  # thousandths: nodes want at least a tenth more, of both fees, for a replacement
MIN_PRIORITY_FEE_WEI = 1_000_000
HISTORY_BLOCKS = 5


@dataclass(frozen=True)
class Fees:
    """What a unit of gas may cost at most, and the priority fee (the tip) in it."""

    max_fee_wei: int
    max_priority_fee_wei: int


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

    Raises FeeTooHigh when even the base fee is above it, ServiceError on a chain without EIP-1559.
    """
    with rpc_errors(connection):
        history = connection.w3.eth.fee_history(HISTORY_BLOCKS, "latest", [50])
        bases = [int(fee) for fee in history["baseFeePerGas"]]
        rewards = sorted(int(row[0]) for row in history.get("reward") or [] if row)
    if not bases or bases[-1] == 0 == bases[0]:
        raise ServiceError(
            f"the node at {connection.where} reports no base fee: the chain lacks EIP-1559",
            hint="choose another node with --rpc",
        )
    base = bases[-1]
    tip = max(rewards[len(rewards) // 2] if rewards else 0, MIN_PRIORITY_FEE_WEI)
    limit = 2 * base + tip
    if max_fee_wei is not None:
        if max_fee_wei <= base:
            raise FeeTooHigh(
                f"the base fee is {base / 1e9:.3g} gwei, above the allowed {max_fee_wei / 1e9:.3g}",
                hint="wait and run the same command again, or raise --max-fee",
            )
        limit = min(limit, max_fee_wei)
    return Fees(limit, min(tip, limit))


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
    )
