"""freeze, refresh, transfer-ownership, burn: what the owner or a holder may do on chain."""

from __future__ import annotations

from collections.abc import Callable

from nftgan.chain.contract import Collection
from nftgan.chain.names import address_of
from nftgan.chain.rpc import Connection
from nftgan.chain.sales import ZERO_ADDRESS
from nftgan.errors import CheckFailed, UsageError
from nftgan.project import Project
from nftgan.workflows.publishing import (
    ChainChoice,
    deployed_collection,
    open_chain,
    own_journal_path,
    sender_for,
    signer,
)
from nftgan.workflows.transactions import TxPlan, TxRunner, TxStep

GAS_OWN = 60_000  # about; the node is asked


class OwnerActions(TxRunner):
    """Acts of one account on one collection, the project's or any by its address.

    Raises CheckFailed when the contract is not one that our factory made.
    """

    def __init__(
        self,
        project: Project | None,
        choice: ChainChoice,
        *,
        contract: str | None = None,
        prompt: Callable[[str], str],
        warn: Callable[[str], None],
    ) -> None:
        self.connection: Connection = open_chain(choice, project)
        if contract is not None:
            address = address_of(self.connection, contract, what="--contract")
            self.collection = Collection(self.connection, address)
            if problem := self.collection.code_problem():
                raise CheckFailed(f"the contract {address} cannot be trusted: {problem}")
        elif project is not None:
            self.collection = deployed_collection(project, self.connection)
        else:
            raise UsageError(
                "say which collection", hint="--contract ADDR, or run it in its folder"
            )
        self.account = signer(self.connection, choice, prompt, warn)
        address = self.collection.address
        path = own_journal_path(self.connection, address, self.account)
        self.sender = sender_for(self.connection, self.account, path, choice, contract=address)

    def plan_freeze(self) -> TxPlan:
        """The base URI never changes again. Raises UsageError for who is not the owner."""
        if not self.collection.frozen():
            self._need_owner("freeze it")
        data, done = self.collection.freeze_data(), self.collection.frozen
        return self._act("freeze the base URI", data, done, once=True)

    def plan_refresh(self, tokens: tuple[int, ...] | None) -> TxPlan:
        """Markets are told to read the metadata of these tokens again; None: of all.

        Raises UsageError for tokens that are no range, or who is not the owner.
        """
        self._need_owner("have it refreshed")
        first, last = (0, 2**256 - 1) if not tokens else (min(tokens), max(tokens))
        if tokens and set(tokens) != set(range(first, last + 1)):
            raise UsageError("tokens to refresh are one range", hint="--tokens 0-9")
        if tokens and last >= self.collection.next_token_id():
            raise UsageError(f"there is no token {last} yet")
        return self._act("refresh", self.collection.refresh_data(first, last), None)

    def plan_transfer(self, to: str) -> TxPlan:
        """Ownership is offered; nothing changes until the other account accepts.

        Raises UsageError for an address that is none, or who is not the owner.
        """
        receiver = address_of(self.connection, to, what="new owner's address")
        self._need_owner("offer it")
        if receiver == self.account.address:
            raise UsageError(f"{receiver} owns it already")
        data = self.collection.transfer_ownership_data(receiver)
        done = lambda: self.collection.pending_owner() == receiver  # noqa: E731
        return self._act(f"offer the collection to {receiver}", data, done)

    def plan_cancel(self) -> TxPlan:
        """An offer is taken back. Raises UsageError for who is not the owner."""
        self._need_owner("take an offer back")
        data = self.collection.transfer_ownership_data(ZERO_ADDRESS)
        done = lambda: self.collection.pending_owner() == ZERO_ADDRESS  # noqa: E731
        return self._act("take the offer back", data, done)

    def plan_accept(self) -> TxPlan:
        """The account takes the collection that it was offered. Raises UsageError otherwise."""
        me = self.account.address
        if self.collection.owner() != me and (offered := self.collection.pending_owner()) != me:
            nobody = offered == ZERO_ADDRESS
            raise UsageError(
                f"{self.collection.address} was offered to {'nobody' if nobody else offered},"
                f" not to {me}",
                hint="its owner offers it with nftgan transfer-ownership ADDR",
            )
        data = self.collection.accept_ownership_data()
        return self._act("accept the collection", data, lambda: self.collection.owner() == me)

    def plan_burn(self, token: int) -> TxPlan:
        """The token is destroyed for ever; its seed stays known, its id is not given again.

        Raises UsageError for a token that does not exist, CheckFailed for another's.
        """
        name = f"burn token {token}"
        holder = self.collection.owner_of(token)
        if holder is None and name not in self.sender.journal.attempts:
            raise UsageError(f"there is no token {token}: never minted, or burnt already")
        if holder not in (None, self.account.address):
            raise CheckFailed(
                f"token {token} is held by {holder}, not by {self.account.address}",
                hint="name that account with --from",
            )
        gone = lambda: self.collection.owner_of(token) is None  # noqa: E731
        return self._act(name, self.collection.burn_data(token), gone, once=True)

    def _need_owner(self, what: str) -> None:
        owner = self.collection.owner()
        if owner != self.account.address:
            raise UsageError(
                f"only {owner} may {what}, not {self.account.address}",
                hint="name that account with --from; what is on sale belongs to its sale:"
                " nftgan sale close gives it back",
            )

    def _act(
        self, name: str, data: bytes, done: Callable[[], bool] | None, *, once: bool = False
    ) -> TxPlan:
        """One transaction. once: can happen but once; else each time has a number of its own."""
        journal = self.sender.journal
        if not once:
            number = 1
            while f"{name}, {number}" in journal.finals:
                number += 1
            name = f"{name}, {number}"
        step = TxStep.of(
            name, GAS_OWN, self.collection.address, data, done or (lambda: name in journal.finals)
        )
        return TxPlan(lambda: [step])
