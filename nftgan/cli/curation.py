"""Verbs of the panel 'Make' that turn a model into a collection: curate, render, metadata."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from nftgan.cli.options import Seeds
from nftgan.cli.ui import Ui
from nftgan.cli.verbs import MAKE, Collection, verb


@verb(MAKE, example="nftgan curate -m runs --auto 12 --seeds 0-255 --dataset my-art.zip")
def curate(
    ui: Ui,
    collection: Collection = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            "-m",
            metavar="MODEL",
            help="Else [model] of nftgan.toml.",
            show_default=False,
        ),
    ] = None,
    auto: Annotated[
        int | None,
        typer.Option(metavar="N", help="Pick the N best, different and new.", show_default=False),
    ] = None,
    pick: Annotated[
        str | None,
        typer.Option(metavar="SEEDS", help="Pick these, in this order.", show_default=False),
    ] = None,
    seeds: Seeds = "0-255",
    dataset: Annotated[
        Path | None,
        typer.Option(
            metavar="ZIP", help="Training art that no piece may copy.", show_default=False
        ),
    ] = None,
) -> Any:
    """Choose the seeds that become pieces; near-copies of training art are refused."""
    from nftgan.project import find_project
    from nftgan.seeds import format_seeds, parse_seeds
    from nftgan.workflows.curate import curate as run

    project = find_project(collection)
    result = run(
        project,
        model=model,
        auto=auto,
        pick=None if pick is None else parse_seeds(pick),
        candidates=parse_seeds(seeds),
        dataset=dataset,
        progress=ui,
    )
    ui.print(f"{len(result.seeds)} pieces: seeds {format_seeds(result.seeds)}")
    if result.refused:
        rows = [(r.seed, r.reason) for r in result.refused[:10]]
        ui.table(f"Refused {len(result.refused)}, the first of them", ("seed", "reason"), rows)
    ui.print(f"{'wrote' if result.changed else 'unchanged:'} {result.manifest}")
    ui.print(f"next: [bold]nftgan render -C {project.root}[/]")
    return result


@verb(MAKE, example="nftgan render -C collections/my-birds")
def render(
    ui: Ui,
    collection: Collection = None,
    processes: Annotated[
        int | None,
        typer.Option(metavar="N", help="Pictures at once; else one per core.", show_default=False),
    ] = None,
) -> Any:
    """Make the canonical picture of every piece: the same pixels on every machine."""
    import os

    from nftgan.project import find_project
    from nftgan.workflows.render import render as run

    project = find_project(collection)
    result = run(project, processes=processes or os.cpu_count() or 1, progress=ui)
    ui.print(f"{result.rendered} pictures made, {result.kept} kept, in {result.folder}")
    ui.print(f"next: [bold]nftgan metadata -C {project.root}[/]")
    return result


@verb(MAKE, example="nftgan metadata --check")
def metadata(
    ui: Ui,
    collection: Collection = None,
    check: Annotated[bool, typer.Option("--check", help="Only say what is stale.")] = False,
) -> Any:
    """Measure traits and rarity, write ERC-721 JSON, compute every CID locally."""
    from nftgan.errors import CheckFailed
    from nftgan.project import find_project
    from nftgan.workflows.metadata import check_metadata
    from nftgan.workflows.metadata import metadata as run

    project = find_project(collection)
    if check:
        problems = check_metadata(project)
        for problem in problems:
            ui.print(f"{problem.where}: {problem.what}")
        if problems:
            raise CheckFailed(
                f"{len(problems)} files are stale, the first: {problems[0].where}"
                f" {problems[0].what}",
                hint=problems[0].hint,
            )
        ui.print("all metadata is up to date")
        return {"problems": []}
    result = run(project, progress=ui)
    ui.print(f"{result.pieces} pieces, {result.written} files written in {result.folder}")
    ui.print(f"images    ipfs://{result.cids.images}")
    ui.print(f"metadata  ipfs://{result.cids.metadata}")
    ui.print(f"model     ipfs://{result.cids.model}")
    ui.print(f"next: [bold]nftgan pin -C {project.root}[/]")
    return result
