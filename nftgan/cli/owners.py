"""The verb `owners`: who owns which token, and a list of them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from nftgan.cli.prove import Contract
from nftgan.cli.spending import chooses_chain
from nftgan.cli.ui import Ui
from nftgan.cli.verbs import PROVE, Collection, verb
from nftgan.words import counted

OWNERS_SHOWN = 100


@verb(PROVE, example="nftgan owners --contract 0x…12ef --chain sepolia -o people.csv")
@chooses_chain("chain", "rpc", "confirmations", "mainnet")
def owners(
    ui: Ui,
    collection: Collection = None,
    contract: Contract = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="CSV",
            help="A list of them, as nftgan mint --airdrop takes it.",
            show_default=False,
        ),
    ] = None,
    with_tokens: Annotated[
        bool, typer.Option("--with-tokens", help="The list says which tokens, not only how many.")
    ] = False,
    without: Annotated[
        list[str] | None,
        typer.Option(
            "--without",
            metavar="ADDR",
            help="Leave this account out, such as your own; may be repeated.",
            show_default=False,
        ),
    ] = None,
    choice: Any = None,
) -> Any:
    """List who owns which token, as the chain's logs tell it."""
    from nftgan.errors import UsageError
    from nftgan.project import find_project
    from nftgan.seeds import format_seeds
    from nftgan.workflows.owners import owners as run

    if with_tokens and output is None:
        raise UsageError("--with-tokens is about the list", hint="say where it goes: -o people.csv")
    project = find_project(collection) if contract is None else None
    found = run(
        project,
        choice,
        contract=contract,
        without=without or (),
        output=output,
        with_tokens=with_tokens,
        progress=ui,
    )
    rows = [
        (one.address, f"{one.count:,}", format_seeds(one.tokens))
        for one in found.owners[:OWNERS_SHOWN]
    ]
    if more := len(found.owners) - len(rows):
        rows.append((f"and {more:,} more, all of them with --json or -o", "", ""))
    ui.table("Owners", ("account", "tokens", "which"), rows)
    burnt = f"; burnt: {format_seeds(found.burnt)}" if found.burnt else ""
    tokens = counted(found.minted, "token")
    ui.print(f"{tokens} of {found.contract} at block {found.block:,} of {found.chain}{burnt}")
    if found.path is not None:
        ui.print(f"wrote {found.path}")
    return found
