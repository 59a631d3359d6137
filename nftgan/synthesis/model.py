"""A model that makes images: `load_model` opens it; previews are quick, renders canonical."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch

from nftgan.config import RecipeSection
from nftgan.errors import UsageError
from nftgan.networks.model_file import load_networks, model_identity
from nftgan.networks.sources import model_source
from nftgan.synthesis import canonical
from nftgan.synthesis.generate import BATCH, Previews
from nftgan.synthesis.latents import one_hot
from nftgan.synthesis.recipe import (
    Finish,
    PixelArt,
    Recipe,
    finish_from_section,
    recipe_from_section,
)

_T = TypeVar("_T")

PREVIEW = 256  # pixels that a preview of pixel art is enlarged to


def load_model(source: str | Path, *, device: str = "cpu") -> Model:
    """The model that `source` names: a .safetensors or published .pkl, a run folder (its newest
    whole snapshot), a folder of runs (its newest run), a URL with #sha256=, or "base".

    Nothing in the file is ever run. Raises UsageError for a broken or missing file, ServiceError
    for a URL.
    """
    loaded = load_networks(model_source(source), device=device)
    return Model(loaded.generator, loaded.discriminator, loaded.identity, loaded.info)


class Model:
    """A generator with its name: `identity` "sha256:…", `info` a dict of architecture and lineage.

    `generator` and `discriminator` (or None) are torch modules.
    """

    def __init__(
        self,
        generator: Any,
        discriminator: Any = None,
        identity: str | None = None,
        info: dict[str, Any] | None = None,
    ) -> None:
        self.generator = generator.eval()
        self.discriminator = None if discriminator is None else discriminator.eval()
        self.identity = identity or model_identity(generator.config, generator.state_dict())
        self.info = info or {}

    def __repr__(self) -> str:
        return f"<Model {self.identity[:19]}… {self.resolution} px>"

    @property
    def resolution(self) -> int:
        """Pixels a side."""
        return int(self.generator.img_resolution)

    def recipe(
        self,
        *,
        truncation_psi: float | None = None,
        truncation_cutoff: int | None = None,
        class_idx: int | None = None,
        translate: tuple[float, float] = (0.0, 0.0),
        rotate: float = 0.0,
        finish: Finish | None = None,
        trunc: float | None = None,
        cutoff: int | None = None,
        label: int | None = None,
    ) -> Recipe:
        """The recipe of this model with these values; see `Recipe` for their units.

        truncation_psi is 1 if not given. `trunc`, `cutoff` and `label` are short names of
        truncation_psi, truncation_cutoff and class_idx. Raises UsageError for both names of one.
        """
        side = finish.size(self.resolution) if finish else self.resolution
        psi = _either("truncation_psi", truncation_psi, "trunc", trunc)
        return Recipe(
            self.identity,
            (side, side),
            1.0 if psi is None else psi,
            _either("truncation_cutoff", truncation_cutoff, "cutoff", cutoff),
            _either("class_idx", class_idx, "label", label),
            translate,
            rotate,
            finish,
        )

    def recipe_of(self, section: RecipeSection) -> Recipe:
        """The recipe that [recipe] of nftgan.toml asks of this model."""
        art = PixelArt.of(self.info.get("meta", self.info))
        return recipe_from_section(
            section, model=self.identity, resolution=self.resolution, art=art
        )

    def preview_finish(self) -> Finish | None:
        """How previews of pixel art look like its pieces: on its grid, in its few colours.

        None for other art, whose previews are the generator's own pixels.
        """
        art = PixelArt.of(self.info.get("meta", self.info))
        if not art.grid:
            return None
        finish = finish_from_section(RecipeSection(upscale=1), self.resolution, art)
        side = finish.size(self.resolution)
        return replace(finish, upscale=max(1, PREVIEW // side))

    def previews(
        self, seeds: Sequence[int], recipe: Recipe | None = None, *, batch: int = BATCH, **look: Any
    ) -> Previews:
        """A sized iterable of (seed, uint8 [H, W, 3]) in float32; `look`: as for `recipe`."""
        return Previews(self.generator, seeds, self._recipe(recipe, look), batch=batch)

    def generate(
        self, seeds: Sequence[int], recipe: Recipe | None = None, *, batch: int = BATCH, **look: Any
    ) -> np.ndarray:
        """uint8 [N, H, W, 3], preview precision.

        As `model.generate(seeds=[1, 2], truncation_psi=0.7)`.
        """
        previews = self.previews(seeds, recipe, batch=batch, **look)
        height, width = reversed(self._recipe(recipe, look).size)
        images = np.empty((len(previews), height, width, 3), dtype=np.uint8)
        for row, (_, image) in enumerate(previews):
            images[row] = image
        return images

    def render(self, seed: int, recipe: Recipe | None = None, **look: Any) -> np.ndarray:
        """The canonical uint8 [H, W, 3]: `model.render(seed=1, truncation_psi=0.7)`."""
        return self.render_checked(seed, recipe, **look).image

    def render_checked(
        self, seed: int, recipe: Recipe | None = None, **look: Any
    ) -> canonical.Rendered:
        """The canonical image with the margin by which its rounding is safe."""
        return canonical.render(self._upcast, seed, self._recipe(recipe, look))

    def score(self, images: np.ndarray, class_idx: int | None = None) -> np.ndarray:
        """float64 [N]: the discriminator's logit of each uint8 [N, R, R, 3], larger is more real.

        One image at a time: the discriminator compares the images of a batch with each other,
        and a score must not depend on its neighbours. Raises UsageError without a discriminator.
        """
        if self.discriminator is None:
            raise UsageError("the model file holds no discriminator, so it cannot score images")
        own = next(self.discriminator.parameters())
        row = one_hot(class_idx, self.generator.c_dim)
        c = None if row is None else torch.from_numpy(row).to(own)
        scores = np.empty(len(images))
        for number, image in enumerate(images):
            x = torch.from_numpy(image.transpose(2, 0, 1)[None].copy()).to(own) / 127.5 - 1
            with torch.no_grad():
                logit = self.discriminator(x[:, : self.generator.img_channels], c)
            scores[number] = float(logit.item())
        return scores

    @cached_property
    def _upcast(self) -> Any:
        return canonical.upcast(self.generator)

    def _recipe(self, recipe: Recipe | None, look: dict[str, Any]) -> Recipe:
        if recipe is None:
            return self.recipe(**look)
        if look:
            raise UsageError(f"{sorted(look)[0]} is already decided by the recipe")
        if recipe.model != self.identity:
            raise UsageError(
                f"the recipe was made for the model {recipe.model}, this one is {self.identity}",
                hint="use the model that the collection was made with",
            )
        return recipe


def _either(name: str, value: _T | None, short: str, other: _T | None) -> _T | None:
    """The one of both that is given; None for neither."""
    if value is not None and other is not None:
        raise UsageError(f"{short} is a short name of {name}: give one of them")
    return other if value is None else value
