"""benchmarks/gas.py: its figures keep the budget, and its estimate adds what EIP-8037 asks."""

from __future__ import annotations

from types import ModuleType

import pytest

from tests.by_path import loaded

from .evm import Evm


@pytest.fixture(scope="module")
def gas() -> ModuleType:
    return loaded("benchmarks/gas.py")


def test_the_figures_keep_the_budget(gas: ModuleType) -> None:
    found = gas.measure_ours(Evm)
    assert found["mint_100_per_token"] <= 2_900
    assert found["deploy_collection"] <= 140_000
    assert found["collection_of_100"] <= 430_000
    assert found["first_transfer"] <= 88_500


def test_new_state_is_what_the_estimate_adds(gas: ModuleType) -> None:
    prague, amsterdam = gas.measure_ours(Evm), gas.measure_ours(gas.Amsterdam)
    more = {key: amsterdam[key] - prague[key] for key in prague}
    slot = 64 * 1530 - 20_000
    # The ledger and the holder's balance are new slots; so are a moved token's owner and the
    # balance of who gets it.
    assert more["mint_100_per_token"] * 100 == pytest.approx(2 * slot)
    assert more["first_transfer"] == 2 * slot
    clone = 45 + 20 + 3 * 32 + 4 + 2 + 20 + 1 + len(gas.NAME) + 1 + len(gas.SYMBOL) + len(gas.BASE)
    assert more["deploy_collection"] == 120 * 1530 - 25_000 + clone * (1530 - 200)
