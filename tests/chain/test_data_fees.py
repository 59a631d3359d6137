"""What rollups take for data: in plans, budgets, journals and receipts, before and after."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nftgan.chain.data_fees import OP_ORACLE, SCROLL_ORACLE, DataFees, paid_wei
from nftgan.chain.fees import FeeTooHigh
from nftgan.chain.journal import Journal
from nftgan.chain.minting import plan_mint, run_mint
from nftgan.chain.rpc import connect
from nftgan.errors import PartlyDone, ServiceError
from tests.chain.actors import PATIENT, account, deploy, mint, seeds_of, sender
from tests.chain.conftest import FAULTY, Start
from tests.chain.faults import BadNode

ME = account("me")
TOKENS = 6
PER_BYTE = 10**12
OPERATOR_WEI = 7


class Rollup:
    """An embedded chain that takes a fee for data, as op-geth tells it."""

    def __init__(self, bad: BadNode, oracle: str = OP_ORACLE, *, fjord: bool = True) -> None:
        self.honest, self.oracle, self.fjord = bad.upstream, oracle, fjord
        self.per_byte, self.l1_fee = PER_BYTE, 10**14
        bad.upstream = self.answer

    def answer(self, method: str, params: list[Any]) -> dict[str, Any]:
        if method == "eth_getCode" and params[0] in (OP_ORACLE, SCROLL_ORACLE):
            return {"result": "0x60" if params[0] == self.oracle else "0x"}
        if method == "eth_call" and params[0]["to"] == self.oracle:
            return self.price(params[0]["data"][2:])
        answer = self.honest(method, params)
        if method == "eth_getTransactionReceipt" and answer.get("result"):
            answer["result"]["l1Fee"] = hex(self.l1_fee)
        return answer

    def price(self, data: str) -> dict[str, Any]:
        name, words = data[:8], data[8:]
        if name == "f1c7a58b" and self.fjord:
            return {"result": f"0x{int(words, 16) * self.per_byte:064x}"}
        if name == "49948e0e":
            size = int(words[64:128], 16)
            assert set(words[128 : 128 + 2 * size]) == {"f"}
            return {"result": f"0x{size * self.per_byte:064x}"}
        if name == "275aedd2" and self.fjord:
            return {"result": f"0x{OPERATOR_WEI:064x}"}
        return {"error": {"code": 3, "message": "execution reverted"}}


@pytest.mark.parametrize(
    ("oracle", "fjord"), [(OP_ORACLE, True), (OP_ORACLE, False), (SCROLL_ORACLE, False)]
)
def test_the_fee_for_data_is_asked_of_the_chain_with_room_for_ethereums_fee_to_double(
    oracle: str, fjord: bool, bad_node: Start
) -> None:
    bad = bad_node(lambda method, params: None)
    Rollup(bad, oracle, fjord=fjord)
    fees = DataFees(connect(FAULTY, bad.url))
    operator = OPERATOR_WEI if fjord else 0
    assert fees.most_wei(1000, 100_000) == 2 * (1190 * PER_BYTE + operator)
    assert fees.most_wei(0) == 2 * (190 * PER_BYTE + operator)
    assert bad.requests["eth_getCode"] <= 2  # where the fee stands is asked once


def test_a_chain_without_such_a_contract_takes_nothing(bad_node: Start) -> None:
    assert DataFees(connect(FAULTY, bad_node(lambda m, p: None).url)).most_wei(10**6) == 0


def test_an_oracle_that_says_nothing_or_nonsense_stops_before_anything_is_signed(
    bad_node: Start,
) -> None:
    bad = bad_node(lambda method, params: None)
    rollup = Rollup(bad)
    fees = DataFees(connect(FAULTY, bad.url))
    rollup.price = lambda data: {"result": "0x"}  # type: ignore[method-assign]
    with pytest.raises(ServiceError, match="does not say what data cost there"):
        fees.most_wei(10)
    rollup.price = lambda data: {"result": "0x" + "f" * 64}  # type: ignore[method-assign]
    with pytest.raises(ServiceError, match="makes no sense"):
        fees.most_wei(10)


def test_what_a_receipt_says_is_added_in_the_forms_of_both_forks() -> None:
    assert paid_wei({"gasUsed": "0x64"}) == 0
    assert paid_wei({"gasUsed": "0x64", "l1Fee": None}) == 0
    assert paid_wei({"gasUsed": "0x64", "l1Fee": "0x10"}) == 16
    isthmus = {"gasUsed": hex(2_000_000), "operatorFeeScalar": "0x3", "operatorFeeConstant": "0x5"}
    assert paid_wei(isthmus) == 2 * 3 + 5
    assert paid_wei({**isthmus, "daFootprintGasScalar": "0x1"}) == 2_000_000 * 3 * 100 + 5
    with pytest.raises(ValueError, match="a fee that nobody would pay"):
        paid_wei({"gasUsed": "0x1", "l1Fee": "0x" + "f" * 60})


def test_the_fee_for_data_is_in_the_plan_the_journal_and_what_was_paid(
    bad_node: Start, tmp_path: Path
) -> None:
    bad = bad_node(lambda method, params: None)
    rollup = Rollup(bad)
    connection = connect(FAULTY, bad.url)
    collection = deploy(connection, ME, tmp_path, TOKENS)
    own = sender(connection, ME, tmp_path / "mint.jsonl", timing=PATIENT)
    plan = plan_mint(own, collection, ME.address, seeds_of(TOKENS))
    size = len(collection.mint_data(0, ME.address, seeds_of(TOKENS)))
    assert plan.data_fee_wei == 2 * ((size + 190) * PER_BYTE + OPERATOR_WEI)
    assert plan.worst_case_wei == plan.gas * plan.max_fee_wei + plan.data_fee_wei
    run_mint(own, collection, plan)
    journal = Journal.read(tmp_path / "mint.jsonl")
    ((attempt,),) = journal.attempts.values()
    (final,) = journal.finals.values()
    assert attempt.data_fee_wei == plan.data_fee_wei
    gas_price = (final["fee_wei"] - rollup.l1_fee) // final["gas"]
    assert final["data_fee_wei"] == rollup.l1_fee and 0 < gas_price <= attempt.max_fee_wei
    assert journal.committed_wei() == final["fee_wei"]


def test_a_budget_holds_the_fee_for_data_too(bad_node: Start, tmp_path: Path) -> None:
    """The finding: 0.06 ether was taken for data against a budget of 0.01, and exit 0."""
    bad = bad_node(lambda method, params: None)
    rollup = Rollup(bad)
    connection = connect(FAULTY, bad.url)
    collection = deploy(connection, ME, tmp_path, TOKENS)
    rollup.per_byte, rollup.l1_fee = 10**14, 2 * 10**16  # 0.02 ether for a few hundred bytes

    def minter(budget_wei: int) -> Any:
        return sender(
            connection, ME, tmp_path / "mint.jsonl", timing=PATIENT, budget_wei=budget_wei
        )

    poor = minter(10**16)
    with pytest.raises(FeeTooHigh) as caught:
        plan_mint(poor, collection, ME.address, seeds_of(TOKENS))
    assert caught.value.exit_code == 6 and bad.requests["eth_sendRawTransaction"] == 3
    own = minter(10**17)
    run_mint(own, collection, plan_mint(own, collection, ME.address, seeds_of(TOKENS), until=3))
    assert own.journal.committed_wei() > rollup.l1_fee
    with pytest.raises(PartlyDone):  # a second batch would pass what the first left
        mint(minter(3 * 10**16), collection, TOKENS)
    mint(minter(2 * 10**17), collection, TOKENS)
    assert minter(10**18).journal.committed_wei() <= 2 * 10**17


def test_a_journal_of_a_chain_without_data_fees_is_as_it_was(
    bad_node: Start, tmp_path: Path
) -> None:
    connection = connect(FAULTY, bad_node(lambda method, params: None).url)
    collection = deploy(connection, ME, tmp_path, TOKENS)
    mint(sender(connection, ME, tmp_path / "mint.jsonl"), collection, TOKENS)
    assert "data_fee" not in (tmp_path / "mint.jsonl").read_text()
