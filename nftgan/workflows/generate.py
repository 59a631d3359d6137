"""generate: quick previews of many seeds, one PNG each and a contact sheet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from nftgan.networks.sources import model_source
from nftgan.ops.device import device_named
from nftgan.png import write_png
from nftgan.progress import SILENT, Progress, track
from nftgan.synthesis.captions import captioned
from nftgan.synthesis.finish import upscale
from nftgan.synthesis.generate import contact_sheet, write_sheet
from nftgan.synthesis.latent import MAX_LATENTS
from nftgan.synthesis.latents import check_recipe
from nftgan.synthesis.model import load_model
from nftgan.synthesis.recipe import Finish
from nftgan.workflows.places import place
from nftgan.workflows.results import result

CELL = 128  # pixels that smaller images are enlarged to on a sheet
MAX_SHEET = 400
"""Images on one contact sheet; more could not be seen anyway."""


@dataclass(frozen=True)
class GenerateResult:
    """Where the images are; the seeds are in their names."""

    folder: Path
    images: int
    model: str
    sheet: Path | None


def generate(
    model: str,
    seeds: Sequence[int | Path],
    output: Path,
    *,
    trunc: float = 1.0,
    cutoff: int | None = None,
    class_idx: int | None = None,
    condition: Sequence[float] | None = None,
    translate: tuple[float, float] = (0.0, 0.0),
    rotate: float = 0.0,
    finish: Finish | None = None,
    art_colours: bool | None = None,
    grid: bool = False,
    numbers: bool = True,
    device: str | None = None,
    progress: Progress = SILENT,
) -> GenerateResult:
    """`output/seedNNNN.png` for every seed, `latent-NAME.png` for every file of a latent, and
    `grid.png` when asked for; see `result` for what happens to files of that name.

    finish: None for that of the art, where the model knows it as pixel art, else none. Small images
    are enlarged on the sheet; numbers: with the seed under each. art_colours: only colours that the
    art has, or any; None: as the finish says. condition: what a model trained with vectors is told,
    instead of a class.
    Raises UsageError for a model or a look that cannot be.
    """
    loaded = load_model(model_source(model), device=device_named(device))
    if art_colours is None and finish is None and (note := loaded.colours_note()):
        progress.note(note)
    finish = finish or loaded.preview_finish()
    if art_colours:
        finish = loaded.in_art_colours(finish)
    elif art_colours is False and finish is not None:
        finish = replace(finish, colours="")
    recipe = loaded.recipe(
        truncation_psi=trunc,
        truncation_cutoff=cutoff,
        class_idx=class_idx,
        condition=condition,
        translate=translate,
        rotate=rotate,
        finish=finish,
    )
    placed = place(loaded, seeds, progress=progress)
    c_dim = loaded.generator.c_dim
    check_recipe(loaded.generator, placed.part(0, recipe, c_dim))  # before work
    previews = (
        pair
        for start in range(0, len(seeds), MAX_LATENTS)
        for pair in loaded.previews(
            placed.numbers[start : start + MAX_LATENTS], placed.part(start, recipe, c_dim)
        )
    )
    kept: list[np.ndarray] = []
    for seed, image in track(previews, progress, "generating", "images", len(seeds)):
        named = f"latent-{placed.names[seed]}" if seed in placed.names else f"seed{seed:04d}"
        with result(output / f"{named}.png", progress) as path:
            write_png(path, image)
        if len(kept) < MAX_SHEET:
            kept.append(image)
    sheet = None
    if grid:
        sheet = output / "grid.png"
        factor = max(1, CELL // len(kept[0]))
        with result(sheet, progress):
            shown = [upscale(image, factor) for image in kept]
            if numbers:
                texts = [placed.names.get(n, str(n)) for n in placed.numbers[: len(kept)]]
                shown = captioned(shown, texts)
            write_sheet(sheet, contact_sheet(shown, gap=2))
        if len(seeds) > MAX_SHEET:
            progress.note(f"the grid shows the first {MAX_SHEET} of {len(seeds)} images")
    return GenerateResult(output, len(seeds), loaded.identity, sheet)
