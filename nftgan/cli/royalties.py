"""Royalties of several people: what is due to each, and paying it out."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from nftgan.cli.spending import SMALL_COSTS, carry_out, chooses_chain, ether, speaks_by
from nftgan.cli.ui import Ui
from nftgan.cli.verbs import SELL, Collection, DryRun, Yes, verb


@verb(SELL, example="nftgan royalties --pay --chain sepolia")
@chooses_chain(*SMALL_COSTS)
def royalties(
    ui: Ui,
    pay: Annotated[bool, typer.Option("--pay", help="Pay everyone what is due.")] = False,
    token: Annotated[
        str | None,
        typer.Option(
            "--token", metavar="ADDR", help="A token such as WETH; else ether.", show_default=False
        ),
    ] = None,
    collection: Collection = None,
    choice: Any = None,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> Any:
    """Show the royalties due to each, and pay them out.

    Of a collection whose royalties are shared: [royalty.shares] in nftgan.toml.
    """
    from nftgan.project import find_project
    from nftgan.workflows.royalties import Royalties, royalty_status

    project = find_project(collection)
    if not pay:
        status = royalty_status(project, choice, token=token)
        _show(ui, status)
        return status
    work = Royalties(project, choice, token=token, **speaks_by(ui))
    rows = [("splitter", work.splitter.address), ("in", token or "ether")]
    plan = carry_out(ui, work, work.plan(), "pay it out?", rows, dry_run=dry_run, yes=yes)
    if dry_run:
        return plan
    _show(ui, work.status())
    return work.status()


def _show(ui: Ui, status: Any) -> None:
    def amount(units: int) -> str:
        return ether(units) if status.token is None else f"{units:,}"

    rows = [(s.account, f"{s.percent:g} %", amount(s.paid), amount(s.due)) for s in status.shares]
    ui.table(f"Royalties at {status.splitter}", ("account", "share", "paid", "due"), rows)
