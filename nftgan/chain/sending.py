"""Operations on chain, each once: sign, write down, send, wait, replace, and never guess.

The order is that of a write-ahead log. Whatever dies when, the next run finds every signed
transaction, asks the chain about all of them, and sends the same bytes again rather than new ones.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from nftgan.chain.accounts import Account, check_address
from nftgan.chain.data_fees import DataFees, paid_wei
from nftgan.chain.errors import ContractReverted, NodeRefused, NodeUnavailable
from nftgan.chain.fees import LEGACY_NOTE, Fees, FeeTooHigh, current_fees, replacement_fees
from nftgan.chain.journal import Attempt, Journal
from nftgan.chain.networks import Chain
from nftgan.chain.rpc import Connection, check_chain_id, rpc_errors
from nftgan.chain.signed import check_attempt
from nftgan.errors import CheckFailed, PartlyDone, ServiceError, UsageError

TX_GAS_CAP = 16_777_216  # EIP-7825
GAS_MARGINS = (115, 150, 200)
"""Hundredths of the node's estimate, more after each revert: an estimate can be too low."""

FINALIZED = "finalized"
"""As a number of confirmations: wait until the node itself calls the block final."""

FINALITY_PATIENCE_SECONDS = 3600
"""Ethereum takes a quarter of an hour, a chain on top of it longer."""

CREATION_PATIENCE = 6
"""Times longer to wait for the receipt of a creation when a contract stands where it should."""

