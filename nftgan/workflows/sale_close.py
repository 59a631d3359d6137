"""sale withdraw, close: what was earned is paid out, and the collection comes back."""

from __future__ import annotations

from nftgan.chain.sales import ZERO_ADDRESS, Sale
from nftgan.errors import UsageError
from nftgan.words import counted
from nftgan.workflows.sale_reader import has_code, undelivered
from nftgan.workflows.sale_reveal import end_step
from nftgan.workflows.sale_seller import CREATE, GAS_SMALL, Seller
from nftgan.workflows.transactions import TxPlan, TxStep


class Closing(Seller):
    """Takes the money, and ends a sale."""

    def plan_withdraw(self) -> TxPlan:
        """Pay out what was earned."""
        sale = self._of_the_seller()
        step = self._withdrawal(sale)
        return TxPlan(lambda: [step])

    def _withdrawal(self, sale: Sale) -> TxStep:
        """One withdrawal: the first that is not through."""
        finals = self.sender.journal.finals
        number = 1
        while f"withdraw, {number}" in finals:
            number += 1
        name = f"withdraw, {number}"
        return TxStep.of(
            name,
            GAS_SMALL,
            sale.address,
            sale.data("withdraw", self.account.address),
            lambda: name in self.sender.journal.finals or sale.earned_wei() == 0,
        )

    def plan_close(self) -> TxPlan:
        """End the sale: pay out, and give the collection back to the artist.

        Raises UsageError while tokens of a blind sale are paid for and not delivered.
        """
        if self.record is None:
            self.sale()
        assert self.record is not None

        began = self.record["first"]

        def finish() -> None:
            # Only the sale could mint since it began: `status` counts these as done.
            self._write(closing=True, closed=True, sold=self.collection.next_token_id() - began)

        if not has_code(self.connection, self.record.get("sale", ZERO_ADDRESS)):
            if CREATE in self.sender.journal.attempts:
                raise UsageError(
                    "the sale was sent and is not on chain yet", hint="run nftgan sale open again"
                )
            return TxPlan(lambda: [], finish=lambda: self._write(closing=True, closed=True))
        sale = self._of_the_seller()
        self._refuse_undelivered(sale)
        withdrawal = self._withdrawal(sale)

        def prepare() -> None:
            self._refuse_undelivered(sale)
            self._write(closing=True)

        return TxPlan(lambda: self._closing_steps(sale, withdrawal), prepare, finish)

    def _refuse_undelivered(self, sale: Sale) -> None:
        """Raises UsageError while somebody waits for tokens that can still be delivered.

        Where nobody can be served any more, buyers have their refunds.
        """
        terms = sale.terms()
        dead = not sale.revealed() and self._now() >= terms.refunds_from
        if not dead and (waiting := undelivered(sale, terms)):
            raise UsageError(
                f"{counted(waiting, 'token')} paid for and not delivered", hint="nftgan sale reveal"
            )

    def _closing_steps(self, sale: Sale, withdrawal: TxStep) -> list[TxStep]:
        """What is sent to end a sale, as far as the chain is now."""
        collection, me = self.collection, self.account.address
        if sale.terms().collection is None and not sale.draw_block():
            return [end_step(sale, 0)]  # or somebody could still buy
        if not {collection.owner(), collection.pending_owner()} & {sale.address, me}:
            return [withdrawal]  # it went elsewhere since

        def given() -> bool:
            return me in (collection.pending_owner(), collection.owner())

        def taken() -> bool:
            return collection.owner() == me

        take = collection.accept_ownership_data()
        return [
            withdrawal,
            TxStep.of("give it back", GAS_SMALL, sale.address, sale.data("release"), given),
            TxStep.of("take it back", GAS_SMALL, collection.address, take, taken),
        ]
