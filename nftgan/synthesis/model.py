"""A model that makes images: `load_model` opens it; previews are quick, renders canonical."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from nftgan.alpha import premultiplied
from nftgan.config import RecipeSection
from nftgan.errors import UsageError
from nftgan.networks.drafts import Draft, draft_of, has_drafts
from nftgan.networks.model_file import load_networks, model_identity
from nftgan.networks.protocols import Discriminator, Generator
from nftgan.networks.sources import model_source
from nftgan.noted_art import PixelArt
from nftgan.ops.device import device_named
from nftgan.synthesis import canonical
from nftgan.synthesis.finish import apply_finish, refuse_opaque_steps
from nftgan.synthesis.generate import BATCH, Previews, images_of_ws, to_pixels
from nftgan.synthesis.grid import ImageGrid
from nftgan.synthesis.latents import check_recipe, input_transform, seeds_to_ws, told
from nftgan.synthesis.recipe import (
    UNKNOWN_COLOURS,
    Finish,
    Recipe,
    finish_from_section,
    recipe_from_section,
)

if TYPE_CHECKING:
    from typing_extensions import Unpack

_T = TypeVar("_T")
_F = TypeVar("_F", bound=Callable[..., Any])

_OF_MAPPING = {"truncation_psi", "truncation_cutoff", "class_idx", "trunc", "cutoff", "label"}
"""Beyond, the squares of float32 are infinite, and every image the same or black."""
PREVIEW = 256  # pixels that a preview of pixel art is enlarged to


def load_model(source: str | Path, *, device: str = "cpu") -> Model:
    """The model that `source` names: a .safetensors or published .pkl, a run folder (its newest
    whole snapshot), a folder of runs (its newest run), a URL with #sha256=, or "base".

    Nothing in the file is ever run. Raises UsageError for a broken or missing file, ServiceError
    for a URL.
    """
    loaded = load_networks(model_source(source), device=device)
    return Model(loaded.generator, loaded.discriminator, loaded.identity, loaded.info)


class RecipeOptions(TypedDict, total=False):
    """What `Model`'s methods take instead of a recipe, all by keyword; see `Model.recipe`."""

    truncation_psi: float | None
    truncation_cutoff: int | None
    class_idx: int | None
    condition: Sequence[float] | None
    translate: tuple[float, float]
    rotate: float
    finish: Finish | None
    trunc: float | None
    cutoff: int | None
    label: int | None


def _shows_options(function: _F) -> _F:
    """In a notebook's help and completion, each of the options instead of `**options`."""
    own = inspect.signature(function)
    options = [
        one
        for one in inspect.signature(Model.recipe).parameters.values()
        if one.kind is inspect.Parameter.KEYWORD_ONLY
    ]
    plain = [one for one in own.parameters.values() if one.name != "options"]
    vars(function)["__signature__"] = own.replace(parameters=[*plain, *options])
    return function


