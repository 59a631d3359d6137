"""What the studio may do to a collection beside choosing: write its look, take later steps."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from nftgan.collection.manifest import Manifest
from nftgan.collection.settings import check_settings
from nftgan.collection.toml_edit import edit_section
from nftgan.config import ProjectConfig, from_mapping, read_toml
from nftgan.errors import NftganError, UsageError
from nftgan.files import translated_os_errors, write_bytes
from nftgan.progress import Progress
from nftgan.project import Project
from nftgan.seeds import MAX_SEED
from nftgan.studio.steps import Step
from nftgan.studio.walks import MAX_STEPS, MAX_STOPS, refuse_latents
from nftgan.synthesis.model import Model
from nftgan.synthesis.recipe import Recipe
from nftgan.words import counted
from nftgan.workflows.explore import RenderOptions, morph
from nftgan.workflows.metadata import metadata
from nftgan.workflows.pin import pin
from nftgan.workflows.render import render
from nftgan.workflows.site import site

FILM = "walk.mp4"


class TomlLook:
    """[recipe] of a collection's nftgan.toml, for one model."""

    def __init__(self, path: Path, model: Model) -> None:
        self._path, self._model = path, model

    def read(self) -> dict[str, Any]:
        return dict(read_toml(self._path).get("recipe", {}))

    def write(self, values: Mapping[str, Any]) -> tuple[dict[str, Any], Recipe]:
        """Set `values`; an error leaves the file as it was."""
        with translated_os_errors(self._path):
            whole = self._path.read_bytes()
        try:
            before = edit_section(self._path, "recipe", values)
            config = from_mapping(ProjectConfig, read_toml(self._path), str(self._path))
            check_settings(config)
            recipe = self._model.recipe_of(config.recipe)
            if recipe.finish and recipe.finish.grid > self._model.resolution:
                raise UsageError(
                    f"a grid of {recipe.finish.grid} is finer than the image of"
                    f" {self._model.resolution} pixels"
                )
        except NftganError:
            write_bytes(self._path, whole)
            raise
        return before, recipe


def later_steps(root: Path, source: str, recipe_now: Callable[[], Recipe]) -> dict[str, Step]:
    """The verbs that come after curation, by name; source: the model as it can be
    named. recipe_now: of a film.
    """

    def opened() -> Project:
        return Project(root)  # anew: nftgan.toml may have changed

    def do_render(progress: Progress, wish: Mapping[str, Any]) -> str:
        made = render(opened(), processes=max(1, (os.cpu_count() or 2) - 1), progress=progress)
        return f"{counted(made.rendered, 'image')} made, {made.skipped} kept, in images/"

    def do_metadata(progress: Progress, wish: Mapping[str, Any]) -> str:
        made = metadata(opened(), progress=progress)
        described, written = counted(made.pieces, "piece"), counted(made.written, "file")
        return f"{described} described in metadata/, {written} written"

    def do_pin(progress: Progress, wish: Mapping[str, Any]) -> str:
        made = pin(opened(), progress=progress)
        return f"packed into {made.car.name}, and read back" if made.car else "packed"

    def do_site(progress: Progress, wish: Mapping[str, Any]) -> str:
        made = site(opened(), root / "site", progress=progress)
        return f"the collector's page is {made.path / 'index.html'}"

    def do_film(progress: Progress, wish: Mapping[str, Any]) -> str:
        recipe = recipe_now()
        seeds, steps, kind, fps = _walk(wish)
        refuse_latents(recipe, seeds)
        options = RenderOptions(
            recipe.trunc,
            recipe.class_idx,
            recipe.finish,
            recipe.cutoff,
            recipe.translate,
            recipe.rotate,
            condition=recipe.condition,
        )
        morph(
            source,
            seeds,
            root / FILM,
            options=options,
            steps=steps,
            kind=kind,
            fps=fps,
            progress=progress,
        )
        return f"the film is {root / FILM}"

    return {
        "render": do_render,
        "metadata": do_metadata,
        "pin": do_pin,
        "site": do_site,
        "film": do_film,
    }


def pieces_as_made(root: Path) -> tuple[int, ...] | None:
    """The seeds that are pieces by now; None before there are any, or where they cannot be read."""
    try:
        return Manifest.load(Project(root).manifest_path).seeds
    except (NftganError, OSError):
        return None


def _walk(wish: Mapping[str, Any]) -> tuple[list[int], int, str, float]:
    """What a page says of a walk, checked."""
    seeds, steps, kind = wish.get("seeds"), wish.get("steps"), wish.get("kind")
    fps = wish.get("fps", 30)
    if not isinstance(seeds, list) or not 2 <= len(seeds) <= MAX_STOPS:
        raise UsageError(f"a film has from 2 to {MAX_STOPS} stops")
    if not all(type(seed) is int and 0 <= seed <= MAX_SEED for seed in seeds):
        raise UsageError(f"a seed is a whole number from 0 to {MAX_SEED}")
    if type(steps) is not int or not 1 <= steps <= MAX_STEPS:
        raise UsageError(f"frames a stop are from 1 to {MAX_STEPS}")
    if kind not in ("cubic", "linear", "slerp"):
        raise UsageError(f"there is no path {kind!r}")
    if not isinstance(fps, int | float) or isinstance(fps, bool) or not 1 <= fps <= 100:
        raise UsageError("fps is a number from 1 to 100")
    return seeds, steps, kind, float(fps)
