"""sale buy, refund, draw: what a buyer does in anybody's sale; run again, nothing happens twice."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nftgan.chain.accounts import check_address
from nftgan.chain.blocks import latest_block, latest_time
from nftgan.chain.contract import Collection
from nftgan.chain.names import address_of
from nftgan.chain.operations import Operation
from nftgan.chain.rpc import Connection, rpc_errors
from nftgan.chain.sales import MOST_PER_PURCHASE, Allowlist, Voucher, trusted_sale
from nftgan.errors import CheckFailed, UsageError
from nftgan.files import read_json
from nftgan.project import state_home
from nftgan.words import counted
from nftgan.workflows.publishing import ChainChoice, sender_for, signer
from nftgan.workflows.sale_record import moment, shown
from nftgan.workflows.sale_reveal import await_draw, draws
from nftgan.workflows.transactions import TxPlan, TxRunner, TxStep

GAS_PURCHASE, GAS_REFUND = 160_000, 80_000  # about; the node is asked
FRESH_BLOCKS = 32
BLIND_WARNING = (
    "a blind sale: nobody can know yet which pieces you get, nor check the collection; you pay now,"
    " get tokens after the reveal, or your money back with nftgan sale refund"
)


def read_voucher(path: Path) -> tuple[int, str, Voucher, bytes]:
    """(chain id, sale, voucher, signature) from a file. Raises UsageError when it is none."""
    document = read_json(path)
    try:
        values = document["voucher"]
        numbers = [_word(values[one]) for one in ("count", "price_wei", "nonce", "deadline")]
        voucher = Voucher(check_address(values["buyer"]), *numbers)
        signature = bytes.fromhex(document["signature"].removeprefix("0x"))
        chain_id = _word(document["chain_id"])
        return chain_id, check_address(document["sale"]), voucher, signature
    except (AttributeError, KeyError, TypeError, ValueError) as exc:
        raise UsageError(f"{path} is not a voucher", hint="nftgan sale voucher") from exc


def _word(value: Any) -> int:
    """A whole number that the contract can take, also in words. Raises ValueError."""
    digits = str(value) if type(value) in (int, str) else ""
    if not re.fullmatch(r"[0-9]{1,78}", digits) or int(digits) >= 2**256:
        raise ValueError("no number of a voucher")
    return int(digits)


class Purchase(TxRunner):
    """A purchase in preparation, in anybody's sale."""

    def __init__(
        self,
        connection: Connection,
        address: str,
        choice: ChainChoice,
        *,
        prompt: Callable[[str], str],
        warn: Callable[[str], None],
    ) -> None:
        self.connection = connection
        address = address_of(connection, address, what="address of the sale")
        self.sale = trusted_sale(connection, address)
        self.terms = self.sale.terms()
        self.account = signer(connection, choice, prompt, warn)
        name = f"{connection.chain.chain_id}-{self.sale.address}-{self.account.address}.jsonl"
        path = state_home() / "purchases" / name
        self.sender = sender_for(connection, self.account, path, choice, sale=self.sale.address)

    def plan_buy(self, count: int, allowed: Allowlist | None = None) -> TxPlan:
        """Buy until the account has bought `count` tokens in this sale.

        Raises UsageError for an account that is not on the list, for more than the sale can give
        now, or while another purchase may be on its way; CheckFailed when what is sold is no
        collection that our factory made.
        """
        had, price = self.sale.bought(self.account.address), self.terms.price_wei
        more = count - had
        if more <= 0:
            return TxPlan(lambda: [], terms=shown(self.terms))
        name = f"buy {more}, {count} in all"
        if allowed is None:
            data = self.sale.data("buy", more)
        else:
            me = self.account.address
            proof = allowed.proof(me)
            data = self.sale.data("buyListed", more, allowed.allowances[me], proof)
        return self._purchase(
            name, data, more, more * price, lambda: self.sale.bought(self.account.address) >= count
        )

    def plan_redeem(self, voucher: Voucher, signature: bytes) -> TxPlan:
        """Buy what a voucher says; once it is used there is nothing to do."""
        data = self.sale.redeem_data(voucher, signature)
        return self._purchase(
            f"redeem voucher {voucher.nonce}",
            data,
            voucher.count,
            voucher.price_wei,
            lambda: self.sale.voucher_used(voucher.nonce),
        )

    def _purchase(
        self, name: str, data: bytes, count: int, price_wei: int, done: Callable[[], bool]
    ) -> TxPlan:
        journal = self.sender.journal
        if name not in journal.attempts and not done():
            self._check(count)
        for other in journal.attempts:
            mined = other in journal.mined or other in journal.finals
            if not other.startswith(("buy ", "redeem ")) or other == name:
                continue
            if not mined and not self.sender.is_mined(Operation(other, "", b"")):
                raise UsageError(
                    f"an earlier purchase may be on its way: {other}",
                    hint="run that command again first",
                )
        step = TxStep.of(name, GAS_PURCHASE, self.sale.address, data, done, price_wei)
        return TxPlan(
            lambda: [step],
            finish=lambda: self._check_tokens(name, count),
            terms=shown(self.terms),
            warnings=(BLIND_WARNING,) if self.terms.collection is None else (),
        )

    def _check(self, count: int) -> None:
        """Whether the sale can give so many tokens now, asked before money moves."""
        terms, address = self.terms, self.sale.address
        if count > MOST_PER_PURCHASE:
            raise UsageError(
                f"{count} tokens are more than one purchase may have",
                hint=f"buy {MOST_PER_PURCHASE} first, then as many again",
            )
        now = latest_time(self.connection)
        # Another clock may be a little behind: the contract itself is asked when the fee is.
        if now >= terms.closes:
            raise UsageError(f"the sale {address} is over")
        if terms.collection is None:
            if self.sale.draw_block():
                raise UsageError(f"the sale {address} was ended")
            return
        collection = Collection(self.connection, terms.collection)
        if problem := collection.code_problem():
            raise CheckFailed(f"what is sold, {terms.collection}, cannot be trusted: {problem}")
        if collection.owner() != address:
            raise UsageError(
                f"the sale {address} cannot mint now: the collection {terms.collection} belongs to"
                f" {collection.owner()}",
                hint="nothing was paid; its seller may not be ready, or have ended it",
            )
        first = collection.next_token_id()
        left = min(collection.max_supply(), self.sale.stock_end()) - first
        if count > left:
            raise UsageError(
                f"{counted(count, 'token')} cannot be minted: {max(left, 0)} ready for sale"
            )

    def _check_tokens(self, name: str, count: int) -> None:
        """Whether the buyer holds what a purchase in an open sale gave.

        Raises CheckFailed, which no honest node and chain lead to.
        """
        if self.terms.collection is None:
            return
        found = self.tokens(name)
        holder = Collection(self.connection, self.terms.collection).owner_of
        mine = [token for token in found if holder(token) == self.account.address]
        if len(found) != count or (len(mine) < count and self._fresh(name)):
            raise CheckFailed(
                f"paid for: {counted(count, 'token')}; the chain shows {len(mine)} of them as held"
                f" by {self.account.address}",
                hint="ask another node with --rpc",
            )

    def _fresh(self, name: str) -> bool:
        """Whether nobody can have moved the tokens on purpose since: they were mined just now."""
        mined = self.sender.journal.mined.get(name) or self.sender.journal.finals.get(name) or {}
        return latest_block(self.connection) - int(mined.get("block", 0)) < FRESH_BLOCKS

    def tokens(self, name: str | None = None) -> tuple[int, ...]:
        """Tokens that purchases of this account in an open sale gave, by their receipts.

        name: of one operation of the journal; None: of all.
        """
        journal = self.sender.journal
        done = {**journal.mined, **journal.finals}
        found: list[int] = []
        for operation in done if name is None else [name] if name in done else []:
            found += self._minted_by(str(done[operation]["hash"]))
        return tuple(sorted(set(found)))

    def _minted_by(self, transaction: str) -> list[int]:
        nobody, me = bytes(32).hex(), self.account.address[2:].lower()
        with rpc_errors(self.connection):
            receipt = self.connection.ask("eth_getTransactionReceipt", transaction) or {}
            return [
                int(topics[3], 16)
                for log in receipt.get("logs", ())
                if str(log["address"]).lower() == str(self.terms.collection).lower()
                and len(topics := [str(one) for one in log["topics"]]) == 4
                and topics[1][2:] == nobody
                and topics[2][-40:].lower() == me
            ]

    # ---- refund

    def due_wei(self) -> int:
        """What the account paid for tokens of a blind sale that it did not get."""
        if self.terms.collection is not None:
            return 0
        claims = self.sale.claims()
        return sum(one.paid_wei for one in claims if one.buyer == self.account.address)

    def receiver(self, to: str | None) -> str:
        """Whom a refund pays: `to`, an address or an ENS name, or the buyer."""
        return self.account.address if to is None else address_of(self.connection, to, what="--to")

    def plan_refund(self, to: str | None = None) -> TxPlan:
        """Take back the money of what was not delivered, claim by claim, to `to` or the buyer.

        Raises UsageError when the sale is not blind, or before refunds begin.
        """
        if self.terms.collection is not None:
            raise UsageError(f"the sale {self.sale.address} is not blind: it owes nobody anything")
        receiver = self.receiver(to)
        me = self.account.address
        if me == self.sale.owner():
            raise UsageError("the seller has nothing to take back", hint="nftgan sale close")
        own = [i for i, one in enumerate(self.sale.claims()) if one.buyer == me]
        begun = any(name.startswith("refund ") for name in self.sender.journal.attempts)
        if not own and not begun:
            raise UsageError(f"{me} has nothing to take back in {self.sale.address}")
        now = latest_time(self.connection)
        if own and now < (begins := self.sale.refundable()):
            raise UsageError(f"refunds begin later: {moment(begins)}")

        def still(index: int) -> Callable[[], bool]:
            return lambda: self.sale.claims()[index].buyer != me

        def steps() -> list[TxStep]:
            return [
                TxStep.of(
                    f"refund claim {index} to {receiver}",
                    GAS_REFUND,
                    self.sale.address,
                    self.sale.data("refund", index, receiver),
                    still(index),
                )
                for index in own
            ]

        return TxPlan(steps, terms=shown(self.terms))

    # ---- draw

    def plan_draw(self) -> TxPlan:
        """End a blind sale that is over, and draw its order; anyone may, and it costs gas alone.

        Raises UsageError when the sale is not blind, or goes on.
        """
        if self.terms.collection is not None:
            raise UsageError(f"the sale {self.sale.address} is not blind: there is nothing to draw")
        now = latest_time(self.connection)
        over = now >= self.terms.closes or self.sale.sold() == self.terms.supply
        if not over and not self.sale.draw_block():
            raise UsageError(f"the sale goes on until {moment(self.terms.closes)}")
        return TxPlan(
            lambda: draws(self.connection, self.sale),
            prepare=lambda: await_draw(self.connection, self.sale, self.sender),
            terms=shown(self.terms),
        )
