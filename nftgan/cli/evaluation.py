"""The verb evaluate: it measures a model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from nftgan.cli.options import Device, Gpus, Model, Trunc, start_group
from nftgan.cli.ui import Ui
from nftgan.cli.verbs import TRAIN, verb


@verb(TRAIN, group=True, example="nftgan evaluate my-art.zip -m runs --metrics kid,copies")
def evaluate(
    ui: Ui,
    dataset: Annotated[Path, typer.Argument(help="The art that the model was trained on.")],
    model: Model,
    metrics: Annotated[
        str, typer.Option(metavar="NAMES", help="Some of these, or fid (extra nftgan\\[fid]).")
    ] = "kid,swd,pr,diversity,eq,copies",
    images: Annotated[
        int | None,
        typer.Option(min=8, help="Fakes to generate; else 100 to 1000.", show_default=False),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the first fake.")] = 0,
    trunc: Trunc = 1.0,
    holdout: Annotated[
        float | None,
        typer.Option(help="Share of the art held out; else as in the run.", show_default=False),
    ] = None,
    sheet: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="A PNG of the fakes closest to art, beside it.",
            show_default=False,
        ),
    ] = None,
    device: Device = None,
    gpus: Gpus = 1,
) -> Any:
    """Measure a model against art that it has not seen.

    Also finds images that copy the art it was trained on.
    """
    from nftgan.workflows.evaluate import evaluate as run

    start_group(gpus)
    result = run(
        model,
        dataset,
        metrics=metrics,
        images=images,
        seed=seed,
        trunc=trunc,
        holdout=holdout,
        sheet=sheet,
        device=device,
        progress=ui,
    )
    rows = [
        (
            name,
            _number(figure.value, figure.error),
            ""
            if figure.real_baseline is None
            else _number(figure.real_baseline, figure.real_baseline_error),
            figure.verdict,
            figure.description,
        )
        for name, figure in result.figures.items()
    ]
    kind = "art held out" if result.held_out else "one half of the art"
    ui.table(
        f"{result.fakes} fakes against {result.against} images ({kind})",
        ("figure", "model", "art itself", "", "what it is"),
        rows,
    )
    if result.copies:
        closest = result.pairs[0]
        ui.warn(
            f"{result.copies} fakes are training images again: seed {closest['seed']} is"
            f" {closest['name']}"
        )
    if result.sheet:
        ui.print(f"closest pairs in {result.sheet}")
    return result


def _number(value: float, error: float | None) -> str:
    """A figure with as many digits as its error lets mean something."""
    if error is None or error <= 0:
        return f"{value:.4g}"
    digits = 3 if error < 0.1 else 2 if error < 1 else 1 if error < 10 else 0
    return f"{value:.{digits}f} ± {error:.{digits}f}"
