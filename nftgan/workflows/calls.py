"""The verbs that plan first, or give one thing after another, as one call each for Python."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nftgan.chain.minting import MintOutcome, MintPlan
from nftgan.chain.recipients import Recipient, read_recipients, recipients_of
from nftgan.errors import Cancelled, UsageError
from nftgan.progress import SILENT, Progress
from nftgan.project import Project
from nftgan.provenance.checks import Check, TokenReport
from nftgan.provenance.whole import collection_checks
from nftgan.training.tick import Tick
from nftgan.workflows import verify as verifying
from nftgan.workflows.deploy import Deployment, DeployPlan, DeployResult
from nftgan.workflows.mint import Minting
from nftgan.workflows.publishing import ChainChoice
from nftgan.workflows.train import plan_training, run_advice, run_training

COLLECTIONS_OWN = ChainChoice()
"""The chain of nftgan.toml, asked as its table says."""


@dataclass(frozen=True)
class TrainResult:
    """The run, how far it is, and what its scores say."""

    run: Path
    continued: bool  # an earlier session's run, by the same options
    images: int  # that the networks have seen; 0 when the run was at its end already
    advice: str | None  # go on, stop or go back; None when the scores say nothing yet


@dataclass(frozen=True)
class VerifyResult:
    """Every check of every token, and those of the collection as a whole."""

    contract: str
    tokens: tuple[TokenReport, ...]
    collection: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """Every check was made and holds."""
        whole = not any(check.failed or check.skipped for check in self.collection)
        return whole and all(report.passed for report in self.tokens)


def train(
    dataset: str | Path,
    runs: str | Path,
    *,
    preset: str | None = None,
    resume: str | None = None,
    on_tick: Callable[[Tick], None] | None = None,
    progress: Progress = SILENT,
    **options: Any,
) -> TrainResult:
    """Train a model on a data set of `prepare` into a new folder of `runs`.

    The same call again goes on with the same run. resume: the model to start from, as for
    `load_model`. options: those of the command line with underscores (kimg=50, batch=16). on_tick:
    called after each tick, with its files on disk. Raises UsageError for an option that cannot be.
    """
    plan = plan_training(
        Path(dataset), Path(runs), preset=preset, resume=resume, progress=progress, **options
    )
    last = None
    for last in run_training(plan, progress=progress):
        if on_tick is not None:
            on_tick(last)
    return TrainResult(
        plan.run_dir, plan.continues, last.images if last else 0, run_advice(plan.run_dir)
    )


def deploy(
    project: Project,
    choice: ChainChoice = COLLECTIONS_OWN,
    *,
    approve: Callable[[DeployPlan], bool] | None = None,
    seed_store: str | None = None,
    force: bool = False,
    password: Callable[[str], str] = getpass.getpass,
    progress: Progress = SILENT,
) -> DeployResult:
    """Put the collection's contract on chain; a second call gives the first one's result.

    approve: shown the plan with its cost, it says whether to send. Only the embedded chain, where
    nothing costs anything, goes without. force: although nothing is pinned. Raises UsageError
    without approve, Cancelled when it says no.
    """
    work = Deployment(
        project,
        choice,
        prompt=password,
        warn=progress.warn,
        force=force,
        seed_store=seed_store,
    )
    if (existing := work.existing()) is not None:
        return existing
    plan = work.plan()
    _ask(approve, plan, embedded=work.connection.embedded)
    return work.run(plan)


def mint(
    project: Project,
    choice: ChainChoice = COLLECTIONS_OWN,
    *,
    approve: Callable[[MintPlan], bool] | None = None,
    to: str | None = None,
    recipients: Mapping[str, int] | str | Path | None = None,
    tokens: Sequence[int] | None = None,
    force: bool = False,
    allow_copies: bool = False,
    password: Callable[[str], str] = getpass.getpass,
    progress: Progress = SILENT,
) -> MintOutcome:
    """Make the pieces tokens, each exactly once; a second call goes on where the first stopped.

    approve: as for `deploy`. to: who gets them, else the sender. recipients: instead, how many each
    address gets in all, in that order, or the CSV file of `nftgan mint --airdrop`; the same again
    gives nobody more. tokens: the next ones, without a gap; None for all that are left. Raises
    CheckFailed for pieces too like other art unless allow_copies, UsageError without approve or for
    a list that cannot be meant, Cancelled when approve says no.
    """
    if to is not None and recipients is not None:
        raise UsageError("to and recipients exclude each other")
    people: Sequence[Recipient] = ()
    if isinstance(recipients, (str, Path)):
        people = read_recipients(Path(recipients))
    elif recipients is not None:
        people = recipients_of(recipients)
    work = Minting(
        project,
        choice,
        to=to,
        recipients=people,
        tokens=None if tokens is None else tuple(tokens),
        prompt=password,
        warn=progress.warn,
        force=force,
        allow_copies=allow_copies,
    )
    plan = work.plan()
    for warning in plan.warnings:
        progress.warn(warning)
    if plan.tokens:
        _ask(approve, plan, embedded=work.sender.connection.embedded)
    return work.run(plan, progress=progress)


def verify(
    project: Project | None = None,
    choice: ChainChoice = COLLECTIONS_OWN,
    *,
    contract: str | None = None,
    tokens: Sequence[int] | None = None,
    gateways: Sequence[str] = (),
    holder: str | None = None,
    model: str | Path | None = None,
    heavy: bool = False,
    progress: Progress = SILENT,
) -> VerifyResult:
    """Check every link from tokens on chain back to their pixels, which are made again.

    Of the collection in a folder, or of any `contract` by its address. tokens: None for all.
    gateways: where to read IPFS after the embedded store. A broken link is no error here: see
    `VerifyResult.passed`. Raises MissingStepError when nothing is minted, ServiceError when the
    chain does not answer.
    """
    verifier = verifying.open_verifier(
        choice,
        project=project,
        contract=contract,
        gateways=gateways,
        holder=holder,
        model=None if model is None else Path(model),
        heavy=heavy,
        progress=progress,
    )
    verifier.measuring = tokens is None
    numbers = verifying.every_token(verifier) if tokens is None else tokens
    reports = []
    with progress.task("verifying", len(numbers), "tokens") as task:
        for report in verifying.verify(verifier, numbers, project=project):
            reports.append(report)
            task.advance()
    whole = collection_checks(verifier, measured=verifier.measuring)
    return VerifyResult(verifier.collection.address, tuple(reports), tuple(whole))


def _ask(approve: Callable[[Any], bool] | None, plan: Any, *, embedded: bool) -> None:
    if approve is None:
        if not embedded:
            raise UsageError(
                f"nothing is sent to {plan.chain} unasked",
                hint="approve=FUNCTION, which is shown the plan and says True or False",
            )
    elif not approve(plan):
        raise Cancelled("the plan was not approved", hint="nothing was sent")
