"""Verbs of the panel 'Make': prepare, train, model, generate, curate, render, metadata."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from nftgan.cli.options import (
    Cutoff,
    Device,
    Filter,
    Label,
    Model,
    Palette,
    PixelGrid,
    Rotate,
    Seeds,
    Translate,
    Trunc,
    Upscale,
    parse_pair,
)
from nftgan.cli.ui import Ui
from nftgan.cli.verbs import MAKE, app, verb


@verb(MAKE, example="nftgan prepare my-art -o my-art.zip --resolution 256")
def prepare(
    ui: Ui,
    art: Annotated[Path, typer.Argument(help="Folder (or zip, or TFRecords) of images.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="ZIP", help="The data set.")],
    resolution: Annotated[
        int | None,
        typer.Option(help="Side in pixels, a power of two; else what fits.", show_default=False),
    ] = None,
    crop: Annotated[
        str, typer.Option(help="center, fit (pad) or smart (busiest part).")
    ] = "center",
    background: Annotated[str, typer.Option(help="Colour behind transparent art.")] = "white",
    min_side: Annotated[
        int | None,
        typer.Option(help="Refuse images with a shorter side.", show_default=False),
    ] = None,
    dedupe: Annotated[
        int, typer.Option(help="Refuse near-copies up to N differing hash bits; -1: keep.")
    ] = 6,
    labels: Annotated[
        str | None,
        typer.Option(help="'folders' or a CSV of file,class.", show_default=False),
    ] = None,
    outliers: Annotated[
        int, typer.Option(min=0, help="Also a sheet of the N images least like the others.")
    ] = 0,
) -> Any:
    """Turn a folder of art into a data set; bad images are refused one by one, and why."""
    from nftgan.workflows.prepare import PrepareOptions
    from nftgan.workflows.prepare import prepare as run

    options = PrepareOptions(
        resolution=resolution,
        crop=crop,
        background=background,
        min_side=min_side,
        dedupe=dedupe,
        labels=labels,
    )
    report = run(art, output, options, progress=ui)
    if report.rejected:
        ui.table("Not used", ("image", "reason"), list(report.rejected))
    ui.print(f"{report.kept} images of {report.resolution}x{report.resolution} in {report.output}")
    if report.pixel_grid:
        ui.print(f"pixel art of {report.pixel_grid} squares: training and finish follow")
    ui.print(f"fingerprint {report.fingerprint}")
    if outliers:
        from nftgan.workflows.outliers import find_outliers

        found = find_outliers(report.output, outliers, progress=ui)
        ui.table("Least like the others", ("image", "distance"), list(found.strangest))
        ui.table("Most alike", ("image", "image", "cosine"), list(found.alike))
        ui.print(f"look at {found.sheet}")
    from nftgan.networks.sources import BASE_SIDES

    start = " --resume base" if report.resolution in BASE_SIDES else ""
    ui.print(f"next: [bold]nftgan train {report.output} -o runs{start}[/]")
    return report


@verb(
    MAKE,
    example="nftgan train my-art.zip -o runs --preset 256 --resume base.safetensors --kimg 200",
)
def train(
    ui: Ui,
    dataset: Annotated[
        Path, typer.Argument(help="Data set made by prepare, or a StyleGAN zip or folder.")
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="RUNS", help="Folder of run folders.")
    ],
    cfg: Annotated[
        str | None, typer.Option(help="stylegan3-t, stylegan3-r or stylegan2.", show_default=False)
    ] = None,
    preset: Annotated[
        str | None, typer.Option(help="tiny, small, 128, 256, 512 or 1024.", show_default=False)
    ] = None,
    resume: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL",
            help="Fine-tune this model; 'base' is the one shipped.",
            show_default=False,
        ),
    ] = None,
    kimg: Annotated[
        float | None, typer.Option(help="Length in thousands of images.", show_default=False)
    ] = None,
    batch: Annotated[int | None, typer.Option(help="Images per step.", show_default=False)] = None,
    micro_batch: Annotated[
        int | None, typer.Option(help="Images in memory at once.", show_default=False)
    ] = None,
    recompute: Annotated[
        bool, typer.Option("--recompute", help="Less memory, more time; the same result.")
    ] = False,
    exact: Annotated[
        bool,
        typer.Option(
            "--exact/--no-exact", help="On a GPU: a resumed run ends as an undisturbed one."
        ),
    ] = True,
    loss: Annotated[
        str, typer.Option(help="logistic, or relativistic with R1 and R2 (R3GAN).")
    ] = "logistic",
    gamma: Annotated[
        str, typer.Option(help="R1 weight; auto follows resolution and batch.")
    ] = "auto",
    mirror: Annotated[bool, typer.Option("--mirror", help="Also show mirrored art.")] = False,
    aug: Annotated[str, typer.Option(help="ada, fixed or none.")] = "ada",
    augpipe: Annotated[str, typer.Option(help="art, bgc, bg, blit, geom, color, ...")] = "art",
    aug_p: Annotated[
        float | None,
        typer.Option(help="Augmentation probability to start from, or fixed.", show_default=False),
    ] = None,
    aug_target: Annotated[
        float, typer.Option(help="Sign of D on the art that ada steers for.")
    ] = 0.6,
    aug_cap: Annotated[float, typer.Option(help="Probability that ada never exceeds.")] = 0.8,
    freezed: Annotated[int, typer.Option(help="Freeze the first N discriminator layers.")] = 0,
    snap: Annotated[
        int | None, typer.Option(help="Ticks between snapshots.", show_default=False)
    ] = None,
    tick: Annotated[
        float | None, typer.Option(help="Thousands of images between ticks.", show_default=False)
    ] = None,
    glr: Annotated[
        float | None, typer.Option(help="Generator learning rate.", show_default=False)
    ] = None,
    dlr: Annotated[
        float | None, typer.Option(help="Discriminator learning rate.", show_default=False)
    ] = None,
    ema_kimg: Annotated[
        float | None, typer.Option(help="Half-life of the average.", show_default=False)
    ] = None,
    hours: Annotated[
        float | None, typer.Option(help="Stop, resumably, after this time.", show_default=False)
    ] = None,
    holdout: Annotated[
        float | None,
        typer.Option(help="Share of the art never shown, to judge by.", show_default=False),
    ] = None,
    metrics: Annotated[
        str, typer.Option(help="kid: against the art held out, at each snapshot; or none.")
    ] = "kid",
    cbase: Annotated[
        int | None, typer.Option(help="Channels of the finest layers.", show_default=False)
    ] = None,
    cmax: Annotated[
        int | None, typer.Option(help="Channels of the coarsest layers.", show_default=False)
    ] = None,
    map_depth: Annotated[
        int | None, typer.Option(help="Layers of the mapping network.", show_default=False)
    ] = None,
    mbstd_group: Annotated[
        int, typer.Option(help="Images compared by the minibatch deviation.")
    ] = 4,
    conditional: Annotated[
        bool | None,
        typer.Option(
            "--cond/--no-cond", help="By class; else if there are labels.", show_default=False
        ),
    ] = None,
    keep: Annotated[int, typer.Option(help="Networks kept, spread over the run.")] = 20,
    watchdog: Annotated[str, typer.Option(help="warn, or stop when the run is lost.")] = "warn",
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Also write event files for TensorBoard.")
    ] = False,
    gpus: Annotated[int, typer.Option(min=1, help="Processes that train as one, one per GPU.")] = 1,
    seed: Annotated[int, typer.Option(help="Everything random follows from it.")] = 0,
    device: Device = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", "-n", help="Show the options and stop.")
    ] = False,
) -> Any:
    """Train a generator on a data set; the same command again goes on where it stopped."""
    if gpus > 1 and not dry_run:
        from nftgan.training.launch import launch, world_size

        if world_size() == 1:
            raise SystemExit(launch(sys.argv[1:], gpus))
    from nftgan.cli.ui import plain
    from nftgan.errors import UsageError
    from nftgan.training.config import default_preset
    from nftgan.workflows.train import plan_training, run_advice, run_training, tick_line

    try:
        weight = None if gamma == "auto" else float(gamma)
    except ValueError:
        raise UsageError(f"--gamma {gamma!r} is neither a number nor auto") from None
    plan = plan_training(
        dataset,
        output,
        preset=preset,
        resume=resume,
        cfg=cfg,
        kimg=kimg,
        batch=batch,
        micro_batch=micro_batch,
        recompute=recompute,
        exact=exact,
        loss=loss,
        gamma=weight,
        mirror=mirror,
        aug=aug,
        augpipe=augpipe,
        aug_p=aug_p,
        aug_target=aug_target,
        aug_cap=aug_cap,
        freezed=freezed,
        snap=snap,
        tick=tick,
        glr=glr,
        dlr=dlr,
        ema_kimg=ema_kimg,
        hours=hours,
        holdout=holdout,
        metrics=() if metrics == "none" else tuple(metrics.split(",")),
        cbase=cbase,
        cmax=cmax,
        map_depth=map_depth,
        mbstd_group=mbstd_group,
        conditional=conditional,
        keep=keep,
        watchdog=watchdog,
        tensorboard=tensorboard,
        seed=seed,
        device=device,
    )
    ui.note(f"{'going on in' if plan.continues else 'new run'} {plan.run_dir}")
    if (squares := plan.config.dataset.pixel_grid) and cfg is None:
        ui.note(f"pixel art of {squares} squares: {plan.config.cfg} (--cfg for another)")
    facts = plan.config.dataset
    full = default_preset(facts.resolution, "cuda")
    if preset is None and resume is None and plan.config.preset != full:
        ui.warn(
            f"no GPU: the networks of preset {plan.config.preset} are trained; those of {full} need"
            f" one, and here 12 GB and more (--preset {full})"
        )
    if dry_run:
        options = plan.config.to_json()
        ui.table("Options", ("option", "value"), [(k, plain(v)) for k, v in options.items()])
        return {"run": plan.run_dir, "continues": plan.continues, "options": options}
    last = None
    for last in run_training(plan, progress=ui):
        ui.print(tick_line(last))
    if (words := run_advice(plan.run_dir)) is not None:
        ui.print(words)
    ui.print(f"next: [bold]nftgan generate -m {plan.run_dir} --seeds 0-63 --grid -o candidates[/]")
    return {"run": plan.run_dir, "last": last}


@verb(MAKE, example="nftgan generate -m runs --seeds 0-63 --trunc 0.7 --grid -o candidates")
def generate(
    ui: Ui,
    model: Model,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Folder for PNGs.")],
    seeds: Seeds = "0-63",
    trunc: Trunc = 1.0,
    cutoff: Cutoff = None,
    class_idx: Label = None,
    translate: Translate = "0,0",
    rotate: Rotate = 0.0,
    pixel_grid: PixelGrid = 0,
    palette: Palette = 0,
    upscale: Upscale = 1,
    filter: Filter = "nearest",
    grid: Annotated[bool, typer.Option("--grid", help="Also one contact sheet, grid.png.")] = False,
    device: Device = None,
) -> Any:
    """Make quick previews of many seeds; the seed of each is in its file name."""
    from nftgan.seeds import parse_seeds
    from nftgan.synthesis.recipe import Finish
    from nftgan.workflows.generate import generate as run

    plain = (pixel_grid, palette, upscale) == (0, 0, 1)
    result = run(
        model,
        parse_seeds(seeds),
        output,
        trunc=trunc,
        cutoff=cutoff,
        class_idx=class_idx,
        translate=parse_pair(translate),
        rotate=rotate,
        finish=None if plain else Finish(pixel_grid, palette, upscale, filter),
        grid=grid,
        device=device,
        progress=ui,
    )
    ui.print(f"{result.images} images in {result.folder}")
    if result.sheet:
        ui.print(f"contact sheet {result.sheet}")
    return result


model_app = typer.Typer(no_args_is_help=True, help="Look into a model file, import, export.")
app.add_typer(model_app, name="model", rich_help_panel=MAKE)


@verb(MAKE, into=model_app, example="nftgan model info runs --json")
def info(ui: Ui, model: Annotated[str, typer.Argument(help="File, run, URL or 'base'.")]) -> Any:
    """Architecture, identity, lineage and licence of a model."""
    from nftgan.cli.ui import plain
    from nftgan.workflows.model import model_info

    result = model_info(model, progress=ui)
    ui.table(f"Model {model}", ("", ""), [(key, plain(value)) for key, value in result.items()])
    return result


@verb(MAKE, into=model_app, name="import", example="nftgan model import art.pkl -o art.safetensors")
def import_(
    ui: Ui,
    model: Annotated[str, typer.Argument(help="A published .pkl; nothing in it is ever run.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="A .safetensors.")],
) -> Any:
    """Convert a published StyleGAN checkpoint, and say what its licence means."""
    from nftgan.workflows.model import model_import

    result = model_import(model, output, progress=ui)
    ui.print(f"{result.output}: {result.identity}")
    if result.notice:
        ui.warn(result.notice)
    return result


@verb(MAKE, into=model_app, example="nftgan model export runs -o art.safetensors --format float16")
def export(
    ui: Ui,
    model: Annotated[str, typer.Argument(help="File, run, URL or 'base'.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The new file.")],
    format: Annotated[str, typer.Option(help="float32, float16 or generator.")] = "float32",
) -> Any:
    """Write a model in another form: half as large, or without its discriminator."""
    from nftgan.workflows.model import model_export

    result = model_export(model, output, format, progress=ui)
    ui.print(f"{result.output}: {result.size_bytes:,} bytes, {result.identity}")
    return result
