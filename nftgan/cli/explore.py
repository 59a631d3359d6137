"""Verbs that look around in a model: morph, mix, project."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from nftgan.cli.options import (
    Colours,
    Condition,
    Cutoff,
    Device,
    Effect,
    Filter,
    Label,
    Model,
    Palette,
    PixelGrid,
    Places,
    Rotate,
    Translate,
    Trunc,
    Upscale,
    finish_of,
    in_art_colours,
    parse_condition,
    parse_pair,
)
from nftgan.cli.ui import Ui
from nftgan.cli.verbs import EXPLORE, verb
from nftgan.words import counted


@verb(EXPLORE, example="nftgan morph -m base --seeds 0-5 --trunc 0.8 -o walk.mp4")
def morph(
    ui: Ui,
    model: Model,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="A .mp4, .gif, .png or .webp.")
    ],
    seeds: Places = "0-5",
    steps: Annotated[int, typer.Option(help="Frames from one seed to the next.")] = 30,
    kind: Annotated[str, typer.Option(help="cubic, linear or slerp.")] = "cubic",
    fps: Annotated[float, typer.Option(help="Frames a second.")] = 30,
    trunc: Trunc = 1.0,
    cutoff: Cutoff = None,
    class_idx: Label = None,
    condition: Condition = "",
    classes: Annotated[
        str | None,
        typer.Option(
            metavar="CLASSES",
            help="Also from class to class, such as 0,3,7: with one seed, or one for each.",
            show_default=False,
        ),
    ] = None,
    translate: Translate = "0,0",
    rotate: Rotate = 0.0,
    pixel_grid: PixelGrid = 0,
    palette: Palette = 0,
    colours: Colours = "all",
    upscale: Upscale = 1,
    filter: Filter = "nearest",
    effect: Effect = "",
    again: Annotated[
        Path | None,
        typer.Option(
            metavar="JSON",
            help="Seeds, look and pace of an earlier walk: the .json beside it.",
            show_default=False,
        ),
    ] = None,
) -> Any:
    """Film a walk through latent space, from seed to seed.

    It leads back to the first one, as an endless animation. Beside it lies a .json that makes it
    again. In the collection's folder files/ the film is pinned too: animation_url = "files/NAME" in
    nftgan.toml.
    """
    from nftgan.seeds import parse_places, parse_seeds
    from nftgan.workflows.explore import RenderOptions, morph_again
    from nftgan.workflows.explore import morph as run

    if again is not None:
        result = morph_again(model, again, output, progress=ui)
    else:
        finish = finish_of(pixel_grid, palette, upscale, filter, effect)
        options = RenderOptions(
            trunc,
            class_idx,
            finish,
            cutoff,
            parse_pair(translate),
            rotate,
            in_art_colours(colours),
            parse_condition(condition),
        )
        result = run(
            model,
            parse_places(seeds, repeats=True),
            output,
            options=options,
            steps=steps,
            kind=kind,
            fps=fps,
            classes=parse_seeds(classes, what="class", repeats=True) if classes else (),
            progress=ui,
        )
    ui.print(f"{counted(result.frames, 'frame')} in {result.output}, recipe {result.recipe}")
    ui.print(f"ipfs://{result.cid}")
    return result


@verb(EXPLORE, example="nftgan mix -m base --rows 0-3 --columns 10-15 -o mix.png")
def mix(
    ui: Ui,
    model: Model,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="A PNG.")],
    rows: Annotated[str, typer.Option(metavar="SEEDS", help="One row each; .npz too.")] = "0-3",
    columns: Annotated[str, typer.Option(metavar="SEEDS", help="One column each.")] = "4-9",
    layers: Annotated[
        str | None,
        typer.Option(
            metavar="LAYERS",
            help="Taken from the column; else half, at most 0-6.",
            show_default=False,
        ),
    ] = None,
    trunc: Trunc = 1.0,
    class_idx: Label = None,
    condition: Condition = "",
    pixel_grid: PixelGrid = 0,
    palette: Palette = 0,
    colours: Colours = "all",
    upscale: Upscale = 1,
    filter: Filter = "nearest",
    effect: Effect = "",
) -> Any:
    """Mix the styles of seeds, in a grid.

    Each image has its row's styles, and its column's in some layers.
    """
    from nftgan.seeds import parse_places, parse_seeds
    from nftgan.workflows.explore import RenderOptions
    from nftgan.workflows.explore import mix as run

    finish = finish_of(pixel_grid, palette, upscale, filter, effect)
    options = RenderOptions(
        trunc,
        class_idx,
        finish,
        art_colours=in_art_colours(colours),
        condition=parse_condition(condition),
    )
    result = run(
        model,
        parse_places(rows),
        parse_places(columns),
        output,
        options=options,
        layers=None if layers is None else parse_seeds(layers, what="layer"),
        progress=ui,
    )
    ui.print(f"{result.rows} x {result.columns} mixes in {result.output}")
    return result


@verb(EXPLORE, example="nftgan project portrait.png -m base -o projected")
def project(
    ui: Ui,
    images: Annotated[
        list[Path], typer.Argument(help="Images, or folders of them; cropped and scaled.")
    ],
    model: Model,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Latent and PNG.")],
    steps: Annotated[int, typer.Option(help="Length of the search.")] = 500,
    seed: Annotated[int, typer.Option(help="Of the noise in the search.")] = 0,
    loss: Annotated[
        str, typer.Option(help="perceptual, or pixels: colours and edges alone, quicker.")
    ] = "perceptual",
    film: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Of one image, also the search as a .mp4, .gif, .png or .webp.",
            show_default=False,
        ),
    ] = None,
    class_idx: Label = None,
    device: Device = None,
) -> Any:
    """Find the latents whose images come closest to yours.

    A folder is gone on with when run again. Each latent is a .npz that
    generate, mix, morph and curate --pick take where a seed may stand.
    """
    from nftgan.errors import UsageError
    from nftgan.workflows.projecting import SearchOptions, project_all
    from nftgan.workflows.projecting import project as project_one

    options = SearchOptions(steps, class_idx, seed, loss)
    if len(images) == 1 and not images[0].is_dir():
        one = project_one(
            model, images[0], output, options=options, film=film, device=device, progress=ui
        )
        ui.print(f"distance {one.distance:.4f}: {one.image}, latent {one.latent}")
        ui.print(f"both side by side: {one.compared}")
        return one
    if film is not None:
        raise UsageError("--film shows the search of one image", hint="name one image")
    result = project_all(model, images, output, options=options, device=device, progress=ui)
    ui.table(
        f"{len(result.images)} images, {result.kept} of them found before",
        ("latent", "distance"),
        [(one.latent.name, f"{one.distance:.4f}") for one in result.images],
    )
    if result.refused:
        ui.print(
            f"passed over: {counted(len(result.refused), 'file')} that cannot be read as images"
        )
    return result
