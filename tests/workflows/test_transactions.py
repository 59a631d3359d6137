"""What a plan may cost at most holds every part of it, and a plan that is done costs nothing."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from nftgan.workflows.deploy import DeployPlan
from nftgan.workflows.transactions import Estimate, TxEstimate, TxStep

SHARED: dict[str, Any] = {
    "chain": "sepolia",
    "chain_id": 11155111,
    "account": "0x" + "1" * 40,
    "balance_wei": 10**18,
    "steps": ("one",),
    "gas": 100_000,
    "max_fee_wei": 3,
    "data_fee_wei": 50,
}


def test_the_worst_case_is_gas_and_data_and_what_is_paid() -> None:
    assert Estimate(**SHARED).worst_case_wei == 300_050
    assert TxEstimate(**SHARED).worst_case_wei == 300_050
    assert TxEstimate(**SHARED, value_wei=7 * 10**17).worst_case_wei == 7 * 10**17 + 300_050


def test_a_deployment_s_plan_costs_as_any_other() -> None:
    own: dict[str, Any] = {
        "fixed": SimpleNamespace(),
        "licence": "CC0",
        "seed_store": "event",
        "image_size": (16, 16),
    }
    plan = DeployPlan(**SHARED, **own)
    assert plan.worst_case_wei == Estimate(**SHARED).worst_case_wei
    with pytest.raises(AttributeError):
        plan.gas = 0  # type: ignore[misc]


def test_a_step_carries_what_is_paid_with_it() -> None:
    step = TxStep.of("buy", 21_000, "0x" + "2" * 40, b"\1", lambda: False, value=9)
    assert step.operation is not None
    assert (step.operation.name, step.operation.value_wei, step.operation.data) == ("buy", 9, b"\1")
    assert not step.operation.done() and step.gas == 21_000
