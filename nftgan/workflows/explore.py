"""morph, mix and project: what lies between the seeds of a model, and where a picture lies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nftgan.dataset.crop import Crop, square
from nftgan.dataset.decode import Rejected, decode
from nftgan.dataset.resize import Resample, resize
from nftgan.errors import UsageError
from nftgan.progress import SILENT, Progress, track
from nftgan.synthesis import projection
from nftgan.synthesis.generate import write_sheet
from nftgan.synthesis.mixing import grid_of_mixes
from nftgan.synthesis.model import Model, load_model
from nftgan.synthesis.png import write_png
from nftgan.synthesis.recipe import Finish, Recipe
from nftgan.synthesis.walk import Walk, write_animation
from nftgan.workflows.sources import model_source

WHITE = (255, 255, 255)


@dataclass(frozen=True)
class Look:
    """The part of a recipe that these verbs offer; trunc: truncation psi."""

    trunc: float = 1.0
    label: int | None = None
    finish: Finish | None = None

    def of(self, model: Model) -> Recipe:
        """The recipe of `model` with this look."""
        return model.recipe(trunc=self.trunc, label=self.label, finish=self.finish)


@dataclass(frozen=True)
class MorphResult:
    """The animation and its length in frames."""

    output: Path
    frames: int


@dataclass(frozen=True)
class MixResult:
    """The grid and its size in pictures, without the row and column that head it."""

    output: Path
    rows: int
    columns: int


@dataclass(frozen=True)
class ProjectResult:
    """The latent (.npz, key w), the picture it gives, and the distance from the one asked for."""

    latent: Path
    image: Path
    distance: float


def morph(
    model: str,
    seeds: Sequence[int],
    output: Path,
    *,
    look: Look,
    steps: int = 30,
    kind: str = "cubic",
    fps: float = 30,
    progress: Progress = SILENT,
) -> MorphResult:
    """Write an endless animation that visits `seeds`; see `Walk` for steps and kind.

    Raises UsageError for a model, a look or a file ending that cannot be.
    """
    loaded = load_model(model_source(model))
    walk = Walk(loaded, seeds, look.of(loaded), steps=steps, kind=kind)
    frames = track(walk, progress, "walking", "frames")
    return MorphResult(output, write_animation(output, frames, fps=fps))


def mix(
    model: str,
    rows: Sequence[int],
    columns: Sequence[int],
    output: Path,
    *,
    look: Look,
    layers: Sequence[int] | None = None,
) -> MixResult:
    """Write the grid whose picture (r, c) has the styles of r, and of c in `layers`.

    Raises UsageError for a model, a look or layers that cannot be.
    """
    loaded = load_model(model_source(model))
    write_sheet(output, grid_of_mixes(loaded, rows, columns, look.of(loaded), layers=layers))
    return MixResult(output, len(rows), len(columns))


def project(
    model: str,
    picture: Path,
    output: Path,
    *,
    steps: int = 500,
    label: int | None = None,
    progress: Progress = SILENT,
) -> ProjectResult:
    """Find the latent whose picture is closest to `picture`, cropped to its centre and scaled.

    Raises UsageError for a picture that cannot be read.
    """
    loaded = load_model(model_source(model))
    found = projection.project(
        loaded, _target(picture, loaded.resolution), steps=steps, label=label, progress=progress
    )
    latent, image = output / f"{picture.stem}.npz", output / f"{picture.stem}.png"
    output.mkdir(parents=True, exist_ok=True)
    projection.save_latent(latent, found.ws)
    write_png(image, found.image)
    return ProjectResult(latent, image, found.distance)


def _target(picture: Path, side: int) -> np.ndarray:
    try:
        decoded = decode(picture.read_bytes(), WHITE)
        cropped, _ = square(decoded.image, Crop.CENTER, WHITE)
    except OSError as exc:
        raise UsageError(f"{picture} cannot be read: {exc.strerror or exc}") from None
    except Rejected as exc:
        raise UsageError(f"{picture}: {exc}", hint="use a picture that prepare accepts") from None
    resized, _ = resize(cropped, side, Resample.AUTO)
    return np.asarray(resized)
