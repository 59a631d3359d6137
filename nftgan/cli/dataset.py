"""The verb prepare: art becomes a data set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from nftgan.cli.ui import Ui, shell
from nftgan.cli.verbs import TRAIN, verb
from nftgan.words import counted

_LISTED = 20
"""Files that are not used and shown; the report has all of them."""


@verb(TRAIN, example="nftgan prepare my-art -o my-art.zip --resolution 256")
def prepare(
    ui: Ui,
    art: Annotated[Path, typer.Argument(help="Folder (or zip, tar, TFRecords) of images.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="ZIP", help="The data set.")],
    resolution: Annotated[
        int | None,
        typer.Option(help="Side in pixels, a power of two; else what fits.", show_default=False),
    ] = None,
    crop: Annotated[
        str, typer.Option(help="center, fit (pad) or smart (busiest part).")
    ] = "center",
    background: Annotated[
        str, typer.Option(help="Colour behind transparent art; auto: a plain one that suits.")
    ] = "white",
    alpha: Annotated[
        bool, typer.Option("--alpha", help="Keep transparency: an RGBA data set.")
    ] = False,
    min_side: Annotated[
        int | None,
        typer.Option(help="Refuse images with a shorter side.", show_default=False),
    ] = None,
    dedupe: Annotated[
        int, typer.Option(help="Refuse near-copies up to N differing hash bits; -1: keep.")
    ] = 6,
    labels: Annotated[
        str | None,
        typer.Option(help="'folders', a CSV of file,class, or 'none'.", show_default=False),
    ] = None,
    outliers: Annotated[
        int, typer.Option(min=0, help="Also a sheet of the N images least like the others.")
    ] = 0,
) -> Any:
    """Turn a folder of art into a data set.

    Images that cannot be used are refused one by one, with the reason.
    """
    from nftgan.workflows.prepare import PrepareOptions
    from nftgan.workflows.prepare import prepare as run

    options = PrepareOptions(
        resolution=resolution,
        crop=crop,
        background=background,
        min_side=min_side,
        dedupe=dedupe,
        labels=labels,
        alpha=alpha,
    )
    report = run(art, output, options, progress=ui)
    if report.rejected:
        more = f": {len(report.rejected)}, the first of them" * (len(report.rejected) > _LISTED)
        ui.listing(f"Not used{more}", ("image", "reason"), list(report.rejected[:_LISTED]))
    for line in report.notes:
        ui.note(line)
    ui.print(
        f"{counted(report.kept, 'image')} of {report.resolution}x{report.resolution}"
        f" in {report.output}"
    )
    if report.rejected:
        unused = f"{counted(len(report.rejected), 'file')} not used"
        ui.print(f"{unused}: {report.output.with_suffix('.report.html')} says why")
    if report.pixel_grid:
        colours = f" in {report.art_colours} colours" if report.art_colours else ""
        ui.print(f"pixel art of {report.pixel_grid} squares{colours}: training and finish follow")
    if report.flat_art:
        ui.print("flat art: pieces are enlarged in plain colours with smooth borders (contour)")
    ui.print(f"fingerprint {report.fingerprint}")
    if outliers:
        from nftgan.workflows.outliers import find_outliers

        found = find_outliers(report.output, outliers, progress=ui)
        ui.table("Least like the others", ("image", "distance"), list(found.strangest))
        ui.table("Most alike", ("image", "image", "cosine"), list(found.alike))
        ui.print(f"look at {found.sheet}")
    from nftgan.networks.sources import BASE_SIDES

    start = " --resume base" if report.resolution in BASE_SIDES else ""
    ui.print(f"next: [bold]nftgan train {shell(report.output)} -o runs{start}[/]")
    return report
