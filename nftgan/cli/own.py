"""Verbs of an owner: freeze, refresh, transfer-ownership, burn."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from nftgan.cli.spending import SMALL_COSTS, carry_out, chooses_chain, speaks_by
from nftgan.cli.ui import Ui
from nftgan.cli.verbs import OWN, Collection, DryRun, Yes, verb

Contract = Annotated[
    str | None,
    typer.Option(
        "--contract",
        metavar="ADDR",
        help="The collection's contract, instead of a folder.",
        show_default=False,
    ),
]


def _owning(ui: Ui, collection: Path | None, contract: str | None, choice: Any) -> Any:
    from nftgan.project import find_project
    from nftgan.workflows.own import OwnerActions

    project = None if contract is not None and collection is None else find_project(collection)
    return OwnerActions(project, choice, contract=contract, **speaks_by(ui))


def _do(
    ui: Ui, work: Any, tx_plan: Any, question: str, said: str, *, dry_run: bool, yes: bool
) -> Any:
    """Carry an act out with the collection in its plan; (plan or None, what holds now)."""
    address = work.collection.address
    rows = [
        ("collection", f"{work.collection.name()}, {address}"),
        ("base URI", work.collection.base_uri()),
        ("which means", said),
    ]
    return carry_out(ui, work, tx_plan, question, rows, dry_run=dry_run, yes=yes)


@verb(OWN, example="nftgan freeze -C collections/my-birds --chain sepolia")
@chooses_chain(*SMALL_COSTS)
def freeze(
    ui: Ui,
    collection: Collection = None,
    contract: Contract = None,
    choice: Any = None,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> Any:
    """Freeze the base URI for ever.

    The metadata of the collection can never be another then.
    """
    work = _owning(ui, collection, contract, choice)
    said = "nobody can ever move the metadata, you neither"
    plan = _do(ui, work, work.plan_freeze(), "freeze it for ever?", said, dry_run=dry_run, yes=yes)
    if dry_run:
        return plan
    uri = work.collection.base_uri()
    ui.print(f"{work.collection.address} is frozen at {uri}")
    return {"collection": work.collection.address, "frozen": True, "base_uri": uri}


@verb(OWN, example="nftgan refresh --tokens 0-9 --chain sepolia")
@chooses_chain(*SMALL_COSTS)
def refresh(
    ui: Ui,
    tokens: Annotated[
        str | None,
        typer.Option("--tokens", metavar="0-9", help="Else all of them.", show_default=False),
    ] = None,
    collection: Collection = None,
    contract: Contract = None,
    choice: Any = None,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> Any:
    """Have markets read the metadata again (ERC-4906).

    Nothing changes on chain.
    """
    from nftgan.seeds import parse_seeds

    work = _owning(ui, collection, contract, choice)
    chosen = None if tokens is None else parse_seeds(tokens)
    said = "an event asks markets to look again"
    plan = _do(ui, work, work.plan_refresh(chosen), "refresh?", said, dry_run=dry_run, yes=yes)
    if dry_run:
        return plan
    ui.print(f"markets were asked to read {tokens or 'all tokens'} again")
    return {"collection": work.collection.address, "tokens": tokens}


@verb(OWN, example="nftgan transfer-ownership 0x…12ef --chain sepolia")
@chooses_chain(*SMALL_COSTS)
def transfer_ownership(
    ui: Ui,
    to: Annotated[
        str | None, typer.Argument(metavar="[ADDR]", help="Who is offered the collection.")
    ] = None,
    accept: Annotated[
        bool, typer.Option("--accept", help="Take the collection that you were offered.")
    ] = False,
    cancel: Annotated[bool, typer.Option("--cancel", help="Take an offer back.")] = False,
    collection: Collection = None,
    contract: Contract = None,
    choice: Any = None,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> Any:
    """Give the collection away, in two steps.

    Its owner offers it, the other account accepts.
    """
    from nftgan.errors import UsageError

    if (to is not None) + accept + cancel != 1:
        raise UsageError("say who is offered it, or --accept, or --cancel")
    work = _owning(ui, collection, contract, choice)
    if accept:
        tx_plan, said = work.plan_accept(), "you may mint and move the metadata from then on"
    elif cancel:
        tx_plan, said = work.plan_cancel(), "it stays yours"
    else:
        tx_plan, said = (
            work.plan_transfer(to),
            "who accepts may mint and move the metadata; you no more",
        )
    plan = _do(ui, work, tx_plan, "go on?", said, dry_run=dry_run, yes=yes)
    if dry_run:
        return plan
    owner, pending = work.collection.owner(), work.collection.pending_owner()
    offered = None if int(pending, 16) == 0 else pending
    ui.print(f"{work.collection.address} belongs to {owner}")
    if offered:
        ui.print(f"it is offered to {offered}, who takes it with transfer-ownership --accept")
    return {"collection": work.collection.address, "owner": owner, "offered_to": offered}


@verb(OWN, example="nftgan burn 7 --contract 0x…12ef --chain sepolia")
@chooses_chain(*SMALL_COSTS)
def burn(
    ui: Ui,
    token: Annotated[int, typer.Argument(metavar="TOKEN", help="Which one.", min=0)],
    collection: Collection = None,
    contract: Contract = None,
    choice: Any = None,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> Any:
    """Destroy a token that you hold, for ever.

    Its id is never given again.
    """
    work = _owning(ui, collection, contract, choice)
    said = f"token {token} is gone for ever; that it was there can still be proven"
    question = f"destroy token {token} for ever?"
    plan = _do(ui, work, work.plan_burn(token), question, said, dry_run=dry_run, yes=yes)
    if dry_run:
        return plan
    ui.print(f"token {token} of {work.collection.address} is burnt")
    return {"collection": work.collection.address, "token": token, "burnt": True}
