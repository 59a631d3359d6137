"""Which operations of a journal are on chain, proven to be these very ones, and which for good."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from nftgan.chain.accounts import Account
from nftgan.chain.errors import NodeUnavailable
from nftgan.chain.journal import Attempt, Journal
from nftgan.chain.operations import Operation, Receipt, as_receipt, created_address, number
from nftgan.chain.rpc import Connection, rpc_errors
from nftgan.chain.signed import check_attempt
from nftgan.errors import CheckFailed, ServiceError

FINALIZED = "finalized"
"""As a number of confirmations: wait until the node itself calls the block final."""


@dataclass
class Inclusion:
    """One account's journal beside the chain; nothing is sent here."""

    connection: Connection
    account: Account
    journal: Journal
    confirmations: int | str | None = field(default=None, kw_only=True)
    """Blocks on top, or FINALIZED; None: the chain's own."""

    def __post_init__(self) -> None:
        self._least_nonce = 0
        self._proven: set[tuple[Operation, Attempt]] = set()

    @property
    def _rule(self) -> int | str:
        """When a block is final; at once on the embedded chain, which never takes one back."""
        if self.connection.embedded and self.confirmations != FINALIZED:
            return 0
        chosen = self.confirmations
        return self.connection.chain.confirmations if chosen is None else chosen

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
                    return number(block["number"])
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
                if number(found["status"]) == 1:
                    receipt = as_receipt(found)
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
                    if canonical and as_receipt(found) == receipt:
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
