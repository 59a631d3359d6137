"""Verbs that turn a model into a collection: curate, render, metadata."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from nftgan.cli.options import Device, ExactDevice, Gpus, Seeds, start_group
from nftgan.cli.ui import Ui
from nftgan.cli.verbs import CURATE, Collection, verb
from nftgan.words import counted


@verb(CURATE, group=True, example="nftgan curate -m runs --seeds 0-999 --dataset my-art.zip")
def curate(
    ui: Ui,
    collection: Collection = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            "-m",
            metavar="MODEL",
            help="Else path in \\[model] of nftgan.toml.",
            show_default=False,
        ),
    ] = None,
    auto: Annotated[
        int | None,
        typer.Option(metavar="N", help="Pick the N best, different and new.", show_default=False),
    ] = None,
    pick: Annotated[
        str | None,
        typer.Option(
            metavar="SEEDS",
            help="Pick these, in this order; also latents of project, such as 3,me.npz.",
            show_default=False,
        ),
    ] = None,
    seeds: Seeds = "0-255",
    dataset: Annotated[
        Path | None,
        typer.Option(
            metavar="ZIP",
            help="Training art that no piece may copy; else the model's run's.",
            show_default=False,
        ),
    ] = None,
    allow_copies: Annotated[
        bool,
        typer.Option(
            "--allow-copies", help="Keep pieces too close to training art or to each other."
        ),
    ] = False,
    tag: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SEEDS:TRAIT=VALUE",
            help="Your own trait, such as 3,7:Mood=calm; no value takes it back. Repeatable.",
            show_default=False,
        ),
    ] = None,
    same: Annotated[
        bool,
        typer.Option("--same", help="Keep the pieces; take over what changed in nftgan.toml."),
    ] = False,
    watch: Annotated[
        Path | None,
        typer.Option(
            metavar="RUNS",
            help="Studio: the training run to follow; else the model's.",
            show_default=False,
        ),
    ] = None,
    port: Annotated[
        int, typer.Option(metavar="N", help="Studio: the port; 0: a free one.", min=0, max=65535)
    ] = 0,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Studio: open it in the browser.")
    ] = True,
    gpus: Annotated[
        int,
        typer.Option(
            min=1,
            help="--auto: processes that share the work, one per GPU; or torchrun.",
        ),
    ] = 1,
    device: Device = None,
) -> Any:
    """Choose the seeds that become pieces, in the studio.

    The studio is a page in your browser: look, rate, pick. With --auto, --pick, --tag or --same it
    stays closed.
    Near-copies of training art and of another piece are refused.
    """
    from nftgan.ops.device import device_named
    from nftgan.project import find_project
    from nftgan.seeds import format_seeds, parse_places, parse_seeds
    from nftgan.workflows.curate import curate as run

    _start_shared(gpus, auto)
    project = find_project(collection)
    tags = [_tag(text) for text in tag or ()]
    if auto is None and pick is None and not tags and not same:
        return _studio(
            ui, project, model, parse_seeds(seeds), dataset, watch, port, browser, device
        )
    result = run(
        project,
        model=model,
        auto=auto,
        pick=None if pick is None else parse_places(pick),
        candidates=parse_seeds(seeds),
        dataset=dataset,
        allow_copies=allow_copies,
        tags=tags,
        same=same,
        device=device_named(device),
        progress=ui,
    )
    ui.print(f"{counted(len(result.seeds), 'piece')}: seeds {format_seeds(result.seeds)}")
    if auto is not None:
        told = result.judged_by or "nothing but how much they differ: no art, no discriminator"
        ui.print(f"ordered by {told}")
    if result.refused:
        rows = [(r.seed, r.reason) for r in result.refused[:10]]
        ui.listing(f"Refused {len(result.refused)}, the first of them", ("seed", "reason"), rows)
    if result.overridden:
        rows = [(one.seed, one.reason) for one in result.overridden[:10]]
        ui.listing(f"Kept knowingly: {len(result.overridden)}, the first", ("seed", "reason"), rows)
    tagged = {seed for seeds_, _, value in tags if value is not None for seed in seeds_}
    if absent := sorted(tagged - set(result.seeds)):
        ui.warn(f"no pieces: seeds {format_seeds(absent)}; their tags count once they are picked")
    if result.replaced is not None:
        ui.note(f"the choice before is kept in {result.replaced}: copy its files back to undo")
    ui.print(f"{'wrote' if result.changed else 'unchanged:'} {result.manifest}")
    ui.print(f"next: [bold]nftgan render{project.flag}[/]")
    return result


def _start_shared(processes: int, auto: int | None) -> None:
    """In a group of several processes from here on. Raises UsageError where nothing is shared."""
    from nftgan.errors import UsageError
    from nftgan.training.launch import world_size

    if auto is None and (processes > 1 or world_size() > 1):
        raise UsageError(
            "of curate only --auto is shared by several processes",
            hint="start it alone: the studio uses every GPU of this machine by itself",
        )
    start_group(processes)


def _tag(text: str) -> tuple[tuple[int, ...], str, str | None]:
    """ "3,7:Mood=calm" as (seeds, trait, value); UsageError when it is not."""
    from nftgan.errors import UsageError
    from nftgan.seeds import parse_seeds

    seeds, colon, words = text.partition(":")
    trait, equals, value = words.partition("=")
    if not (colon and equals):
        raise UsageError(f"{text!r} is not SEEDS:TRAIT=VALUE", hint="write --tag 3,7:Mood=calm")
    return parse_seeds(seeds), trait, value.strip() or None


def _studio(
    ui: Ui,
    project: Any,
    model: str | None,
    seeds: tuple[int, ...],
    dataset: Path | None,
    watch: Path | None,
    port: int,
    browser: bool,
    device: str | None,
) -> Any:
    from nftgan.collection.manifest import Manifest
    from nftgan.workflows.shared_pieces import shared_pieces
    from nftgan.workflows.studio import doorstep, studio

    steps: list[Path] = []

    def ready(address: str) -> None:
        ui.err.print(f"the studio is open at {address}", highlight=False)
        ui.note("the address is a key: keep it to yourself; Ctrl-C closes the studio")
        if browser and sys.stdout.isatty():
            import webbrowser

            steps.append(doorstep(address))
            webbrowser.open(steps[0].as_uri())

    try:
        result = studio(
            project,
            model=model,
            candidates=seeds,
            dataset=dataset,
            watch=watch,
            port=port,
            device=device,
            ready=ready,
            progress=ui,
        )
    finally:
        for step in steps:
            step.unlink(missing_ok=True)
    if result.manifest is None:
        ui.print(f"picked: {counted(len(result.picked), 'seed')}; no pieces were written")
    else:
        ui.print(f"{counted(len(result.picked), 'piece')} in {result.manifest}")
        if remark := shared_pieces(project, Manifest.load(result.manifest)):
            ui.warn(remark)
        ui.print(f"next: [bold]nftgan render{project.flag}[/]")
    return result


@verb(CURATE, group=True, example="nftgan render -C collections/my-birds")
def render(
    ui: Ui,
    collection: Collection = None,
    processes: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Images at once on this processor; else one per core.",
            show_default=False,
        ),
    ] = None,
    gpus: Gpus = 1,
    device: ExactDevice = "cpu",
) -> Any:
    """Make each piece's image, the same on every machine."""
    import os

    from nftgan.errors import UsageError
    from nftgan.project import find_project
    from nftgan.training.launch import world_size
    from nftgan.workflows.render import render as run

    start_group(gpus)
    if processes is not None and (world_size() > 1 or device != "cpu"):
        raise UsageError(
            "--processes is for one processor alone",
            hint="leave it away: each process of a group, and each GPU, makes one image at a time",
        )
    project = find_project(collection)
    result = run(project, processes=processes or os.cpu_count() or 1, device=device, progress=ui)
    ui.print(f"{counted(result.rendered, 'image')} made, {result.skipped} kept, in {result.folder}")
    ui.print(f"next: [bold]nftgan metadata{project.flag}[/]")
    return result


