"""mint: every piece a token, exactly once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from nftgan.chain.airdrop import placed, promised
from nftgan.chain.minting import MintOutcome, MintPlan, audit, plan_mint, run_mint
from nftgan.chain.moved_names import refuse_moved_names
from nftgan.chain.names import address_of, is_name
from nftgan.chain.recipients import Allotment, Recipient, looked_up
from nftgan.chain.transfers import NOBODY
from nftgan.errors import UsageError
from nftgan.progress import SILENT, Progress
from nftgan.project import Project
from nftgan.seeds import format_seeds
from nftgan.workflows.immutable import require_same_collection
from nftgan.workflows.metadata import ready_manifest
from nftgan.workflows.pin_recheck import require_verified
from nftgan.workflows.pins import serving_warning
from nftgan.workflows.publishing import (
    ChainChoice,
    account_lock,
    deployed_collection,
    mint_journal_path,
    open_chain,
    refuse_copies,
    sender_for,
    signer,
)
from nftgan.workflows.sale_record import last_sale
from nftgan.workflows.shared_pieces import shared_pieces


class Minting:
    """A mint in preparation: `plan` costs nothing, `run` sends."""

    def __init__(
        self,
        project: Project,
        choice: ChainChoice,
        *,
        to: str | None,
        tokens: tuple[int, ...] | None,
        prompt: Callable[[str], str],
        warn: Callable[[str], None],
        recipients: Sequence[Recipient] = (),
        force: bool = False,
        allow_copies: bool = False,
    ) -> None:
        """to: who gets all, else the sender. recipients: instead, who gets how many.
        allow_copies: also pieces that the manifest marks as too like others.

        Raises CheckFailed with the names of such pieces otherwise, and when the contract on
        record is of another collection.
        """
        self.project = project
        manifest = ready_manifest(project)
        if not force:
            require_verified(project, manifest)
        self.seeds = manifest.seeds
        self.novelty = manifest.novelty_problem
        connection = open_chain(choice, project)
        if warning := serving_warning(project, manifest, connection.chain):
            warn(warning)
        if remark := shared_pieces(project, manifest):
            warn(remark)
        self.collection = deployed_collection(project, connection)
        self.until = self._until(tokens) if not recipients else len(self.seeds)
        self.args = require_same_collection(self.collection, manifest)
        account = signer(connection, choice, prompt, warn)
        self.to: str | tuple[Allotment, ...] = (
            account.address if to is None else address_of(connection, to, what="--to")
        )
        recipients = looked_up(connection, recipients)
        # Account to the ENS name by which it is meant.
        self.names = {one.to: one.name for one in recipients if one.name}
        if to is not None and is_name(to):
            self.names[str(self.to)] = to
        sold = last_sale(project, connection.chain.chain_id)[1]
        given = bool(recipients) or self.to != account.address
        if (owner := self.collection.owner()) != account.address:
            raise UsageError(
                f"only {owner} may mint, not {account.address}",
                hint=_way_beside(sold, given)
                if sold and owner == sold.get("sale")
                else "name that account with --from",
            )
        if sold and not sold["closed"] and sold["terms"]["commitment"]:
            raise UsageError(
                "it is on sale blind, and could not be revealed if more were minted now",
                hint="nftgan sale reveal, then nftgan sale close"
                + ("; gifts go out before such a sale opens, or after that" if given else ""),
            )
        path = mint_journal_path(project, connection.chain.chain_id)
        self.sender = sender_for(
            connection, account, path, choice, contract=self.collection.address
        )
        self.account = account
        refuse_moved_names(self.sender.journal, self.names)
        self._place(recipients, tokens, sold)
        left = range(self.collection.next_token_id(), self.until)
        self.overridden_tokens = refuse_copies(manifest, left, allowed=allow_copies)

    def _place(
        self,
        recipients: Sequence[Recipient],
        tokens: tuple[int, ...] | None,
        sold: Mapping[str, Any] | None,
    ) -> None:
        """Find which tokens the list is for, or see that none is left that others were promised."""
        minted, pieces = self.collection.next_token_id(), len(self.seeds)
        journal = self.sender.journal
        refused = {
            self.collection.address: "the collection's own contract",
            NOBODY: "the address of zeros",
        }
        if sold and sold.get("sale"):
            refused[sold["sale"]] = "the contract of its sale"
        if isinstance(self.to, str) and (what := refused.get(self.to)):
            raise UsageError(f"--to {self.to} is {what}: it cannot hold tokens")
        if recipients:
            self.to = placed(
                recipients, journal, minted=minted, pieces=pieces, tokens=tokens, refused=refused
            )
            self.until = self.to[-1].end
        elif tokens is None and (left := promised(journal, minted, pieces)):
            raise UsageError(
                f"a list of recipients was begun and is not finished: tokens {format_seeds(left)}"
                " are left of it",
                hint="run the mint of that list again, or give it up: nftgan mint --tokens"
                f" {minted}-{self.until - 1}",
            )

    def _until(self, tokens: tuple[int, ...] | None) -> int:
        """Tokens are minted in order: a list must be what comes next, without gaps."""
        if tokens is None:
            return len(self.seeds)
        end = max(tokens) + 1
        minted = self.collection.next_token_id()
        if end > len(self.seeds):
            raise UsageError(f"there is no token {end - 1} among {len(self.seeds)}")
        wanted = {token for token in tokens if token >= minted}
        if wanted and wanted != set(range(minted, end)):
            raise UsageError(
                f"tokens are minted in order: the next is {minted}",
                hint=f"--tokens {minted}-{end - 1}",
            )
        return max(end, minted)

    def plan(self) -> MintPlan:
        """The batches that are missing on chain, and their cost."""
        plan = plan_mint(self.sender, self.collection, self.to, self.seeds, until=self.until)
        if self.novelty:
            text = f"near-copies of training art were not looked for: {self.novelty}"
            plan = replace(plan, warnings=(*plan.warnings, text))
        if self.overridden_tokens:
            tokens = format_seeds(self.overridden_tokens)
            text = f"too like other art, minted knowingly: tokens {tokens}"
            plan = replace(plan, warnings=(*plan.warnings, text))
        return plan

    def run(self, plan: MintPlan, *, progress: Progress = SILENT) -> MintOutcome:
        """Send every batch, then audit the chain against the manifest."""
        with self.project.lock(), account_lock(self.sender.connection, self.account):
            self.sender.journal.reload()
            self.sender.on_wait = progress.note
            hashes = run_mint(
                self.sender, self.collection, plan, names=self.names, progress=progress
            )
            minted = self.collection.next_token_id()
            audit(self.collection, self.seeds, max(minted, self.until))
        finals = self.sender.journal.finals.values()
        return MintOutcome(
            self.collection.address,
            minted,
            hashes,
            sum(final["gas"] for final in finals),
            sum(final["fee_wei"] for final in finals),
        )


def _way_beside(sold: Mapping[str, Any], given: bool) -> str:
    """How to mint, or to give tokens away, while the sale owns the collection."""
    if not given:
        return "it is on sale, nftgan sale close gives it back"
    if sold["terms"]["signer"]:
        return (
            "it is on sale: give a voucher that costs nothing, nftgan sale voucher ADDR --price 0"
            " --count N; or mint after nftgan sale close"
        )
    return (
        "it is on sale: mint gifts after nftgan sale close, or buy and send them on; a sale opened"
        " with --signer has vouchers at no price"
    )