class Model:
    """A generator with its name: `identity` "sha256:…", `info` a dict of architecture and lineage.

    `generator` and `discriminator` (or None) are torch modules.
    """

    def __init__(
        self,
        generator: Generator,
        discriminator: Discriminator | None = None,
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

    @property
    def transparent(self) -> bool:
        """Whether images are RGBA, with straight colours."""
        return self.generator.img_channels == 4

    def recipe(
        self,
        *,
        truncation_psi: float | None = None,
        truncation_cutoff: int | None = None,
        class_idx: int | None = None,
        condition: Sequence[float] | None = None,
        translate: tuple[float, float] = (0.0, 0.0),
        rotate: float = 0.0,
        finish: Finish | None = None,
        trunc: float | None = None,
        cutoff: int | None = None,
        label: int | None = None,
    ) -> Recipe:
        """The recipe of this model with these values; see `Recipe` for their units.

        truncation_psi is 1 if not given. `trunc`, `cutoff` and `label` are short names of
        truncation_psi, truncation_cutoff and class_idx. condition: the numbers that a model trained
        with vectors is told, instead of a class. Raises UsageError for both names of one, and for
        another count of numbers than the model takes.
        """
        side = finish.size(self.resolution) if finish else self.resolution
        psi = _either("truncation_psi", truncation_psi, "trunc", trunc)
        if condition is not None:
            self._check_count(condition)
        return Recipe(
            self.identity,
            (side, side),
            1.0 if psi is None else psi,
            _either("truncation_cutoff", truncation_cutoff, "cutoff", cutoff),
            _either("class_idx", class_idx, "label", label),
            translate,
            rotate,
            finish,
            condition=None if condition is None else tuple(condition),
        )

    def recipe_of(self, section: RecipeSection) -> Recipe:
        """The recipe that [recipe] of nftgan.toml asks of this model.

        Raises UsageError where that does not say what a model trained with vectors is told.
        """
        art = PixelArt.of_model(self.info.get("meta", self.info))
        if section.condition:
            self._check_count(section.condition)
        elif section.label is None and self.condition_names:
            example = ", ".join(["0.5"] * int(self.generator.c_dim))
            raise UsageError(
                f"the model was trained with {self._takes}, and nftgan.toml does not say which",
                hint=f"under [recipe], for example: condition = [{example}]",
            )
        if self.transparent:
            art = replace(art, flat=False)  # contour, which follows from it, takes opaque images
        recipe = recipe_from_section(
            section, model=self.identity, resolution=self.resolution, art=art
        )
        if self.transparent:
            refuse_opaque_steps(recipe.finish)
        return recipe

    def in_art_colours(self, finish: Finish | None) -> Finish:
        """`finish` with the colours of the art alone. UsageError where the model knows none."""
        colours = PixelArt.of_model(self.info.get("meta", self.info)).art_colours
        if not colours:
            raise UsageError(
                UNKNOWN_COLOURS,
                hint="--colours all; or prepare the art again, if it is pixel art, and train",
            )
        return replace(finish or Finish(), colours=colours)

    def colours_note(self, wish: str = "auto") -> str:
        """What to say where "auto" would follow the art's colours and their list is none.

        wish: what [recipe] says of colours. Empty where there is nothing to say.
        """
        return PixelArt.of_model(self.info.get("meta", self.info)).note if wish == "auto" else ""

    def preview_finish(self) -> Finish | None:
        """How previews of pixel art look like its pieces: on its grid, in its few colours.

        None for other art, whose previews are the generator's own pixels.
        """
        art = PixelArt.of_model(self.info.get("meta", self.info))
        if not art.grid:
            return None
        finish = finish_from_section(RecipeSection(upscale=1), self.resolution, art)
        side = finish.size(self.resolution)
        return replace(finish, upscale=max(1, PREVIEW // side))

    @property
    def device(self) -> torch.device:
        """Where the networks are."""
        return next(self.generator.parameters()).device

    def to(self, device: str) -> Model:
        """Move the networks to `device` ("cpu", "cuda", "cuda:1", …), and give the model back.

        A canonical image is the same on every device. Raises UsageError for one that is not there.
        """
        place = device_named(device)
        self.generator.to(place)
        if self.discriminator is not None:
            self.discriminator.to(place)
        for made in ("_upcast", "_draft"):
            self.__dict__.pop(made, None)
        return self

    def previews(
        self,
        seeds: int | Iterable[int],
        recipe: Recipe | None = None,
        *,
        batch: int = BATCH,
        **options: Unpack[RecipeOptions],
    ) -> Previews:
        """A sized iterable of (seed, uint8 [H, W, 3 or 4]) in float32; options: as for `recipe`."""
        return Previews(self.generator, _numbers(seeds), self._recipe(recipe, options), batch=batch)

    def generate(
        self,
        seeds: int | Iterable[int] | None = None,
        recipe: Recipe | None = None,
        *,
        ws: np.ndarray | None = None,
        batch: int = BATCH,
        **options: Unpack[RecipeOptions],
    ) -> np.ndarray:
        """uint8 [N, H, W, 3 or 4], preview precision, of seeds or of `ws` [N, num_ws, w_dim].

        As `model.generate([1, 2], truncation_psi=0.7)`; options: as for `recipe`. Latents have
        been truncated already, by `Model.ws`. Raises UsageError for both or none, and for options
        that have no effect on latents.
        """
        if (seeds is None) == (ws is None):
            raise UsageError("give either seeds or ws", hint="model.generate([1, 2])")
        if ws is None:
            assert seeds is not None
            previews = self.previews(seeds, recipe, batch=batch, **options)
            images: Iterable[np.ndarray] = (image for _, image in previews)
            recipe, count = self._recipe(recipe, options), len(previews)
        else:
            mapped = sorted(_OF_MAPPING & set(options))
            if mapped:
                raise UsageError(
                    f"{mapped[0]} has no effect on latents", hint=f"model.ws(seeds, {mapped[0]}=…)"
                )
            recipe = self._recipe(recipe, options)
            if self.generator.c_dim and recipe.class_idx is None and recipe.condition is None:
                recipe = replace(recipe, class_idx=0)  # any: the latents have theirs
            images, count = images_of_ws(self.generator, ws, recipe, batch=batch), len(ws)
        width, height = recipe.size
        channels = 4 if self.transparent else 3
        rows = np.empty((count, height, width, channels), dtype=np.uint8)
        for row, image in enumerate(images):
            rows[row] = image
        return rows

    def ws(
        self,
        seeds: int | Iterable[int],
        recipe: Recipe | None = None,
        *,
        conditions: Sequence[float] | None = None,
        **options: Unpack[RecipeOptions],
    ) -> np.ndarray:
        """float32 [N, num_ws, w_dim]: the latents of `seeds` after truncation, for `generate`.

        conditions: as the option `condition`.
        """
        recipe = self._recipe(recipe, options)
        if conditions is not None:
            self._check_count(conditions)
            recipe = replace(recipe, condition=tuple(conditions))
        check_recipe(self.generator, recipe)
        found: np.ndarray = seeds_to_ws(self.generator, _numbers(seeds), recipe).cpu().numpy()
        return found

    @property
    def condition_names(self) -> tuple[str, ...]:
        """What each number means that a model trained with vectors is told; else empty."""
        known = self.info.get("meta", self.info).get("conditioning")
        names = known.get("conditions") if isinstance(known, Mapping) else None
        whole = isinstance(names, list) and len(names) == self.generator.c_dim
        return tuple(map(str, names or ())) if whole else ()

    @property
    def _takes(self) -> str:
        listed = ", ".join(self.condition_names)[:200]
        return f"{self.generator.c_dim} numbers" + (f": {listed}" if listed else "")

    def _check_count(self, condition: Sequence[float]) -> None:
        """Raises UsageError, which says what the model takes."""
        if not self.generator.c_dim:
            raise UsageError("the model was trained without labels: it takes no conditions")
        if len(condition) != self.generator.c_dim:
            raise UsageError(f"the model takes {self._takes}; given were {len(condition)}")

    def grid(
        self,
        seeds: int | Iterable[int],
        recipe: Recipe | None = None,
        *,
        columns: int | None = None,
        **options: Unpack[RecipeOptions],
    ) -> ImageGrid:
        """Previews side by side, which a notebook shows; options: as for `recipe`."""
        return ImageGrid(self.generate(seeds, recipe, **options), columns)

    def render(
        self, seed: int, recipe: Recipe | None = None, **options: Unpack[RecipeOptions]
    ) -> np.ndarray:
        """The canonical uint8 [H, W, 3 or 4]: `model.render(seed=1, truncation_psi=0.7)`."""
        return self.render_checked(seed, recipe, **options).image

    def render_checked(
        self, seed: int, recipe: Recipe | None = None, **options: Unpack[RecipeOptions]
    ) -> canonical.Rendered:
        """The canonical image with the margin by which its rounding is safe."""
        return canonical.render(self._upcast, seed, self._recipe(recipe, options))

    def score(
        self,
        images: np.ndarray,
        class_idx: int | None = None,
        condition: Sequence[float] | None = None,
    ) -> np.ndarray:
        """float64 [N]: the discriminator's logit of uint8 [N, R, R, 3 or 4]; more is more real.

        One image at a time: the discriminator compares the images of a batch with each other,
        and a score must not depend on its neighbours. Raises UsageError without a discriminator.
        """
        if self.discriminator is None:
            raise UsageError("the model file holds no discriminator, so it cannot score images")
        own = next(self.discriminator.parameters())
        row = told(class_idx, condition, self.generator.c_dim)
        c = None if row is None else torch.from_numpy(row).to(own)
        scores = np.empty(len(images))
        for number, image in enumerate(images):
            whole = premultiplied(image) if image.shape[2] == 4 else image
            x = torch.from_numpy(whole.transpose(2, 0, 1)[None].copy()).to(own) / 127.5 - 1
            with torch.no_grad():
                logit = self.discriminator(x[:, : self.generator.img_channels], c)
            scores[number] = float(logit.item())
        return scores

    @property
    def drafts(self) -> bool:
        """Whether a draft takes less time here than an image."""
        return has_drafts(self.generator)

    def draft(self, ws: Tensor, recipe: Recipe) -> np.ndarray:
        """uint8 [H, W, 3] of the size of an image, close to that of the latents ws [1, num_ws,
        w_dim] and never equal: to be looked at until that is there, not to be measured or kept.

        Raises UsageError where there are no drafts.
        """
        if self._draft is None:
            raise UsageError("images of this model are as quick as drafts")
        pixels = to_pixels(self._draft(ws, input_transform(self.generator, recipe)))[0]
        size = (self.resolution,) * 2
        # Pillow averages colours of RGBA as far as they show.
        image = np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC))
        return apply_finish(image, recipe.finish)

    @cached_property
    def _draft(self) -> Draft | None:
        return draft_of(self.generator)

    @cached_property
    def _upcast(self) -> Generator:
        return canonical.upcast(self.generator)

    def _recipe(self, recipe: Recipe | None, options: RecipeOptions) -> Recipe:
        if recipe is None:
            return self.recipe(**options)
        if options:
            raise UsageError(f"{sorted(options)[0]} is already decided by the recipe")
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


def _numbers(seeds: int | Iterable[int]) -> Sequence[int]:
    """One seed, or several, as a list."""
    return [int(seeds)] if isinstance(seeds, (int, np.integer)) else [int(seed) for seed in seeds]


for _method in (
    Model.previews,
    Model.generate,
    Model.ws,
    Model.grid,
    Model.render,
    Model.render_checked,
):
    _shows_options(_method)