@verb(CURATE, group=True, example="nftgan metadata --check")
def metadata(
    ui: Ui,
    collection: Collection = None,
    check: Annotated[
        bool,
        typer.Option(
            "--check", help="Only say what is stale, and how markets and wallets read it."
        ),
    ] = False,
    live: Annotated[
        bool | None,
        typer.Option(
            "--live/--no-live",
            help="Markets get a page that draws each token (animation_url); else as it was.",
            show_default=False,
        ),
    ] = None,
    processes: Annotated[
        int,
        typer.Option(
            metavar="N",
            min=1,
            help="Processes that share the measuring; torchrun for several machines.",
        ),
    ] = 1,
) -> Any:
    """Measure traits and rarity, write the ERC-721 JSON.

    Every CID is computed here, before anything is sent.
    """
    from nftgan.errors import UsageError
    from nftgan.project import find_project
    from nftgan.training.launch import world_size
    from nftgan.workflows.metadata import metadata as run

    if check:
        if world_size() > 1 or processes > 1:
            raise UsageError("--check is quick, and for one process alone")
        return _checked(ui, find_project(collection))
    start_group(processes)
    project = find_project(collection)
    result = run(project, live=live, progress=ui)
    ui.print(
        f"{counted(result.pieces, 'piece')}, {counted(result.written, 'file')} written"
        f" in {result.folder}"
    )
    ui.print(f"images    ipfs://{result.cids.images}")
    ui.print(f"metadata  ipfs://{result.cids.metadata}")
    model = result.cids.model
    if result.cids.live:
        ui.print(f"live      ipfs://{result.cids.live}")
    ui.text(f"model     {f'ipfs://{model}' if model else 'not published ([model] publish)'}")
    ui.print(f"next: [bold]nftgan pin{project.flag}[/]")
    return result


def _checked(ui: Ui, project: Any) -> Any:
    """What `metadata --check` answers. Raises CheckFailed when something is stale."""
    from nftgan.errors import CheckFailed
    from nftgan.workflows.metadata import check_metadata, readings

    found = check_metadata(project)
    for problem in found:
        say = ui.print if problem.blocks else ui.warn
        say(f"{problem.where}: {problem.what}")
    problems = [problem for problem in found if problem.blocks]
    if problems:
        raise CheckFailed(
            f"stale: {counted(len(problems), 'file')}, the first: {problems[0].where}"
            f" {problems[0].what}",
            hint=problems[0].hint,
        )
    ui.print("all metadata is up to date")
    read = readings(project)
    rows = [(one.field, one.opensea, one.rarible, one.wallets) for one in read]
    ui.table("How it is read", ("field", "OpenSea-like", "Rarible-like", "wallets"), rows)
    for one in read:
        if one.warning:
            ui.warn(f"{one.field}: {one.warning}")
    return {"problems": [], "readings": read}
