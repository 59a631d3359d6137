"""Operations on chain, each once: sign, write down, send, wait, replace, and never guess.

The order is that of a write-ahead log. Whatever dies when, the next run finds every signed
transaction, asks the chain about all of them, and sends the same bytes again rather than new ones.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from nftgan.chain.data_fees import DataFees
from nftgan.chain.errors import ContractReverted, NodeUnavailable
from nftgan.chain.fees import LEGACY_NOTE, Fees, FeeTooHigh, current_fees, replacement_fees
from nftgan.chain.inclusion import FINALIZED, Inclusion
from nftgan.chain.journal import Attempt
from nftgan.chain.node_words import Meaning, meaning
from nftgan.chain.operations import Operation, Receipt, Timing, created_address
from nftgan.chain.rpc import check_chain_id, rpc_errors
from nftgan.errors import PartlyDone, ServiceError, UsageError

TX_GAS_CAP = 16_777_216  # EIP-7825
GAS_MARGINS = (115, 150, 200)
"""Hundredths of the node's estimate, more after each revert: an estimate can be too low."""

FINALITY_PATIENCE_SECONDS = 3600
"""Ethereum takes a quarter of an hour, a chain on top of it longer."""

CREATION_PATIENCE = 6
"""Times longer to wait for the receipt of a creation when a contract stands where it should."""


@dataclass
class _Watch:
    """What this run knows about one operation; all that must survive is in the journal."""

    hash: str = ""  # the attempt that was sent last
    since: float = 0.0  # when it was first sent
    sent: float | None = None  # when it was last sent; None: it must be
    too_cheap: bool = False
    absent_since: float | None = None
    refused_since: float | None = None
    gap_since: float | None = None


