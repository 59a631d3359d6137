"""Verbs about places that keep the collection: pins, unpin."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from nftgan.cli.ui import Ui
from nftgan.cli.verbs import PUBLISH, Collection, DryRun, Yes, verb
from nftgan.words import counted


@verb(PUBLISH, example="nftgan pins -C collections/my-birds")
def pins(
    ui: Ui,
    collection: Collection = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="Only what is on record; no place is asked.")
    ] = False,
) -> Any:
    """List where the collection is pinned, and until when.

    Each place is asked what it keeps.
    """
    from nftgan.errors import PartlyDone, ServiceError
    from nftgan.project import find_project
    from nftgan.workflows.pins import list_pins

    project = find_project(collection)
    found = list_pins(project, ask=not offline)
    rows = []
    for one in found:
        state = one.state if one.current else f"{one.state}, of an earlier state of the collection"
        kept = ", ".join(f"{name}: {'yes' if yes else 'NO'}" for name, yes in one.pinned.items())
        rows.append((one.target, state, one.error or kept or "not asked", one.until))
    if rows:
        ui.table("Pins", ("place", "on record", "it keeps", "until"), rows)
    else:
        ui.print("pinned nowhere yet: [bold]nftgan pin[/]")
    document = {"pins": found}
    silent = [one for one in found if one.error]
    lost = [one for one in found if one.pinned and not all(one.pinned.values())]
    if silent or lost:
        ui.details = document
    if silent and len(silent) == len(found):
        raise ServiceError(f"no place could be asked: {silent[0].target}: {silent[0].error}")
    if silent:
        raise PartlyDone(
            f"{len(silent)} of {len(found)} places could not be asked: {silent[0].target}:"
            f" {silent[0].error}",
            hint="run the same command again",
        )
    for one in lost:
        ui.warn(f"{one.target} does not keep all of it: nftgan pin --to {one.target}")
    return document


@verb(PUBLISH, example="nftgan unpin --to pinata -C collections/my-birds")
def unpin(
    ui: Ui,
    to: Annotated[str, typer.Option("--to", metavar="TARGET", help="The place, as for pin.")],
    collection: Collection = None,
    collect: Annotated[
        bool,
        typer.Option("--collect", help="Delete blocks of the embedded store that no pin needs."),
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Also at the only place, although it is deployed.")
    ] = False,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> Any:
    """Have a place forget the collection.

    The CAR stays, and other places keep it.
    """
    from nftgan.errors import UsageError
    from nftgan.project import find_project
    from nftgan.workflows.pins import Unpinned, plan_unpin
    from nftgan.workflows.pins import unpin as run

    if collect and to != "embedded":
        raise UsageError("--collect is of the embedded store", hint="leave it out")
    project = find_project(collection)
    cids = plan_unpin(project, to, force=force)
    ui.table(f"Forgotten by {to}", ("", ""), list(cids.items()))
    if dry_run:
        return Unpinned(to, cids)
    if not (yes or ui.confirm("unpin it?")):
        raise typer.Exit(0)
    result = run(project, to, cids, collect=collect)
    ui.print(f"{to} was told to forget {counted(len(result.cids), 'CID')}")
    if to == "embedded":
        more = "the blocks stay until: nftgan unpin --to embedded --collect"
        ui.print(f"{counted(result.freed, 'block')} deleted" if collect else more)
    return result
