"""Verbs of the panel 'Get started': demo, doctor, init, status."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from nftgan.cli.ui import Ui
from nftgan.cli.verbs import GET_STARTED, verb


@verb(GET_STARTED, example="nftgan init my-birds")
def init(
    ui: Ui,
    name: Annotated[str, typer.Argument(help="Name of the collection; also its folder's name.")],
    folder: Annotated[
        Path, typer.Option("--in", metavar="DIR", help="Folder that holds the collections.")
    ] = Path("collections"),
) -> Any:
    """Start a collection: a folder with an annotated nftgan.toml."""
    from nftgan.workflows.init import init as start

    result = start(name, folder)
    ui.print(f"{'made' if result.created else 'kept'} {result.config}")
    ui.print("next: edit it, then [bold]nftgan curate[/] in that folder")
    return result
