"""The verb train; its options are those of `nftgan/training/options.py`."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nftgan.cli.help import ADVANCED, show_all
from nftgan.cli.options import start_group
from nftgan.cli.ui import Ui, shell
from nftgan.cli.verbs import TRAIN, verb
from nftgan.training.options import OPTIONS, Option

if TYPE_CHECKING:
    from nftgan.workflows.train import TrainPlan


MOST_USED = "Most used"


def takes_training_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a verb the options of training in the place of its `**options`.

    The verb gets them by name, with texts read. A wrong text raises UsageError.
    """
    shown = {name: one for name, one in OPTIONS.items() if one.flag is not None}

    @functools.wraps(function)
    def command(*arguments: Any, **given: Any) -> Any:
        for name, one in shown.items():
            if one.parse is not None:
                given[name] = one.parse(given[name])
        return function(*arguments, **given)

    signature = inspect.signature(function, eval_str=True)
    parameters = []
    for own in signature.parameters.values():
        if own.kind is inspect.Parameter.VAR_KEYWORD:
            in_order = sorted(shown.values(), key=lambda one: not one.first)
            parameters += [_parameter(one) for one in in_order]
        else:
            keyword = own.replace(kind=inspect.Parameter.KEYWORD_ONLY)
            parameters.append(own if own.name == "ui" else keyword)
    parameters.sort(key=lambda one: one.name == "dry_run")
    command.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    return command


def _parameter(one: Option) -> inspect.Parameter:
    """The option as Typer reads it."""
    default = one.text if one.parse is not None else one.default
    kind: Any = str if one.parse is not None else one.python
    spelled = f"--{one.flag}"
    if one.python is bool and default is not False:
        spelled += f"/--no-{one.flag}"
    about = typer.Option(
        spelled,
        help=one.help if one.default is not None or one.parse else f"{one.help} Else: {one.unset}.",
        rich_help_panel=MOST_USED if one.first else f"{ADVANCED}{one.group}",
        show_default=default is not None,
    )
    return inspect.Parameter(
        one.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=default,
        annotation=Annotated[kind | None if default is None else kind, about],
    )


@verb(
    TRAIN,
    group=True,
    example="nftgan train my-art.zip -o runs --preset 256 --resume base.safetensors --kimg 200",
)
@takes_training_options
def train(
    ui: Ui,
    dataset: Annotated[
        Path, typer.Argument(help="Data set made by prepare, or a StyleGAN zip or folder.")
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="RUNS",
            help="Folder of run folders. Else: that of the run which --resume goes on with.",
        ),
    ] = None,
    gpus: Annotated[int, typer.Option(min=1, help="Processes that train as one, one per GPU.")] = 1,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", "-n", help="Show options, time, memory and disk by a few steps, and stop."
        ),
    ] = False,
    price_per_hour: Annotated[
        float | None,
        typer.Option(min=0, help="Of this machine: --dry-run then tells the cost."),
    ] = None,
    help_all: Annotated[
        bool,
        typer.Option(
            "--help-all",
            is_eager=True,
            expose_value=False,
            callback=show_all,
            help="Show the advanced options, too, and stop.",
        ),
    ] = False,
    **options: Any,
) -> Any:
    """Train a network on a data set, or go on with it.

    The same command again goes on where it stopped.
    """
    if not dry_run:
        start_group(gpus)
    ui.note(f"reading {dataset}")  # before seconds of imports
    from nftgan.training.presets import default_preset
    from nftgan.workflows.train import plan_training, run_advice, run_training, tick_line

    plan = plan_training(dataset, output, progress=ui, **options)
    ui.note(f"{'going on in' if plan.continues else 'new run'} {plan.run_dir}")
    for line in plan.notes:
        ui.note(line)
    if (squares := plan.config.dataset.pixel_grid) and options["cfg"] is None:
        ui.note(f"pixel art of {squares} squares: {plan.config.cfg} (--cfg for another)")
    facts = plan.config.dataset
    full = default_preset(facts.resolution, "cuda")
    if options["preset"] is None and options["resume"] is None and plan.config.preset != full:
        ui.warn(
            f"no GPU: the networks of preset {plan.config.preset} are trained; those of {full} need"
            f" one, and here 12 GB and more (--preset {full})"
        )
    if dry_run:
        return _show(ui, plan, price_per_hour, gpus)
    last = None
    for last in run_training(plan, progress=ui):
        ui.step(tick_line(last))
    if last is not None and last.images < last.total_images:
        ui.print(
            f"--hours ended it at {last.images / 1000:g} of {last.total_images / 1000:g} kimg:"
            " the same command goes on"
        )
    if (words := run_advice(plan.run_dir)) is not None:
        ui.print(words)
    ui.print(
        f"next: [bold]nftgan generate -m {shell(plan.run_dir)} --seeds 0-63 --trunc 0.7 --grid"
        " -o candidates[/]"
    )
    return {"run": plan.run_dir, "last": last}


def _show(ui: Ui, plan: TrainPlan, price: float | None, gpus: int) -> dict[str, Any]:
    """Every option with who decided it, what follows from them, and what the run will take."""
    from nftgan.cli.ui import plain
    from nftgan.workflows.train_estimate import estimate

    rows = [(f"{one.name}", plain(one.value), one.decided_by) for one in plan.options]
    ui.table("Options", ("option", "value", "decided by"), rows)
    config = plan.config.to_json()
    follows = [(key, plain(value)) for key, value in config.items() if key not in OPTIONS]
    ui.table("What follows", ("", "value"), follows)
    ui.note("measuring a few steps, for up to 20 seconds")
    found = estimate(plan, price_per_hour=price, processes=gpus)
    ui.table("On this machine", ("", "what is left of the run takes"), found.lines())
    for warning in found.warnings:
        ui.warn(warning)
    return {
        "run": plan.run_dir,
        "continues": plan.continues,
        "options": config,
        "estimate": found,
    }
