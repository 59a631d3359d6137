"""royalties: what a collection's splitter holds for each account, and paying it out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from nftgan.chain.accounts import check_address
from nftgan.chain.names import address_of
from nftgan.chain.rpc import Connection
from nftgan.chain.splitter import ETHER, Splitter, packed_shares
from nftgan.collection.manifest import load_manifest
from nftgan.errors import MissingStepError, UsageError
from nftgan.project import Project
from nftgan.workflows.publishing import (
    ChainChoice,
    open_chain,
    own_journal_path,
    sender_for,
    signer,
)
from nftgan.workflows.transactions import TxPlan, TxRunner, TxStep

GAS_RELEASE = 90_000  # about; the node is asked


@dataclass(frozen=True)
class RoyaltyShare:
    """One account of a splitter; amounts in the smallest unit (ether: wei)."""

    account: str
    percent: float
    paid: int
    due: int


@dataclass(frozen=True)
class RoyaltyStatus:
    """A collection's splitter; `token` is None for ether."""

    splitter: str
    token: str | None
    shares: tuple[RoyaltyShare, ...]


def royalty_splitter(project: Project, connection: Connection) -> tuple[Splitter, dict[str, float]]:
    """The splitter that the collection's royalties go to, and its shares in percent.

    Raises UsageError for a collection without shares, MissingStepError before `deploy`.
    """
    shares = load_manifest(project).royalties.shares
    if not shares:
        raise UsageError(
            f"the royalties of {project.name} go to one account",
            hint="[royalty.shares] in nftgan.toml, before deploy, divides them",
        )
    splitter = Splitter(connection, packed_shares(shares))
    if not splitter.exists():
        raise MissingStepError(
            f"the splitter {splitter.address} is not on {connection.chain.name}",
            hint="nftgan deploy makes it",
        )
    return splitter, dict(shares)


def royalty_status(
    project: Project, choice: ChainChoice, *, token: str | None = None
) -> RoyaltyStatus:
    """What was paid and what is due to each account; no key is needed. Raises as above."""
    connection = open_chain(choice, project)
    splitter, shares = royalty_splitter(project, connection)
    return _status(splitter, shares, _token(connection, token))


def _token(connection: Connection, token: str | None) -> str | None:
    """The address of a token that a person typed; None for ether."""
    return None if token is None else address_of(connection, token, what="--token")


def _status(splitter: Splitter, shares: dict[str, float], token: str | None) -> RoyaltyStatus:
    unit = token or ETHER
    rows = (
        RoyaltyShare(
            account,
            percent,
            splitter.released(unit, check_address(account)),
            splitter.due(unit, check_address(account)),
        )
        for account, percent in shares.items()
    )
    return RoyaltyStatus(splitter.address, token, tuple(rows))


class Royalties(TxRunner):
    """Pays out what is due: anyone may send it, the money goes to the accounts alone."""

    def __init__(
        self,
        project: Project,
        choice: ChainChoice,
        *,
        token: str | None = None,
        prompt: Callable[[str], str],
        warn: Callable[[str], None],
    ) -> None:
        self.connection = open_chain(choice, project)
        self.splitter, self.shares = royalty_splitter(project, self.connection)
        self.token = _token(self.connection, token)
        self.unit = self.token or ETHER
        self.account = signer(self.connection, choice, prompt, warn)
        address = self.splitter.address
        path = own_journal_path(self.connection, address, self.account)
        self.sender = sender_for(self.connection, self.account, path, choice, splitter=address)

    def status(self) -> RoyaltyStatus:
        return _status(self.splitter, self.shares, self.token)

    def plan(self) -> TxPlan:
        """A payment to each account to which something is due."""
        owed = [share for share in self.status().shares if share.due]
        numbers = {share.account: share.paid for share in owed}

        def steps() -> list[TxStep]:
            return [self._step(share.account, numbers[share.account]) for share in owed]

        return TxPlan(steps)

    def _step(self, account: str, before: int) -> TxStep:
        """Done once more was paid than `before`: a run that was killed does not pay again."""
        to = check_address(account)
        name = f"pay {account} in {self.token or 'ether'}, after {before}"
        data = self.splitter.release_data(self.unit, to)
        done = lambda: self.splitter.released(self.unit, to) > before  # noqa: E731
        return TxStep.of(name, GAS_RELEASE, self.splitter.address, data, done)