# The words of geth, Erigon, Nethermind, Besu, anvil and Arbitrum, in lower case: their code for
# all of these is -32000 or -32003 alike.
_ALREADY_KNOWN = (
    *("already known", "alreadyknown", "known transaction", "already imported", "same hash"),
    *("nonce too low", "nonce_too_low", "oldnonce", "replacement"),
)
_UNDERPRICED = (
    *("less than block base fee", "max fee per gas less", "fee cap less", "below current base fee"),
    *("feetoolow", "fee too low", "fee_too_low", "transaction underpriced: ", "gas price below"),
)
_TOO_POOR = ("insufficient funds", "insufficientfunds", "upfront cost exceeds account balance")
_NONCE_GAP = ("nonce too high", "exceeds next nonce", "too far in the future", "nonce-too-high")
_GAS_CAPPED = (
    *("exceeds the configured cap", "exceeds block gas limit", "gas limit too high"),
    "exceeds transaction gas limit",
)


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
class Sender:
    """Carries operations out for one account on one chain, through one journal."""

    connection: Connection
    account: Account
    journal: Journal
    max_fee_wei: int | None = None
    budget_wei: int | None = None  # for all that the journal tells, earlier runs included
    on_wait: Callable[[str], None] = lambda message: None
    timing: Timing | None = None
    confirmations: int | str | None = None  # blocks on top, or FINALIZED; None: the chain's own

    def __post_init__(self) -> None:
        self._timing = self.timing or Timing.of(self.connection.chain)
        self._cap_wei = self.max_fee_wei
        self._least_nonce = 0
        self._said = ""
        self._data_fees = DataFees(self.connection)
        self._proven: set[tuple[Operation, Attempt]] = set()

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
    def _rule(self) -> int | str:
        """When a block is final; at once on the embedded chain, which never takes one back."""
        if self.connection.embedded and self.confirmations != FINALIZED:
            return 0
        chosen = self.confirmations
        return self.connection.chain.confirmations if chosen is None else chosen

    @property
    def poll_seconds(self) -> float:
        """How long to wait before the node is asked again."""
        return self._timing.poll

    def final_block(self) -> int:
        """The newest block that is final by this sender's rule.

        Raises ServiceError when that is the node's word and it says nothing.
        """
        if self._rule != FINALIZED:
            with rpc_errors(self.connection):
                return int(self.connection.w3.eth.block_number) - int(self._rule)
        try:
            block = self.connection.ask("eth_getBlockByNumber", FINALIZED, False)
            if block is not None:
                with rpc_errors(self.connection):
                    return _number(block["number"])
        except NodeUnavailable:
            raise
        except ServiceError:
            pass  # some nodes answer nothing, others with an error of their own words
        raise ServiceError(
            f"the node at {self.connection.where} does not say which block is final",
            hint="count blocks: --confirmations 12, or choose another node with --rpc",
        )

    def is_final(self, operation: str) -> bool:
        """Whether the journal holds it for final by this sender's rule, or a stricter one."""
        entry = self.journal.finals.get(operation)
        return entry is not None and (self._rule != FINALIZED or entry.get("rule") == FINALIZED)

    def is_mined(self, operation: Operation) -> bool:
        """Whether a transaction of the journal has done it, by what the chain shows now."""
        return self._included(operation)[0] is not None

    def _included(self, operation: Operation) -> tuple[Receipt | None, list[Attempt]]:
        """The receipt of the attempt that worked, and the attempts that were reverted."""
        reverted: list[Attempt] = []
        for attempt in reversed(self._attempts(operation)):
            found = self._receipt(attempt.hash)
            if found is None:
                continue
            self._least_nonce = max(self._least_nonce, attempt.nonce + 1)
            with rpc_errors(self.connection):
                if _number(found["status"]) == 1:
                    receipt = _as_receipt(found)
                    if receipt.hash != attempt.hash.lower():
                        raise ValueError("the receipt of another transaction")
                    if operation.to is None:
                        # Where a contract stands follows from sender and nonce; nobody is asked.
                        made = created_address(self.account.address, attempt.nonce)
                        receipt = replace(receipt, contract=made)
                    return receipt, reverted
            reverted.append(attempt)
        return None, reverted

    def _attempts(self, operation: Operation) -> list[Attempt]:
        """What the journal holds for the operation, each one proven to be this very operation.

        Raises CheckFailed for a line that was edited, or came with a folder from somebody else.
        """
        attempts = self.journal.attempts.get(operation.name, [])
        for attempt in attempts:
            key = (operation, attempt)
            if key in self._proven:
                continue
            try:
                check_attempt(
                    attempt.raw,
                    hash=attempt.hash,
                    nonce=attempt.nonce,
                    sender=self.account.address,
                    chain_id=self.connection.chain.chain_id,
                    to=operation.to,
                    value_wei=operation.value_wei,
                    data=operation.data,
                )
            except CheckFailed as exc:
                raise CheckFailed(
                    f"{self.journal.path.name} holds, for {operation.name}, {exc.message}",
                    hint="undo what was changed since; a folder from somebody else comes without"
                    f" deployments/ and journals: move {self.journal.path} away",
                ) from None
            self._proven.add(key)
        return attempts

    def _receipt(self, tx_hash: str) -> Any:
        with rpc_errors(self.connection):
            found = self.connection.ask("eth_getTransactionReceipt", tx_hash)
            return found if found is not None and found.get("blockNumber") is not None else None

    def _still_there(self, operations: Iterable[Operation], mined: dict[str, Receipt]) -> bool:
        """Whether no reorganisation took or moved a receipt; what it took is forgotten here."""
        whole = True
        for operation in operations:
            receipt = mined[operation.name]
            found = self._receipt(receipt.hash)
            if found is not None:
                block = self.connection.ask("eth_getBlockByNumber", found["blockNumber"], False)
                with rpc_errors(self.connection):
                    canonical = block is not None and block["hash"] == found["blockHash"]
                    if canonical and _as_receipt(found) == receipt:
                        continue
            del mined[operation.name]
            whole = False
        return whole

    def _write_mined(self, operation: Operation, receipt: Receipt) -> None:
        known = {**self.journal.mined, **self.journal.finals}.get(operation.name, {})
        if known.get("hash") != receipt.hash or known.get("block") != receipt.block:
            self.journal.mine(operation.name, hash=receipt.hash, block=receipt.block)

    def _write_final(self, operation: Operation, receipt: Receipt) -> None:
        before = self.journal.finals.get(operation.name, {})
        same = (before.get("hash"), before.get("block")) == (receipt.hash, receipt.block)
        if not same or not self.is_final(operation.name):
            self.journal.final(
                operation.name,
                hash=receipt.hash,
                block=receipt.block,
                gas=receipt.gas,
                fee_wei=receipt.fee_wei,
                data_fee_wei=receipt.data_fee_wei,
                rule=self._rule,
            )

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
            text = exc.text.lower() if isinstance(exc, NodeRefused) else ""
            watch.too_cheap = any(words in text for words in _UNDERPRICED)
            if watch.too_cheap or any(words in text for words in _ALREADY_KNOWN + _NONCE_GAP):
                return
            if any(words in text for words in _GAS_CAPPED):
                raise ServiceError(
                    exc.message, hint="lower --max-fee, or choose another node with --rpc"
                ) from None
            if any(words in text for words in _TOO_POOR):
                raise UsageError(
                    f"{self.account.address} has too little on {self.connection.chain.name}",
                    hint="add funds, then run the same command again",
                ) from None
            self._say(f"{exc.message}; trying again")

    def _say(self, message: str) -> None:
        if message != self._said:
            self._said = message
            self.on_wait(message)


def created_address(sender: str, nonce: int) -> str:
    """The address of the contract that `sender` creates with `nonce`."""
    import rlp
    from eth_utils import keccak, to_canonical_address, to_checksum_address

    encoded = rlp.encode([to_canonical_address(sender), nonce])
    return str(to_checksum_address(keccak(encoded)[12:]))


def _number(quantity: str) -> int:
    return int(quantity, 16)


def _as_receipt(found: Any) -> Receipt:
    gas, contract = _number(found["gasUsed"]), found.get("contractAddress")
    data_fee = paid_wei(found)
    return Receipt(
        hash=str(found["transactionHash"]),
        block=_number(found["blockNumber"]),
        gas=gas,
        fee_wei=gas * _number(found["effectiveGasPrice"]) + data_fee,
        contract=None if contract is None else check_address(contract),
        data_fee_wei=data_fee,
    )
