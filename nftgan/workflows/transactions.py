"""Plans of several transactions: planned, costed, and carried out so that nothing happens twice."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nftgan.chain.fees import require_funds
from nftgan.chain.operations import Operation
from nftgan.chain.rpc import Connection, rpc_errors
from nftgan.chain.sending import GAS_MARGINS, Sender
from nftgan.errors import PartlyDone
from nftgan.progress import SILENT, Progress
from nftgan.workflows.publishing import account_lock

PATIENCE_ROUNDS = 40
"""How often a node may answer as if a step that is on chain were not."""

USUAL_DATA_BYTES = 2_000
"""Of a transaction that is not known yet; a batch of seeds has about so many."""


@dataclass(frozen=True)
class Estimate:
    """What will be sent and what it may cost at most."""

    chain: str
    chain_id: int
    account: str
    balance_wei: int
    steps: tuple[str, ...]
    gas: int
    max_fee_wei: int
    data_fee_wei: int = 0  # what a rollup may take for the data, beside the gas
    fee_note: str = ""  # what is unusual about fees on this chain

    @property
    def worst_case_wei(self) -> int:
        return self.gas * self.max_fee_wei + self.data_fee_wei


@dataclass(frozen=True, kw_only=True)
class TxEstimate(Estimate):
    """That of any plan of transactions."""

    value_wei: int = 0  # the price of what is bought
    terms: Mapping[str, Any] | None = None
    warnings: tuple[str, ...] = ()

    @property
    def worst_case_wei(self) -> int:
        return super().worst_case_wei + self.value_wei


@dataclass(frozen=True)
class TxStep:
    """A transaction; `operation` is None while it depends on what those before it give."""

    name: str
    gas: int  # about
    operation: Operation | None = None

    @staticmethod
    def of(
        name: str, gas: int, to: str | None, data: bytes, done: Callable[[], bool], value: int = 0
    ) -> TxStep:
        return TxStep(name, gas, Operation(name, to, data, done, value))


@dataclass(frozen=True)
class TxPlan:
    """Something that takes several transactions.

    steps: looks at the chain and tells them in order, those that are done included.
    prepare: called before anything is sent, and again between. finish: called when all is done.
    """

    steps: Callable[[], Sequence[TxStep]]
    prepare: Callable[[], None] = lambda: None
    finish: Callable[[], None] = lambda: None
    terms: Mapping[str, Any] | None = None  # what is sold, as JSON has it
    warnings: tuple[str, ...] = ()


class TxRunner:
    """One account on one chain: `estimate` costs nothing, `run` sends what is missing."""

    connection: Connection
    sender: Sender

    def estimate(self, plan: TxPlan) -> TxEstimate:
        """What is missing now and what it may cost at most.

        Raises ContractReverted with the contract's reason when it would refuse the first step.
        """
        missing = self._missing(plan)
        gas = sum(self._gas(one, first=i == 0) for i, one in enumerate(missing))
        data_fee = sum(
            self.sender.data_fee_wei(
                len(one.operation.data) if one.operation else USUAL_DATA_BYTES, one.gas
            )
            for one in missing
        )
        account, chain = self.sender.account.address, self.connection.chain
        with rpc_errors(self.connection):
            balance = int(self.connection.w3.eth.get_balance(account))
        return TxEstimate(
            chain.name,
            chain.chain_id,
            account,
            balance,
            tuple(one.name for one in missing),
            gas,
            self.sender.cap_for(gas, data_fee) if gas else 0,
            data_fee,
            self.sender.fee_note if gas else "",
            value_wei=sum(one.operation.value_wei for one in missing if one.operation),
            terms=plan.terms,
            warnings=plan.warnings,
        )

    def _gas(self, step: TxStep, *, first: bool) -> int:
        one = step.operation
        if not first or one is None or one.name in self.sender.journal.attempts:
            return step.gas
        call: dict[str, Any] = {"from": self.sender.account.address, "data": one.data}
        call |= {"value": one.value_wei} | ({"to": one.to} if one.to else {})
        with rpc_errors(self.connection):
            return int(self.connection.w3.eth.estimate_gas(call)) * GAS_MARGINS[0] // 100

    def _missing(self, plan: TxPlan) -> list[TxStep]:
        """What is not on chain, or is by a transaction of ours that is not known to be final."""
        return [
            step for step in plan.steps() if step.operation is None or self._open(step.operation)
        ]

    def _open(self, one: Operation) -> bool:
        if not (one.done and one.done()):
            return True
        begun = one.name in self.sender.journal.attempts and not self.sender.is_final(one.name)
        return begun and self.sender.is_mined(one)

    def run(self, plan: TxPlan, estimate: TxEstimate, *, progress: Progress = SILENT) -> None:
        """Send what is missing. Killed anywhere and run again, nothing happens twice."""
        require_funds(estimate, "this")
        with account_lock(self.connection, self.sender.account):
            self.sender.journal.reload()
            self.sender.on_wait = progress.note
            before: list[str] = []
            patience = PATIENCE_ROUNDS
            plan.prepare()
            while now := [one.operation for one in self._missing(plan) if one.operation]:
                names = [one.name for one in now]
                if names == before:  # they are on chain, and the node does not show it yet
                    patience -= 1
                    if not patience:
                        raise PartlyDone(
                            f"{names[0]}: it is on chain, and the node does not show what it did",
                            hint="run the same command again",
                        )
                    time.sleep(self.sender.poll_seconds)
                for one in now if names != before else ():
                    progress.note(f"{estimate.chain}: {one.name}")
                before = names
                self.sender.send_and_confirm(now)
                plan.prepare()
            plan.finish()
