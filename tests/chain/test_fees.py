"""Fees: twice the base fee plus the median tip, and never above what the person allows."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from nftgan.chain.fees import (
    MIN_PRIORITY_FEE_WEI,
    Fees,
    FeeTooHigh,
    current_fees,
    replacement_fees,
    require_funds,
)
from nftgan.errors import UsageError

GWEI = 10**9


def node(bases: list[int], tips: list[int], **block: str) -> Any:
    """A connection to a chain with these base fees and median tips of its last blocks."""
    history = {"baseFeePerGas": bases, "reward": [[tip] for tip in tips]}
    eth = SimpleNamespace(fee_history=lambda count, newest, percentiles: history)

    def ask(method: str, *params: Any) -> Any:
        return hex(9 * GWEI) if method == "eth_gasPrice" else dict(block)

    return SimpleNamespace(w3=SimpleNamespace(eth=eth), where="https://node", ask=ask)


def test_the_limit_bears_a_doubled_base_fee_and_the_tip_is_the_median() -> None:
    tips = [1 * GWEI, 90 * GWEI, 2 * GWEI, 3 * GWEI, 1 * GWEI]
    fees = current_fees(node([9 * GWEI] * 5 + [10 * GWEI], tips), None)
    assert fees == Fees(max_fee_wei=22 * GWEI, max_priority_fee_wei=2 * GWEI)


def test_a_chain_without_tips_gets_the_smallest() -> None:
    fees = current_fees(node([10 * GWEI] * 2, []), None)
    assert fees == Fees(20 * GWEI + MIN_PRIORITY_FEE_WEI, MIN_PRIORITY_FEE_WEI)


def test_the_persons_limit_is_kept_by_both_fees() -> None:
    asked = node([10 * GWEI] * 2, [50 * GWEI])
    assert current_fees(asked, 15 * GWEI) == Fees(15 * GWEI, 15 * GWEI)
    with pytest.raises(FeeTooHigh, match="the base fee is 10 gwei, above the allowed 10"):
        current_fees(asked, 10 * GWEI)
    assert current_fees(asked, 10 * GWEI + 1).max_fee_wei == 10 * GWEI + 1


def test_a_chain_without_a_base_fee_gets_one_gas_price_and_a_tenth_more() -> None:
    for bases in ([], [0, 0]):
        asked = node(bases, [])
        assert current_fees(asked, None) == Fees(9_900_000_000, 9_900_000_000, legacy=True)
        assert current_fees(asked, 9 * GWEI) == Fees(9 * GWEI, 9 * GWEI, legacy=True)
        with pytest.raises(FeeTooHigh, match="the gas price is 9 gwei, above the allowed 8"):
            current_fees(asked, 8 * GWEI)


def test_a_base_fee_of_nothing_is_eip_1559_all_the_same() -> None:
    """As on chains whose blocks have the field and whose nodes want a tip."""
    asked = node([0, 0], [], baseFeePerGas="0x0")
    assert current_fees(asked, None) == Fees(9 * GWEI, 9 * GWEI)


def test_a_replacement_offers_an_eighth_more_of_both_fees() -> None:
    old, low = Fees(800, 80), Fees(1, 1)
    assert replacement_fees(old, low, cap_wei=10_000) == Fees(901, 91)
    assert replacement_fees(old, Fees(5000, 700), cap_wei=10_000) == Fees(5000, 700)
    legacy = replacement_fees(Fees(800, 800), Fees(1, 1, legacy=True), cap_wei=10_000)
    assert legacy == Fees(901, 901, legacy=True)


def test_a_replacement_near_the_cap_is_a_tenth_more_or_nothing() -> None:
    old, low = Fees(800, 80), Fees(1, 1)
    assert replacement_fees(old, low, cap_wei=881).max_fee_wei == 881
    with pytest.raises(FeeTooHigh, match="a replacement would cost more"):
        replacement_fees(old, low, cap_wei=880)


def test_the_last_wei_is_enough_and_one_less_is_not() -> None:
    plan = SimpleNamespace(chain="c", account="0x1", balance_wei=10, worst_case_wei=10)
    require_funds(plan, "minting")
    plan.balance_wei = 9
    with pytest.raises(UsageError, match=r"0x1 has .* ether on c, and minting may cost"):
        require_funds(plan, "minting")
