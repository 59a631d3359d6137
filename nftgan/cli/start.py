"""The verbs init, doctor and status."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from nftgan.cli.options import Trunc
from nftgan.cli.ui import Ui
from nftgan.cli.verbs import CURATE, GET_STARTED, Collection, verb


@verb(CURATE, example="nftgan init my-birds")
def init(
    ui: Ui,
    name: Annotated[str, typer.Argument(help="Name of the collection; also its folder's name.")],
    folder: Annotated[
        Path, typer.Option("--in", metavar="DIR", help="Folder that holds the collections.")
    ] = Path("collections"),
    trunc: Trunc = 0.7,
    pixel_grid: Annotated[
        int | None,
        typer.Option(help="Squares of pixel art; else as the art has.", show_default=False),
    ] = None,
    palette: Annotated[
        int | None,
        typer.Option(help="Colours of each piece; else as the art has.", show_default=False),
    ] = None,
    colours: Annotated[
        str, typer.Option(help="art (only colours that the art has) or all; auto follows the art.")
    ] = "auto",
    upscale: Annotated[
        int | None,
        typer.Option(help="Enlargement; else to 1024 pixels.", show_default=False),
    ] = None,
    filter: Annotated[
        str,
        typer.Option(
            help="nearest (pixel art), cubic or contour (flat art); auto follows the art."
        ),
    ] = "auto",
) -> Any:
    """Start a collection: a folder with its nftgan.toml.

    Every setting in it is explained there.
    """
    from nftgan.workflows.init import RecipeDefaults
    from nftgan.workflows.init import init as start

    if folder == Path("collections") == Path(Path.cwd().name):
        folder = Path()  # one is in it already
    chosen = {"pixel_grid": pixel_grid, "palette": palette, "upscale": upscale}
    recipe = RecipeDefaults(
        trunc, colours=colours, filter=filter, **{k: v for k, v in chosen.items() if v is not None}
    )
    result = start(name, folder, recipe)
    ui.print(f"{'made' if result.created else 'kept'} {result.config}")
    ui.print("next: edit it, then [bold]nftgan curate[/] in that folder")
    return result


@verb(GET_STARTED, example="nftgan doctor --offline")
def doctor(
    ui: Ui,
    offline: Annotated[
        bool, typer.Option("--offline", help="Do not ask an RPC node or an IPFS daemon.")
    ] = False,
) -> Any:
    """Look at everything nftgan needs, and how to mend it."""
    from nftgan.errors import CheckFailed
    from nftgan.workflows.doctor import doctor as examine
    from nftgan.workflows.doctor import summary

    colours = {"ok": "green", "warn": "yellow", "fail": "bold red"}
    checks = []
    for check in examine(offline=offline):
        checks.append(check)
        ui.print(f"[{colours[check.verdict]}]{check.verdict:>4}[/]  {check.name}: {check.found}")
        if check.fix:
            ui.print(f"      [dim]fix:[/] {check.fix}")
    counts = summary(checks)
    if counts["fail"]:
        failed = [check for check in checks if check.verdict == "fail"]
        raise CheckFailed(
            f"{len(failed)} of {len(checks)} checks failed: {failed[0].name}: {failed[0].found}",
            hint=failed[0].fix,
        )
    return {"checks": checks, **counts}


@verb(GET_STARTED, example="nftgan status -C collections/my-birds")
def status(
    ui: Ui,
    collection: Collection = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="Do not ask a node whether the links are frozen.")
    ] = False,
) -> Any:
    """Show what is done in a collection, and what comes next."""
    from nftgan.project import find_project
    from nftgan.workflows.status import status as overview

    result = overview(find_project(collection), offline=offline)
    following = next((step.verb for step in result.steps if not step.done), None)
    rows: list[tuple[Any, ...]] = []
    for step in result.steps:
        sign = ui.mark("done" if step.done else "next" if step.verb == following else "open")
        rows.append((sign, step.verb, step.found))
    rows += [("", "base URI", f"{chain}: {found}") for chain, found in result.links.items()]
    ui.table(f"{result.collection} in {result.folder}", ("", "", ""), rows)
    ui.print(f"next: [bold]{result.next}[/]")
    return result
