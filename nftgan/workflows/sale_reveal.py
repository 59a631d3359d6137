"""sale reveal, draw: a blind sale is ended, its order drawn, its tokens delivered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from nftgan.chain.blocks import latest_block, reach_block
from nftgan.chain.rpc import Connection
from nftgan.chain.sales import Sale, SaleTerms
from nftgan.chain.sending import Sender
from nftgan.errors import UsageError
from nftgan.seeds import format_seeds
from nftgan.workflows.metadata import ready_manifest
from nftgan.workflows.pin_recheck import require_verified
from nftgan.workflows.sale_seller import GAS_OFFER, GAS_SMALL, Seller
from nftgan.workflows.transactions import TxPlan, TxStep

GAS_REVEAL, GAS_CLAIM = 250_000, 110_000
"""Gas that steps take, about; sale_seller has the others."""


def end_step(sale: Sale, block: int) -> TxStep:
    """End a blind sale; again where the block that was named lapsed."""
    name = f"end the sale again, after block {block}" if block else "end the sale"
    done = lambda: sale.draw_block() != block  # noqa: E731
    return TxStep.of(name, GAS_SMALL, sale.address, sale.data("end"), done)


def draws(connection: Connection, sale: Sale) -> list[TxStep]:
    """What is missing until the order of a blind sale is drawn; anyone may do it."""
    block = sale.draw_block()
    draw = TxStep("draw the order", GAS_SMALL)
    if sale.drawn():
        return []
    if not block:
        return [end_step(sale, 0), draw]
    if latest_block(connection) <= block:
        return [draw]
    if sale.lapsed():
        return [end_step(sale, block), draw]
    name = f"draw the order from block {block}"
    return [TxStep.of(name, GAS_SMALL, sale.address, sale.data("draw"), sale.drawn)]


def await_draw(connection: Connection, sale: Sale, sender: Sender) -> None:
    """Wait for the block that sets the order, once it was named."""
    if (block := sale.draw_block()) and not sale.drawn():
        reach_block(connection, block + 1, note=sender.on_wait)


class Revealing(Seller):
    """Tells what was sold blind."""

    def plan_reveal(self, *, force: bool = False) -> TxPlan:
        """End a blind sale, draw the order, say which collection was sold, then mint to its buyers.

        Between the end and the draw some minutes pass: the order comes from the hash of a block
        that does not exist yet when the sale ends. Raises UsageError when the sale is not blind,
        its secret is lost or the time to reveal is over, MissingStepError when nothing is pinned,
        without `force`.
        """
        sale = self._of_the_seller()
        terms = sale.terms()
        if terms.collection is not None:
            raise UsageError("the sale is not blind: its buyers have their tokens already")
        manifest = ready_manifest(self.project)
        if not force:
            require_verified(self.project, manifest)
        secret = self._secret(terms)
        now = self._now()
        if not sale.revealed():
            if now >= terms.refunds_from:
                raise UsageError(
                    "the time to reveal is over: buyers take their money back now",
                    hint="nftgan sale close, then open another sale",
                )
            if self._first() != self.collection.next_token_id():
                raise UsageError(
                    "tokens were minted since the sale was opened, so it cannot be revealed",
                    hint="buyers take their money back with nftgan sale refund",
                )

        def steps() -> list[TxStep]:
            if sale.revealed():
                return self._deliveries(sale, manifest.seeds)
            offer, offered = (
                self.collection.transfer_ownership_data(sale.address),
                self._offered(sale),
            )
            reveal = sale.data("reveal", self.collection.address, secret)
            later = [
                TxStep.of(
                    "offer the collection", GAS_OFFER, self.collection.address, offer, offered
                ),
                TxStep.of("reveal", GAS_REVEAL, sale.address, reveal, sale.revealed),
            ]
            if waiting := sale.waiting():
                later.append(TxStep("deliver", GAS_SMALL + GAS_CLAIM * waiting))
            if sale.drawn():
                return later
            return [*draws(self.connection, sale), *(replace(one, operation=None) for one in later)]

        early = now < terms.closes and not sale.draw_block() and sale.sold() < terms.supply
        return TxPlan(
            steps,
            prepare=lambda: await_draw(self.connection, sale, self.sender),
            warnings=("it is still open: the reveal ends it",) if early else (),
        )

    def _deliveries(self, sale: Sale, seeds: Sequence[int]) -> list[TxStep]:
        """The next delivery, while somebody waits."""
        count, first = sale.next_delivery(), self.collection.next_token_id()
        if not count:
            return []
        name = f"deliver tokens {format_seeds(range(first, first + count))}"
        gas, data = GAS_SMALL + GAS_CLAIM * count, sale.delivery_data(first, seeds)
        done = lambda: self.collection.next_token_id() >= first + count  # noqa: E731
        return [TxStep.of(name, gas, sale.address, data, done)]

    def _first(self) -> int:
        return int((self.record or {}).get("first", 0))

    def _secret(self, terms: SaleTerms) -> bytes:
        secret = self._kept_secret()
        if secret is None or self._commitment(secret) != terms.commitment:
            raise UsageError(
                f"{self.path.with_suffix('.secret')} does not hold the secret of this sale",
                hint="restore it from a copy",
            )
        return secret

    def _kept_secret(self) -> bytes | None:
        """The salt of a blind sale, 32 bytes; None where no file holds one."""
        try:
            text = self.path.with_suffix(".secret").read_text(encoding="utf-8")
            secret = bytes.fromhex(text.strip().removeprefix("0x"))
        except (OSError, ValueError):
            return None
        return secret if len(secret) == 32 else None
