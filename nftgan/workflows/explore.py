"""morph and mix: what lies between the seeds of a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nftgan.errors import UsageError
from nftgan.files import read_json, write_json
from nftgan.ipfs import cid_of_path
from nftgan.memory import check_memory
from nftgan.networks.sources import model_source
from nftgan.progress import SILENT, Progress, track
from nftgan.synthesis.animation import check_animation, flattened, write_animation
from nftgan.synthesis.generate import write_sheet
from nftgan.synthesis.mixing import grid_of_mixes
from nftgan.synthesis.model import Model, load_model
from nftgan.synthesis.recipe import Finish, Recipe
from nftgan.synthesis.walk import Walk
from nftgan.workflows.places import place
from nftgan.workflows.results import result

WALK_VERSION = 1


@dataclass(frozen=True)
class RenderOptions:
    """The part of a recipe that these verbs offer; trunc: truncation psi."""

    trunc: float = 1.0
    class_idx: int | None = None
    finish: Finish | None = None
    cutoff: int | None = None
    translate: tuple[float, float] = (0.0, 0.0)
    rotate: float = 0.0
    art_colours: bool = False  # only colours that the art has
    condition: tuple[float, ...] | None = None

    def of(self, model: Model) -> Recipe:
        """The recipe of `model` with these options."""
        finish = model.in_art_colours(self.finish) if self.art_colours else self.finish
        return model.recipe(
            truncation_psi=self.trunc,
            truncation_cutoff=self.cutoff,
            class_idx=self.class_idx,
            condition=self.condition,
            translate=self.translate,
            rotate=self.rotate,
            finish=finish,
        )


@dataclass(frozen=True)
class MorphResult:
    """The animation, its length in frames, its CID, and the recipe that makes it again."""

    output: Path
    frames: int
    recipe: Path
    cid: str


@dataclass(frozen=True)
class MixResult:
    """The grid and its size in images, without the row and column that head it."""

    output: Path
    rows: int
    columns: int


def morph(
    model: str,
    seeds: Sequence[int | Path],
    output: Path,
    *,
    options: RenderOptions,
    steps: int = 30,
    kind: str = "cubic",
    fps: float = 30,
    classes: Sequence[int] = (),
    progress: Progress = SILENT,
) -> MorphResult:
    """Write an endless animation that visits `seeds`; see `Walk` for steps, kind and classes.

    A path among the seeds is the file of a latent.

    Beside it lies `OUTPUT.json`, from which `morph_again` makes it again. Raises UsageError for a
    model, options or a file ending that cannot be.
    """
    check_animation(output, fps)
    loaded = load_model(model_source(model))
    if classes and options.class_idx is not None:
        raise UsageError("--class and --classes say the class twice", hint="give one of them")
    if classes and options.condition is not None:
        raise UsageError("--classes walks between classes, not from a condition")
    placed = place(loaded, seeds, progress=progress, repeats=True)
    recipe = replace(options, class_idx=classes[0] if classes else options.class_idx).of(loaded)
    recipe = placed.within(recipe, loaded.generator.c_dim)
    walk = Walk(loaded, placed.numbers, recipe, steps=steps, kind=kind, classes=classes)
    return _write_walk(walk, recipe, steps, kind, fps, output, progress)


def morph_again(
    model: str, recipe: Path, output: Path, *, progress: Progress = SILENT
) -> MorphResult:
    """Write the animation that `recipe`, a file beside an earlier one, describes.

    Raises UsageError for another file, and for another model than the one that it names.
    """
    document = read_json(recipe)
    if not isinstance(document, dict) or document.get("nftgan_walk") != WALK_VERSION:
        raise UsageError(
            f"{recipe} is no recipe of a walk", hint="give the .json beside an earlier animation"
        )
    try:
        seeds, steps, kind, fps = (
            document["seeds"],
            document["steps"],
            document["kind"],
            document["fps"],
        )
        classes, latents = document.get("classes", []), document.get("latents", [])
        lists = all(isinstance(one, list) for one in (seeds, classes, latents))
        plain = type(steps) is int and type(fps) in (int, float) and lists
        if not (plain and all(type(one) is int for one in [*seeds, *classes])):
            raise UsageError(f"{recipe} holds something that is no number")
        wanted = Recipe.from_json(document["recipe"], str(recipe))
        wanted = wanted.holding_json(latents, str(recipe))
    except KeyError as exc:
        raise UsageError(f"{recipe}: {exc.args[0]!r} is missing") from None
    check_animation(output, fps)
    loaded = load_model(model_source(model))
    if loaded.identity != wanted.model:
        raise UsageError(
            f"{recipe.name} was made with the model {wanted.model}, not {loaded.identity}",
            hint="name that model with -m",
        )
    walk = Walk(loaded, seeds, wanted, steps=steps, kind=kind, classes=classes)
    return _write_walk(walk, wanted, steps, kind, fps, output, progress)


def _write_walk(
    walk: Walk,
    recipe: Recipe,
    steps: int,
    kind: str,
    fps: float,
    output: Path,
    progress: Progress,
) -> MorphResult:
    if walk.transparent and (note := flattened(output)):
        progress.note(note)
    if output.suffix.lower() != ".mp4":  # the others are written when all frames are there
        height, width, channels = walk.frame(0).shape
        check_memory(
            len(walk) * height * width * channels,
            f"{len(walk):,} frames of {width}x{height} pixels",
            hint="write an .mp4, which takes them one by one, or give fewer --steps or --seeds",
        )
    with result(output, progress):
        frames = write_animation(output, track(walk, progress, "walking", "frames"), fps=fps)
    beside = output.with_name(f"{output.name}.json")
    cid = cid_of_path(output)
    document: dict[str, Any] = {
        "nftgan_walk": WALK_VERSION,
        "recipe": recipe.to_json(),
        "seeds": list(walk.seeds),
        "steps": steps,
        "kind": kind,
        "fps": fps,
        "frames": frames,
        "cid": cid,
    }
    if walk.classes:
        document["classes"] = list(walk.classes)
    if recipe.stored:
        document["latents"] = recipe.stored
    with result(beside, progress):
        write_json(beside, document)
    return MorphResult(output, frames, beside, cid)


def mix(
    model: str,
    rows: Sequence[int | Path],
    columns: Sequence[int | Path],
    output: Path,
    *,
    options: RenderOptions,
    layers: Sequence[int] | None = None,
    progress: Progress = SILENT,
) -> MixResult:
    """Write the grid whose image (r, c) has the styles of r, and of c in `layers`.

    A path among rows and columns is the file of a latent.

    Raises UsageError for a model, options or layers that cannot be.
    """
    if output.suffix.lower() != ".png":
        raise UsageError(f"a mix is a PNG, not {output.name}", hint=f"-o {output.stem}.png")
    loaded = load_model(model_source(model))
    if layers is not None and set(layers) >= set(range(loaded.generator.num_ws)):
        progress.warn("all layers are taken from the column: nothing is left of the rows")
    both = place(loaded, [*rows, *columns], progress=progress, repeats=True)
    recipe = both.within(options.of(loaded), loaded.generator.c_dim)
    down, across = both.numbers[: len(rows)], both.numbers[len(rows) :]
    grid = grid_of_mixes(loaded, down, across, recipe, layers=layers)
    with result(output, progress):
        write_sheet(output, grid)
    return MixResult(output, len(rows), len(columns))
