"""Where a seed may stand, the file of a latent may too: both become numbers of one recipe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from nftgan.errors import UsageError
from nftgan.progress import SILENT, Progress
from nftgan.synthesis.latent import MAX_LATENTS, Latent
from nftgan.synthesis.latent_files import LatentFile, read_latent
from nftgan.synthesis.model import Model
from nftgan.synthesis.recipe import Recipe


@dataclass(frozen=True)
class Placed:
    """The seeds, and the numbers of the latents among them, in the order that was asked for."""

    numbers: tuple[int, ...]
    latents: tuple[Latent, ...]
    names: Mapping[int, str]  # of latents: their file, without its ending
    targets: Mapping[int, np.ndarray]  # of latents: uint8 [R, R, 3 or 4], what they are from

    def within(self, recipe: Recipe, c_dim: int = 0) -> Recipe:
        """`recipe` with these latents, which also holds those that it had.

        A conditional model needs a class only for seeds: a latent has its own.
        """
        known = [one.latent for one in recipe.latents if one.latent is not None]
        found = recipe.with_latents([*known, *self.latents])
        told = found.class_idx is not None or found.condition is not None
        if c_dim and not told and all(one in self.names for one in self.numbers):
            found = replace(found, class_idx=0)
        return found

    def part(self, start: int, recipe: Recipe, c_dim: int) -> Recipe:
        """`within` for the MAX_LATENTS places from `start` on: a recipe holds no more latents."""
        numbers = self.numbers[start : start + MAX_LATENTS]
        latents = tuple(one for one in self.latents if one.number in numbers)
        return replace(self, numbers=numbers, latents=latents).within(recipe, c_dim)

    def name(self, number: int) -> str:
        """How to speak of it."""
        return f"{self.names[number]}.npz" if number in self.names else f"seed {number}"


def place(
    model: Model,
    places: Sequence[int | Path],
    *,
    progress: Progress = SILENT,
    repeats: bool = False,
) -> Placed:
    """Read the files among `places`; see `read_latent`.

    Raises UsageError for a latent of another model, one that the model cannot take, and one that
    is named twice unless `repeats` allows it.
    """
    files: dict[Path, LatentFile] = {}
    numbers: list[int] = []
    names: dict[int, str] = {}
    targets: dict[int, np.ndarray] = {}
    for one in places:
        if not isinstance(one, Path):
            numbers.append(int(one))
            continue
        known = one in files
        if not known:
            files[one] = _read(model, one, progress)
        number = files[one].latent.number
        if number in names and not (repeats and known):
            raise UsageError(f"{one.name} and {names[number]}.npz hold the same latent")
        numbers.append(number)
        names[number] = one.stem
        target = files[one].target
        if target is not None and target.shape[:2] == (model.resolution, model.resolution):
            targets[number] = target
    seeds = [int(one) for one in places if not isinstance(one, Path)]
    if both := set(seeds) & set(names):
        number = min(both)
        raise UsageError(f"seed {number} is also the number of the latent {names[number]}.npz")
    return Placed(tuple(numbers), tuple(one.latent for one in files.values()), names, targets)


def _read(model: Model, path: Path, progress: Progress) -> LatentFile:
    file = read_latent(path)
    if file.model is None:
        progress.warn(f"{path.name} does not say which model it belongs to")
    elif file.model != model.identity:
        raise UsageError(
            f"{path} is a latent of the model {file.model[:19]}…, this one is"
            f" {model.identity[:19]}…",
            hint="project the image with this model",
        )
    try:
        file.latent.ws(model.generator.num_ws, model.generator.w_dim)
    except UsageError as exc:
        raise UsageError(f"{path}: {exc.message}", hint=exc.hint) from exc
    return file
