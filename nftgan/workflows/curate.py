"""curate: which seeds become pieces, by hand or by machine, and the model they come from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from nftgan.collection.curation import Refusal, auto_pick
from nftgan.collection.manifest import Manifest, ModelRef, make_pieces
from nftgan.collection.ratings import read_ratings
from nftgan.dataset.archive import Dataset
from nftgan.errors import MissingStepError, UsageError
from nftgan.networks.model_file import ModelFile, open_model, write_model
from nftgan.progress import SILENT, Progress
from nftgan.project import Project
from nftgan.synthesis.model import Model, load_model
from nftgan.synthesis.recipe import Recipe
from nftgan.workflows.sources import model_source

MODEL_NAME = "model.safetensors"


@dataclass(frozen=True)
class CurateResult:
    """The pieces that the collection now has."""

    manifest: Path
    model: str
    seeds: tuple[int, ...]
    refused: tuple[Refusal, ...]
    changed: bool


def curate(
    project: Project,
    *,
    model: str | None = None,
    auto: int | None = None,
    pick: Sequence[int] | None = None,
    candidates: Sequence[int] = tuple(range(256)),
    dataset: Path | None = None,
    progress: Progress = SILENT,
) -> CurateResult:
    """Write the manifest with `pick`, or with the `auto` best of `candidates`, as its pieces.

    The generator is copied into the collection, so that its pieces can always be made again.
    `dataset` is the training art that no piece may copy. Raises UsageError when a piece was minted
    already, MissingStepError without a model.
    """
    if (auto is None) == (pick is None):
        raise UsageError("say which pieces", hint="--auto 12, or --pick 3,14,15")
    with project.lock():
        refuse_after_deploy(project)
        source = source_of(project, model)
        loaded = load_model(source)
        recipe = loaded.recipe_of(project.config.recipe)
        refused: tuple[Refusal, ...] = ()
        if pick is not None:
            seeds = tuple(pick)
        else:
            training = None if dataset is None else Dataset.open(dataset)
            assert auto is not None
            selection = auto_pick(
                loaded, candidates, auto, training, recipe=recipe, progress=progress
            )
            seeds, refused = selection.seeds, selection.refused
        return write_choice(project, source, loaded, recipe, seeds, refused)


def write_choice(
    project: Project,
    source: str | Path,
    model: Model,
    recipe: Recipe,
    seeds: tuple[int, ...],
    refused: tuple[Refusal, ...] = (),
) -> CurateResult:
    """Make `seeds` the pieces of the collection; its lock must be held.

    Names and descriptions that were given to seeds in the studio stay with them. source: where
    `model` was loaded from.
    """
    path = project.root / MODEL_NAME
    if source != path:
        whole = open_model(source)
        # The discriminator judged; only the generator is needed to make the pieces again.
        write_model(path, ModelFile(whole.generator_config, whole.generator, meta=whole.meta))
    said = read_ratings(project.ratings_path, model=model.identity)
    pieces = []
    for piece in make_pieces(seeds, project.config.collection):
        words = said.get(piece.seed)
        name = piece.name if words is None or words.name is None else words.name
        description = None if words is None else words.description
        pieces.append(replace(piece, name=name, description=description))
    manifest = Manifest(
        project.config.collection,
        ModelRef(model.identity, MODEL_NAME),
        recipe,
        tuple(pieces),
        project.config.royalty,
    )
    before = Manifest.load(project.manifest_path) if project.manifest_path.exists() else None
    if before is not None and before.recipe_hash == manifest.recipe_hash:
        # A name changes no pixel: what was rendered stays rendered.
        known = {(piece.id, piece.seed): piece.pixels for piece in before.pieces}
        manifest = manifest.with_pieces(
            [replace(p, pixels=known.get((p.id, p.seed))) for p in manifest.pieces]
        )
    same = before is not None and _choice(before) == _choice(manifest)
    if not same:
        manifest.save(project.manifest_path)
    return CurateResult(project.manifest_path, model.identity, seeds, refused, not same)


def _choice(manifest: Manifest) -> tuple[object, ...]:
    """What curation decides; renders and metadata made from an equal choice stay valid."""
    words = manifest.collection, manifest.royalties
    pieces = tuple((piece.seed, piece.name, piece.description) for piece in manifest.pieces)
    return manifest.model.identity, manifest.recipe_hash, pieces, words


def source_of(project: Project, model: str | None) -> str | Path:
    """The model that is named, else that of nftgan.toml, else the one already in the folder."""
    if model is not None:
        return model_source(model)
    if project.config.model.path:
        return model_source(project.config.model.path, relative_to=project.root)
    path = project.root / MODEL_NAME
    if not path.exists():
        raise MissingStepError(
            "no model is named", hint="--model runs, or path in [model] of nftgan.toml"
        )
    return path


def refuse_after_deploy(project: Project) -> None:
    """Raises UsageError once the pieces cannot change any more."""
    if any(project.deployments.glob("*.json")):
        raise UsageError(
            f"{project.name} is deployed: its pieces are fixed on chain",
            hint="start another collection: nftgan init NAME",
        )
