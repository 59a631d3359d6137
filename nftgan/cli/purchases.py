"""Verbs of who buys, under `sale`: buy, refund, draw."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from nftgan.cli.sales import BuyerList, carry_out_on_terms, sale_app
from nftgan.cli.spending import SMALL_COSTS, chooses_chain, ether, speaks_by
from nftgan.cli.ui import Ui
from nftgan.cli.verbs import SELL, Collection, DryRun, Yes, verb
from nftgan.words import counted

Address = Annotated[
    str | None,
    typer.Option(
        "--sale", metavar="ADDR", help="The sale; else the collection's.", show_default=False
    ),
]


@verb(SELL, into=sale_app, example="nftgan sale buy 2 --sale 0x…12ef --chain sepolia")
@chooses_chain(*SMALL_COSTS)
def buy(
    ui: Ui,
    count: Annotated[
        int, typer.Argument(metavar="N", help="How many tokens to have bought here in all.", min=1)
    ] = 1,
    address: Address = None,
    allowlist: BuyerList = None,
    voucher: Annotated[
        Path | None,
        typer.Option("--voucher", metavar="FILE", help="Buy what it says.", show_default=False),
    ] = None,
    collection: Collection = None,
    choice: Any = None,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> Any:
    """Buy in a sale, yours or another's.

    Run again, nothing is bought twice.
    """
    from nftgan.chain.sales import Allowlist
    from nftgan.errors import UsageError
    from nftgan.seeds import format_seeds
    from nftgan.workflows.buying import read_voucher

    if voucher is not None:
        chain_id, address, right, signature = read_voucher(voucher)
    work = _buying(ui, address, collection, choice)
    address = work.sale.address
    if voucher is not None and chain_id != work.connection.chain.chain_id:
        raise UsageError(f"the voucher is for chain {chain_id}", hint="choose it with --chain")
    if voucher is None:
        tx_plan = work.plan_buy(count, None if allowlist is None else Allowlist.read(allowlist))
    else:
        tx_plan = work.plan_redeem(right, signature)
    plan = carry_out_on_terms(ui, work, tx_plan, "buy?", dry_run=dry_run, yes=yes)
    if dry_run:
        return plan
    bought, tokens = work.sale.bought(work.account.address), work.tokens()
    ui.print(f"{work.account.address} has bought {counted(bought, 'token')} in {address}")
    if tokens:
        ui.print(f"bought here: tokens {format_seeds(tokens)} of {work.terms.collection}")
    return {
        "sale": address,
        "buyer": work.account.address,
        "bought": bought,
        "collection": work.terms.collection,
        "tokens": tokens,
    }


def _buying(ui: Ui, address: str | None, collection: Path | None, choice: Any) -> Any:
    from nftgan.project import find_project
    from nftgan.workflows.buying import Purchase
    from nftgan.workflows.publishing import open_chain
    from nftgan.workflows.sale_reader import SaleReader

    if address is None:
        reader = SaleReader(find_project(collection), choice)
        connection, address = reader.connection, reader.sale().address
    else:
        connection = open_chain(choice, None if collection is None else find_project(collection))
    return Purchase(connection, address, choice, **speaks_by(ui))


@verb(SELL, into=sale_app, example="nftgan sale refund --sale 0x…12ef --chain sepolia")
@chooses_chain(*SMALL_COSTS)
def refund(
    ui: Ui,
    address: Address = None,
    to: Annotated[
        str | None,
        typer.Option("--to", metavar="ADDR", help="Who is paid; else you.", show_default=False),
    ] = None,
    collection: Collection = None,
    choice: Any = None,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> Any:
    """Take back what you paid, where nothing was delivered.

    In a blind sale, and only the buyer can.
    """
    work = _buying(ui, address, collection, choice)
    before = work.due_wei()
    receiver = work.receiver(to)
    tx_plan = work.plan_refund(receiver)
    plan = carry_out_on_terms(ui, work, tx_plan, "take it back?", dry_run=dry_run, yes=yes)
    if dry_run:
        return plan
    ui.print(f"{ether(before)} paid back to {receiver}")
    return {"sale": work.sale.address, "refunded_wei": before, "to": receiver}


@verb(SELL, into=sale_app, example="nftgan sale draw --sale 0x…12ef --chain sepolia")
@chooses_chain(*SMALL_COSTS)
def draw(
    ui: Ui,
    address: Address = None,
    collection: Collection = None,
    choice: Any = None,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> Any:
    """Draw the order of a blind sale that is over.

    Anyone may, so nobody can put it off.
    """
    work = _buying(ui, address, collection, choice)
    plan = carry_out_on_terms(ui, work, work.plan_draw(), "draw?", dry_run=dry_run, yes=yes)
    if dry_run:
        return plan
    block = work.sale.draw_block()
    ui.print(f"the order was drawn from block {block}")
    return {"sale": work.sale.address, "draw_block": block, "drawn": work.sale.drawn()}
