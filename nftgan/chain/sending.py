"""One operation, once: sign, write down, send, wait, replace, and never guess.

The order is that of a write-ahead log. Whatever dies when, the next run finds every signed
transaction, asks the chain about all of them, and sends the same bytes again rather than new ones.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from nftgan.chain.accounts import Account
from nftgan.chain.journal import Attempt, Journal
from nftgan.chain.rpc import Connection, translated
from nftgan.errors import NftganError, PartlyDone, ServiceError, UsageError

RESEND_SECONDS = 20
REPLACE_SECONDS = 90
GIVE_UP_SECONDS = 600
POLL_SECONDS = 0.5
BUMP = 1125  # thousandths: nodes want at least a tenth more for a replacement
GAS_MARGIN = 115  # hundredths of the estimate

ANSWERS = ("already known", "nonce too low", "underpriced", "already imported", "known transaction")
"""Refusals that say the node has this transaction or a sibling: the receipt decides."""


@dataclass(frozen=True)
class Fees:
    """What a unit of gas may cost at most, and the tip in it."""

    max_fee_wei: int
    tip_wei: int


@dataclass(frozen=True)
class Receipt:
    """A transaction that is on chain and did what it should."""

    hash: str
    block: int
    gas: int
    fee_wei: int
    contract: str | None


class FeeTooHigh(PartlyDone):
    """The chain asks for more than the person allows."""


def current_fees(connection: Connection, max_fee_wei: int | None) -> Fees:
    """Twice the base fee plus a tip, not above `max_fee_wei`. Raises FeeTooHigh."""
    with translated(connection):
        history = connection.w3.eth.fee_history(5, "latest", [50])
    base = int(history["baseFeePerGas"][-1])
    rewards = sorted(int(row[0]) for row in history.get("reward") or [] if row)
    tip = max(rewards[len(rewards) // 2] if rewards else 0, 1_000_000)
    limit = 2 * base + tip
    if max_fee_wei is not None:
        if max_fee_wei < base + 1:
            raise FeeTooHigh(
                f"the base fee is {base / 1e9:.3g} gwei, above the allowed {max_fee_wei / 1e9:.3g}",
                hint="wait and run the same command again, or raise --max-fee",
            )
        limit = min(limit, max_fee_wei)
    return Fees(limit, min(tip, limit))


@dataclass
class Sender:
    """Carries operations out for one account on one chain, through one journal."""

    connection: Connection
    account: Account
    journal: Journal
    max_fee_wei: int | None = None
    on_wait: Callable[[str], None] = lambda message: None

    def execute(
        self, operation: str, *, to: str | None, data: bytes, done: Callable[[], bool] | None = None
    ) -> Receipt:
        """Do it unless it is done; return the receipt.

        `done` looks for the effect on chain. Raises PartlyDone when time or fees run out (state is
        kept), NftganError when the chain refuses the operation itself.
        """
        began = first_sent = last_sent = time.monotonic()
        sent = ""
        while True:
            attempts = self.journal.attempts.get(operation, [])
            receipt = self._mined(attempts)
            if receipt is not None:
                return self._final(operation, receipt)
            latest = self._nonce("latest")
            alive = [attempt for attempt in attempts if attempt.nonce >= latest]
            if not alive:
                if attempts and done is not None and done():
                    # The effect is there; a node that lags does not show the receipt yet.
                    self._pause(began, operation)
                else:
                    self._sign(operation, to, data, self._nonce("pending"), None)
                continue
            newest, now = alive[-1], time.monotonic()
            if sent == newest.hash and now - first_sent > REPLACE_SECONDS:
                self._sign(operation, to, data, newest.nonce, newest)
                newest = self.journal.attempts[operation][-1]
            if sent != newest.hash:
                sent, first_sent, last_sent = newest.hash, now, now
                self._send(newest)
            elif now - last_sent > RESEND_SECONDS:
                last_sent = now
                self._send(newest)
            self._pause(began, operation)

    # ---- steps

    def _nonce(self, tag: str) -> int:
        with translated(self.connection):
            return int(self.connection.w3.eth.get_transaction_count(self.account.address, tag))

    def _sign(
        self, operation: str, to: str | None, data: bytes, nonce: int, replaced: Attempt | None
    ) -> None:
        fees = current_fees(self.connection, self.max_fee_wei)
        max_fee, tip = fees.max_fee_wei, fees.tip_wei
        if replaced is not None:
            max_fee = max(max_fee, replaced.max_fee_wei * BUMP // 1000 + 1)
            tip = max(tip * BUMP // 1000 + 1, 1)
            if self.max_fee_wei is not None and max_fee > self.max_fee_wei:
                raise FeeTooHigh(
                    f"{operation} waits: a replacement would cost more than"
                    f" {self.max_fee_wei / 1e9:.3g} gwei",
                    hint="wait and run the same command again, or raise --max-fee",
                )
        call: dict[str, Any] = {"from": self.account.address, "data": data, "value": 0}
        if to is not None:
            call["to"] = to
        with translated(self.connection):
            gas = int(self.connection.w3.eth.estimate_gas(call)) * GAS_MARGIN // 100
        del call["from"]
        call.update(
            chainId=self.connection.chain.chain_id,
            gas=min(gas, 16_777_216),  # EIP-7825
            maxFeePerGas=max_fee,
            maxPriorityFeePerGas=min(tip, max_fee),
            nonce=nonce,
            type=2,
        )
        raw, name = self.account.sign(call)
        self.journal.attempt(Attempt(operation, nonce, name, "0x" + raw.hex(), max_fee))

    def _send(self, attempt: Attempt) -> None:
        try:
            with translated(self.connection):
                self.connection.w3.eth.send_raw_transaction(attempt.raw)
        except ServiceError as exc:
            message = exc.message.lower()
            if any(answer in message for answer in ANSWERS):
                return
            if "insufficient funds" in message:
                raise UsageError(
                    f"{self.account.address} has too little on {self.connection.chain.name}",
                    hint="add funds, then run the same command again",
                ) from exc
            self.on_wait(f"{exc.message}; trying again")

    def _mined(self, attempts: list[Attempt]) -> Any:
        from web3.exceptions import TransactionNotFound

        for attempt in reversed(attempts):
            with translated(self.connection):
                try:
                    found = self.connection.w3.eth.get_transaction_receipt(attempt.hash)
                except TransactionNotFound:
                    continue
            if found is not None and found["blockNumber"] is not None:
                return found
        return None

    def _final(self, operation: str, found: Any) -> Receipt:
        if int(found["status"]) != 1:
            raise NftganError(
                f"{operation} was refused on chain in transaction"
                f" 0x{bytes(found['transactionHash']).hex()}",
                hint="nftgan status",
            )
        block = int(found["blockNumber"])
        deadline = time.monotonic() + GIVE_UP_SECONDS
        while True:
            with translated(self.connection):
                depth = int(self.connection.w3.eth.block_number) - block
            if depth >= self.connection.chain.confirmations:
                break
            if time.monotonic() > deadline:
                raise PartlyDone(
                    f"{operation} is on chain but not yet deep enough",
                    hint="run the same command again in a while",
                )
            time.sleep(POLL_SECONDS)
        receipt = Receipt(
            "0x" + bytes(found["transactionHash"]).hex(),
            block,
            int(found["gasUsed"]),
            int(found["gasUsed"]) * int(found["effectiveGasPrice"]),
            found.get("contractAddress"),
        )
        if operation not in self.journal.finals:
            self.journal.final(
                operation,
                hash=receipt.hash,
                block=receipt.block,
                gas=receipt.gas,
                fee_wei=receipt.fee_wei,
            )
        return receipt

    def _pause(self, began: float, operation: str) -> None:
        waited = time.monotonic() - began
        if waited > GIVE_UP_SECONDS:
            raise PartlyDone(
                f"{operation} was sent but is not on chain after {waited:.0f} s",
                hint="run the same command again: nothing will be sent twice",
            )
        if not self.connection.embedded:
            time.sleep(POLL_SECONDS)
