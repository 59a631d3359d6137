"""The account that sells: its sale, its record and its journal, what every act shares."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nftgan.chain.blocks import latest_time
from nftgan.chain.sales import Sale, commitment
from nftgan.errors import UsageError
from nftgan.files import write_json
from nftgan.progress import SILENT, Progress
from nftgan.project import Project
from nftgan.workflows.publishing import ChainChoice, sender_for, signer
from nftgan.workflows.sale_reader import SaleReader
from nftgan.workflows.sale_record import last_sale
from nftgan.workflows.transactions import TxEstimate, TxPlan, TxRunner

GAS_OFFER, GAS_SMALL = 55_000, 70_000
"""What steps take, about, as long as nobody can be asked; the node is asked about the first one."""

CREATE = "create the sale"


class Seller(TxRunner, SaleReader):
    """A person with the key of a sale, or of a collection that is not on sale yet."""

    def __init__(
        self,
        project: Project,
        choice: ChainChoice,
        *,
        prompt: Callable[[str], str],
        warn: Callable[[str], None],
    ) -> None:
        SaleReader.__init__(self, project, choice)
        self.account = signer(self.connection, choice, prompt, warn)
        if self.record is not None:
            self._refuse_others(str(self.record["owner"]))
        self.sender = sender_for(
            self.connection, self.account, self.path.with_suffix(".jsonl"), choice
        )

    def run(self, plan: TxPlan, estimate: TxEstimate, *, progress: Progress = SILENT) -> None:
        with self.project.lock():
            if last_sale(self.project, self.connection.chain.chain_id) != self._seen:
                raise UsageError(
                    "another command changed the sale meanwhile", hint="run this one again"
                )
            super().run(plan, estimate, progress=progress)

    def _write(self, **changes: Any) -> None:
        """The record of the sale with these changes, if it does not hold them yet."""
        assert self.record is not None
        if self.record | changes != self.record or not self.path.exists():
            self.record |= changes
            write_json(self.path, self.record)

    def _of_the_seller(self) -> Sale:
        """The sale. Raises UsageError when another account sells."""
        sale = self.sale()
        self._refuse_others(sale.owner())
        return sale

    def _refuse_others(self, owner: str) -> None:
        if owner != self.account.address:
            raise UsageError(
                f"{owner} sells here, not {self.account.address}",
                hint="name that account with --from",
            )

    def _commitment(self, secret: bytes) -> bytes:
        first = (self.record or {}).get("first", self.collection.next_token_id())
        return commitment(
            self.collection.address, self.collection.immutable_args().root, first, secret
        )

    def _offered(self, sale: Sale) -> Callable[[], bool]:
        return lambda: sale.address in (self.collection.pending_owner(), self.collection.owner())

    def _now(self) -> int:
        return latest_time(self.connection)
