"""The verbs model and generate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from nftgan.cli.options import (
    ColoursOrAuto,
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
    in_art_colours_or_auto,
    parse_condition,
    parse_pair,
)
from nftgan.cli.ui import Ui
from nftgan.cli.verbs import EXPLORE, TRAIN, group, verb
from nftgan.words import counted


@verb(EXPLORE, example="nftgan generate -m runs --seeds 0-63 --trunc 0.7 --grid -o candidates")
def generate(
    ui: Ui,
    model: Model,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Folder for PNGs.")],
    seeds: Places = "0-63",
    trunc: Trunc = 1.0,
    cutoff: Cutoff = None,
    class_idx: Label = None,
    condition: Condition = "",
    translate: Translate = "0,0",
    rotate: Rotate = 0.0,
    pixel_grid: PixelGrid = 0,
    palette: Palette = 0,
    colours: ColoursOrAuto = "auto",
    upscale: Upscale = 1,
    filter: Filter = "nearest",
    effect: Effect = "",
    grid: Annotated[bool, typer.Option("--grid", help="Also one contact sheet, grid.png.")] = False,
    numbers: Annotated[
        bool, typer.Option("--numbers/--no-numbers", help="The seed under each image of the sheet.")
    ] = True,
    device: Device = None,
) -> Any:
    """Make quick previews of many seeds.

    The seed of each is in its file name.
    """
    from nftgan.seeds import parse_places
    from nftgan.workflows.generate import generate as run

    result = run(
        model,
        parse_places(seeds),
        output,
        trunc=trunc,
        cutoff=cutoff,
        class_idx=class_idx,
        condition=parse_condition(condition),
        translate=parse_pair(translate),
        rotate=rotate,
        finish=finish_of(pixel_grid, palette, upscale, filter, effect),
        art_colours=in_art_colours_or_auto(colours),
        grid=grid,
        numbers=numbers,
        device=device,
        progress=ui,
    )
    ui.print(f"{counted(result.images, 'image')} in {result.folder}")
    if result.sheet:
        ui.print(f"contact sheet {result.sheet}")
    return result


model_app = group("model", TRAIN, "Look into a model file, import one, export one.")


@verb(TRAIN, into=model_app, example="nftgan model info runs --json")
def info(ui: Ui, model: Annotated[str, typer.Argument(help="File, run, URL or 'base'.")]) -> Any:
    """Show a model's architecture, lineage and licence."""
    from nftgan.cli.ui import plain
    from nftgan.workflows.model import model_info

    result = model_info(model, progress=ui)
    ui.table(f"Model {model}", ("", ""), [(key, plain(value)) for key, value in result.items()])
    return result


@verb(
    TRAIN, into=model_app, name="import", example="nftgan model import art.pkl -o art.safetensors"
)
def import_(
    ui: Ui,
    model: Annotated[str, typer.Argument(help="A published .pkl; nothing in it is ever run.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="A .safetensors.")],
) -> Any:
    """Convert a published StyleGAN checkpoint.

    Says what its licence means; nothing in the file is run.
    """
    from nftgan.workflows.model import model_import

    result = model_import(model, output, progress=ui)
    ui.print(f"{result.output}: {result.identity}")
    if result.notice:
        ui.warn(result.notice)
    return result


@verb(TRAIN, into=model_app, example="nftgan model export runs -o art.safetensors --format float16")
def export(
    ui: Ui,
    model: Annotated[str, typer.Argument(help="File, run, URL or 'base'.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The new file.")],
    format: Annotated[str, typer.Option(help="float32, float16 or generator.")] = "float32",
) -> Any:
    """Write a model in another form.

    Half as large, or without its discriminator.
    """
    from nftgan.workflows.model import model_export

    result = model_export(model, output, format, progress=ui)
    ui.print(f"{result.output}: {result.size_bytes:,} bytes, {result.identity}")
    return result


@verb(EXPLORE, example="nftgan blend base runs --at L3 -o blend.safetensors")
def blend(
    ui: Ui,
    low: Annotated[str, typer.Argument(help="Its first layers: pose and shape.")],
    high: Annotated[str, typer.Argument(help="Its later layers: colour and strokes.")],
    at: Annotated[
        str, typer.Option(metavar="RES|LAYER", help="Where the second begins: 64, or L5.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="A .safetensors.")],
) -> Any:
    """Blend two networks by layers into a new model.

    Both have one architecture: a model and one that was fine-tuned from it. The new file names
    both.
    """
    from nftgan.workflows.model import blend_models

    result = blend_models(low, high, output, at, progress=ui)
    ui.print(f"{result.output}: {result.identity}")
    ui.print(f"of the second model: {', '.join(result.layers)}")
    return result