@dataclass
class Sender(Inclusion):
    """Carries operations out for one account on one chain, through one journal."""

    max_fee_wei: int | None = None
    budget_wei: int | None = None  # for all that the journal tells, earlier runs included
    on_wait: Callable[[str], None] = lambda message: None
    timing: Timing | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self._timing = self.timing or Timing.of(self.connection.chain)
        self._cap_wei = self.max_fee_wei
        self._said = ""
        self._data_fees = DataFees(self.connection)

    def cap_wei(self) -> int:
        """The most that a unit of gas may cost: what the person said, else twice today's offer.

        Raises FeeTooHigh when the chain already asks for more.
        """
        fees = current_fees(self.connection, self._cap_wei)
        if self._cap_wei is None:
            self._cap_wei = 2 * fees.max_fee_wei
        return self._cap_wei

    def data_fee_wei(self, data_bytes: int, gas: int = 0) -> int:
        """The most that a rollup may take for so much calldata, beside the gas; else 0."""
        return self._data_fees.most_wei(data_bytes, gas)

    @property
    def fee_note(self) -> str:
        """What is unusual about fees here, for the plan; empty: nothing."""
        return LEGACY_NOTE if current_fees(self.connection, None).legacy else ""

    def cap_for(self, gas: int, data_fee_wei: int = 0) -> int:
        """`cap_wei`, lowered so that `gas` more units and a data fee stay within the budget.

        Raises FeeTooHigh when the chain asks for more than that.
        """
        cap = self.cap_wei()
        if self.budget_wei is not None and gas:
            left = max(self.budget_wei - self.journal.committed_wei() - data_fee_wei, 0)
            self._cap_wei = cap = min(cap, left // gas)
            try:
                current_fees(self.connection, cap)
            except FeeTooHigh:
                raise FeeTooHigh(
                    f"the budget of {self.budget_wei / 1e18:.6f} ether, less what was signed before"
                    f" and a fee for data, leaves {left / 1e18:.6f} for {gas:,} gas, and"
                    f" {self.connection.chain.name} asks for more",
                    hint="wait and run the same command again, or raise --budget",
                ) from None
        return cap

    def execute(
        self, operation: str, *, to: str | None, data: bytes, done: Callable[[], bool] | None = None
    ) -> Receipt:
        """Carry out one operation; see `send_and_confirm`."""
        return self.send_and_confirm([Operation(operation, to, data, done)])[0]

    def send_and_confirm(
        self,
        operations: Sequence[Operation],
        on_mined: Callable[[Operation], None] = lambda operation: None,
    ) -> list[Receipt]:
        """Bring the operations on chain in their order, deep enough; return their receipts.

        `on_mined` is told of each one, and again when a reorganisation took it away meanwhile.
        What is there already is not done again. Raises PartlyDone when time or the allowed fee
        runs out (all is kept), ContractReverted when the contract says no, ServiceError when the
        node is gone, UsageError when the account has too little.
        """
        watches = {operation.name: _Watch() for operation in operations}
        mined: dict[str, Receipt] = {}
        progressed = answered = time.monotonic()
        while True:
            before = len(mined)
            try:
                if self._advance(operations, watches, mined, on_mined):
                    return [mined[operation.name] for operation in operations]
                answered = time.monotonic()
            except NodeUnavailable as exc:
                if time.monotonic() - answered > self._timing.outage:
                    raise
                self._say(f"{exc.message}; trying again")
            except FeeTooHigh as exc:
                self._say(f"waiting: {exc.message}")
                answered = time.monotonic()
            if len(mined) > before:
                progressed = time.monotonic()
                continue
            patience = self._timing.give_up
            if self.confirmations == FINALIZED and len(mined) == len(operations):
                patience = max(patience, FINALITY_PATIENCE_SECONDS)
            if time.monotonic() - progressed > patience:
                waiting = next((o.name for o in operations if o.name not in mined), "confirmation")
                raise PartlyDone(
                    f"{waiting} is not through after {patience:.0f} s"
                    + (f" ({self._said})" if self._said else ""),
                    hint="run the same command again: nothing will be sent twice",
                )
            time.sleep(self._timing.poll)

    # ---- one look at everything

    def _advance(
        self,
        operations: Sequence[Operation],
        watches: dict[str, _Watch],
        mined: dict[str, Receipt],
        on_mined: Callable[[Operation], None],
    ) -> bool:
        """Do what is next for the first operation that is not on chain; True when all are deep."""
        for operation in operations:
            if operation.name in mined:
                continue
            watch = watches[operation.name]
            receipt, reverted = self._included(operation)
            if receipt is None and self._push(operation, watch, reverted):
                receipt, reverted = self._included(operation)
            if receipt is None:
                return False
            mined[operation.name] = receipt
            self._write_mined(operation, receipt)
            on_mined(operation)
        deepest = max((receipt.block for receipt in mined.values()), default=0)
        if deepest > self.final_block():
            if self.confirmations == FINALIZED:
                self._say(f"all is on chain; waiting until block {deepest} is final")
            return False
        if self._rule and not self._still_there(operations, mined):
            return False
        for operation in operations:
            self._write_final(operation, mined[operation.name])
        return True

    @property
    def poll_seconds(self) -> float:
        """How long to wait before the node is asked again."""
        return self._timing.poll

    # ---- one operation that is not on chain

    def _push(self, operation: Operation, watch: _Watch, reverted: list[Attempt]) -> bool:
        """Sign, send, send again or replace; True when it is worth looking again at once."""
        if operation.name in self.journal.mined or operation.name in self.journal.finals:
            self.journal.undo(operation.name)
        latest = self._nonce("latest")
        attempts = self._attempts(operation)
        alive = [a for a in attempts if a.nonce >= latest and a not in reverted]
        if alive:
            watch.absent_since = None
            # The lowest nonce is the one that can be mined next; of equals, the dearest replaced.
            nonce = min(attempt.nonce for attempt in alive)
            newest = [attempt for attempt in alive if attempt.nonce == nonce][-1]
            return self._deliver(operation, watch, newest, latest)
        if len(reverted) >= len(GAS_MARGINS):
            raise ServiceError(
                f"{operation.name} was reverted {len(reverted)} times, last in {reverted[0].hash}",
                hint=f"look at it: {self.connection.chain.transaction_url(reverted[0].hash)}",
            )
        if len(attempts) > len(reverted) and not self._surely_absent(operation, watch, attempts):
            return False
        return self._sign(operation, watch, self._next_nonce(), None, len(reverted))

    def _surely_absent(
        self, operation: Operation, watch: _Watch, attempts: Sequence[Attempt]
    ) -> bool:
        """Whether used nonces without our receipts mean another sender, not a lagging node."""
        now = time.monotonic()
        if watch.absent_since is None:
            watch.absent_since = now
        patience = self._timing.absent
        if operation.to is None and self._created_something(attempts):
            patience *= CREATION_PATIENCE  # most likely ours, and a second one would cost as much
        if now - watch.absent_since < patience:
            return False
        self._refuse_foreign_effect(operation)
        watch.absent_since = None
        return True

    def _created_something(self, attempts: Sequence[Attempt]) -> bool:
        with rpc_errors(self.connection):
            return any(
                self.connection.w3.eth.get_code(created_address(self.account.address, a.nonce))
                for a in attempts
            )

    def _refuse_foreign_effect(self, operation: Operation) -> None:
        """What another sender with this key has done must not be done again."""
        if operation.done is not None and operation.done():
            raise PartlyDone(
                f"{operation.name} is on chain, but by no transaction in {self.journal.path.name}",
                hint="run the same command again: it begins with what the chain holds",
            )

    def _nonce(self, tag: str) -> int:
        with rpc_errors(self.connection):
            return int(self.connection.w3.eth.get_transaction_count(self.account.address, tag))

    def _next_nonce(self) -> int:
        return max(self._nonce("pending"), self._least_nonce)

    def _sign(
        self,
        operation: Operation,
        watch: _Watch,
        nonce: int,
        replaced: Attempt | None,
        reverts: int = 0,
    ) -> bool:
        """Write a signed transaction down and send it, unless the contract would refuse it."""
        cap = self.cap_wei()
        fees = current_fees(self.connection, cap)
        if replaced is not None:
            fees = replacement_fees(Fees(replaced.max_fee_wei, replaced.tip_wei), fees, cap)
        call: dict[str, Any] = {"data": operation.data, "value": operation.value_wei}
        if operation.to is not None:
            call["to"] = operation.to
        check_chain_id(self.connection)
        try:
            with rpc_errors(self.connection):
                estimate = int(
                    self.connection.w3.eth.estimate_gas({**call, "from": self.account.address})
                )
        except ContractReverted as exc:
            return self._refused(operation, watch, exc)
        watch.refused_since = None
        if estimate > TX_GAS_CAP:
            raise UsageError(
                f"{operation.name} needs {estimate} gas, more than one transaction may use"
                f" ({TX_GAS_CAP})"
            )
        gas = min(estimate * GAS_MARGINS[reverts] // 100, TX_GAS_CAP)
        gas = gas if replaced is None else max(gas, replaced.gas)
        data_fee = self.data_fee_wei(len(operation.data), gas)
        known = 0 if replaced is None else replaced.worst_case_wei
        self._check_budget(operation, gas * fees.max_fee_wei + data_fee - known)
        call.update(chainId=self.connection.chain.chain_id, gas=gas, nonce=nonce)
        if fees.legacy:
            call.update(gasPrice=fees.max_fee_wei)
        else:
            call.update(
                maxFeePerGas=fees.max_fee_wei,
                maxPriorityFeePerGas=fees.max_priority_fee_wei,
                type=2,
            )
        raw, tx_hash = self.account.sign(call)
        attempt = Attempt(
            operation.name,
            nonce,
            tx_hash,
            "0x" + raw.hex(),
            fees.max_fee_wei,
            fees.max_priority_fee_wei,
            gas,
            data_fee,
        )
        self.journal.attempt(attempt)
        return self._deliver(operation, watch, attempt, nonce)

    def _check_budget(self, operation: Operation, more_wei: int) -> None:
        """Raises FeeTooHigh when `more_wei` on top of what was signed may pass the budget."""
        if self.budget_wei is None:
            return
        total = self.journal.committed_wei() + more_wei
        if total > self.budget_wei:
            raise FeeTooHigh(
                f"with {operation.name} it may have cost {total / 1e18:.6f} ether, above the"
                f" budget of {self.budget_wei / 1e18:.6f}",
                hint="wait and run the same command again, or raise --budget",
            )

    def _refused(self, operation: Operation, watch: _Watch, exc: ContractReverted) -> bool:
        """A contract's no counts when it stays: a lagging node may not know the batch before."""
        now = time.monotonic()
        if watch.refused_since is None:
            watch.refused_since = now
        if now - watch.refused_since < self._timing.absent:
            return False
        self._refuse_foreign_effect(operation)
        raise ContractReverted(f"{operation.name}: {exc.message}", hint=exc.hint) from None

    def _deliver(self, operation: Operation, watch: _Watch, attempt: Attempt, latest: int) -> bool:
        """Have the node know this attempt; replace it when it is too cheap or takes too long."""
        now = time.monotonic()
        if watch.hash != attempt.hash:
            watch.hash, watch.since, watch.sent, watch.too_cheap = attempt.hash, now, None, False
        stale = watch.sent is None or now - watch.sent >= self._timing.resend
        if stale and not watch.too_cheap:  # too cheap: replaced below, not sent again
            watch.sent = now
            self._send(attempt, watch)
            return self.connection.embedded
        if attempt.nonce > latest and self._gap(watch, attempt, now):
            return self._sign(operation, watch, self._nonce("pending"), None)
        if watch.too_cheap or now - watch.since >= self._timing.replace:
            return self._sign(operation, watch, attempt.nonce, attempt)
        return False

    def _gap(self, watch: _Watch, attempt: Attempt, now: float) -> bool:
        """Whether nothing will ever fill the nonces below the attempt's."""
        if self._nonce("pending") >= attempt.nonce:
            watch.gap_since = None
            return False
        if watch.gap_since is None:
            watch.gap_since = now
        return now - watch.gap_since >= self._timing.absent

    def _send(self, attempt: Attempt, watch: _Watch) -> None:
        try:
            with rpc_errors(self.connection):
                self.connection.w3.eth.send_raw_transaction(attempt.raw)
            watch.too_cheap = False
        except NodeUnavailable as exc:
            watch.sent = None  # it may have arrived or not: the same bytes go again
            self._say(f"{exc.message}; sending the same transaction again")
        except ServiceError as exc:
            said = meaning(exc)
            watch.too_cheap = said is Meaning.UNDERPRICED
            if said in (Meaning.UNDERPRICED, Meaning.KNOWN, Meaning.NONCE_GAP):
                return
            if said is Meaning.CAPPED:
                raise ServiceError(
                    exc.message, hint="lower --max-fee, or choose another node with --rpc"
                ) from None
            if said is Meaning.TOO_POOR:
                raise UsageError(
                    f"{self.account.address} has too little on {self.connection.chain.name}",
                    hint="add funds, then run the same command again",
                ) from None
            self._say(f"{exc.message}; trying again")

    def _say(self, message: str) -> None:
        if message != self._said:
            self._said = message
            self.on_wait(message)
