"""curate: which seeds become pieces, by hand or by machine, and the model they come from."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from nftgan.collection.curation import auto_pick, likenesses
from nftgan.collection.inspection import Refusal
from nftgan.collection.manifest import NOVELTY_CHECKED, Manifest, ModelRef, Piece, make_pieces
from nftgan.collection.ratings import Rating, append_rating, check_room, read_ratings
from nftgan.collection.settings import check_settings
from nftgan.collection.tags import class_tag
from nftgan.dataset.archive import Dataset
from nftgan.dataset.art_names import in_own_names
from nftgan.errors import CheckFailed, MissingStepError, UsageError
from nftgan.files import atomic_path, parse_json, write_bytes
from nftgan.networks.model_file import ModelFile, open_model, write_model
from nftgan.networks.sources import MissingModelError, model_source
from nftgan.ops.device import device_named
from nftgan.progress import SILENT, Progress
from nftgan.project import MODEL_NAME, Project
from nftgan.synthesis.model import Model, load_model
from nftgan.synthesis.recipe import Recipe
from nftgan.training.distributed import Distributed
from nftgan.training.shares import work_group
from nftgan.workflows.curate_shared import Job, shared_inspector, take_part
from nftgan.workflows.own_runs import which_model
from nftgan.workflows.places import place
from nftgan.workflows.shared_pieces import shared_pieces
from nftgan.workflows.stale_settings import is_deployed
from nftgan.workflows.training_art import TrainingArt, find_training_art


@dataclass(frozen=True)
class CurateResult:
    """The pieces that the collection now has."""

    manifest: Path
    model: str
    seeds: tuple[int, ...]
    refused: tuple[Refusal, ...]
    changed: bool
    # Pieces that stay in spite of their likeness.
    overridden: tuple[Refusal, ...] = field(default=(), metadata={"json": "kept"})
    replaced: Path | None = None  # where another choice, made before, is kept
    judged_by: str | None = None  # what told which candidates are good, with --auto


def curate(
    project: Project,
    *,
    model: str | None = None,
    auto: int | None = None,
    pick: Sequence[int | Path] | None = None,
    candidates: Sequence[int] = tuple(range(256)),
    dataset: Path | None = None,
    allow_copies: bool = False,
    tags: Sequence[tuple[Sequence[int], str, str | None]] = (),
    same: bool = False,
    device: str = "cpu",
    progress: Progress = SILENT,
) -> CurateResult:
    """Write the manifest with `pick`, or with the `auto` best of `candidates`, as its pieces.

    A path among the picks is the file of a latent: its values become part of the collection, and
    its hash part of the recipe, so that the contract fixes it.

    The generator is copied into the collection, so that its pieces can always be made again.
    `dataset` is the training art that no piece may copy; None: that of the run that the model
    comes from. With `allow_copies` what is too close to it, or to another pick, stays and the
    manifest says so. `tags`: (seeds, trait, value or None to take it back), written to the ratings
    first; with tags alone the pieces stay the same ones. `same`: they stay too, and what was
    edited in nftgan.toml since is taken over; where the recipe changed they are rendered again.
    Started by torchrun, or by `--gpus`, each process of a group makes this call and, for `auto`,
    looks at its share of the candidates; a run that was cut off goes on.

    Raises UsageError when the collection is deployed, MissingStepError without a model, CheckFailed
    when a pick is too close to the training art or to another one.
    """
    if (auto is not None) + (pick is not None) + same != 1 and not (
        auto is None and pick is None and tags
    ):
        raise UsageError("say which pieces", hint="--auto 12, --pick 3,14,15, or --same")
    check_settings(project.config)
    with work_group(device_named(device)) as (group, own):
        if group.world_size > 1 and auto is None:
            raise UsageError(
                "of curate only --auto is shared by several processes", hint="start it alone"
            )
        if not group.is_main:
            take_part(project, group, own)
            identity, seeds, changed = parse_json(group.broadcast_str("").encode())
            return CurateResult(project.manifest_path, identity, tuple(seeds), (), changed)
        with project.lock():
            refuse_after_deploy(project)
            if same:
                return _with_new_settings(project, tags)
            chosen = _Chosen(project, model, dataset, own, tags, allow_copies, progress)
            if auto is not None:
                done = chosen.by_machine(auto, candidates, group)
            elif pick is not None:
                done = chosen.by_hand(pick)
            else:
                done = _with_new_words(project, chosen.source, chosen.model, chosen.recipe)
        group.broadcast_str(json.dumps([done.model, done.seeds, done.changed]))
    return done


class _Chosen:
    """A model, beside the art that it learned from, and the choice of its pieces."""

    def __init__(
        self,
        project: Project,
        model: str | None,
        dataset: Path | None,
        device: str,
        tags: Sequence[tuple[Sequence[int], str, str | None]],
        allow_copies: bool,
        progress: Progress,
    ) -> None:
        self._project, self._device, self._progress = project, device, progress
        self._dataset, self._allow_copies = dataset, allow_copies
        self.source = source_of(project, model)
        self.model = load_model(self.source, device=device)
        self.recipe = self.model.recipe_of(project.config.recipe)
        if note := self.model.colours_note(project.config.recipe.colours):
            progress.note(note)
        finish = self.recipe.finish
        if project.config.recipe.filter == "auto" and finish and finish.filter == "contour":
            progress.note("flat art: enlarged in plain colours (filter contour; cubic blends them)")
        write_tags(project, self.model.identity, tags)

    def by_hand(self, pick: Sequence[int | Path]) -> CurateResult:
        """Raises CheckFailed for a copy, unless they are allowed."""
        art, progress = self._art(), self._progress
        training = art.dataset
        placed = place(self.model, pick, progress=progress)
        seeds, recipe = placed.numbers, placed.within(self.recipe)
        overridden = likenesses(
            self.model, seeds, training, recipe=recipe, origins=placed.targets, progress=progress
        )
        if training is not None and (alone := set(placed.names) - set(placed.targets)):
            progress.warn(
                f"{placed.name(min(alone))} does not hold the image that it was projected from,"
                " so only what it gives is compared with the training art"
            )
        if overridden and not self._allow_copies:
            named = ", ".join(
                f"{placed.name(one.seed)} is {in_own_names(training, one.reason)}"
                for one in overridden[:3]
            )
            more = f", and {len(overridden) - 3} more" if len(overridden) > 3 else ""
            raise CheckFailed(
                f"{len(overridden)} of {len(seeds)} picks are refused: {named}{more}",
                hint="leave them out, or keep them knowingly: --allow-copies",
            )
        return self._written(recipe, seeds, (), overridden, art)

    def by_machine(self, count: int, candidates: Sequence[int], group: Distributed) -> CurateResult:
        art, progress = self._art(), self._progress
        training = art.dataset
        job = Job(
            self.source,
            self.recipe,
            None if training is None else training.path,
            self._allow_copies,
        )
        with shared_inspector(
            self._project, group, job, self.model, training, self._device, progress
        ) as inspector:
            selection = auto_pick(
                self.model,
                candidates,
                count,
                training,
                recipe=self.recipe,
                allow_copies=self._allow_copies,
                inspector=inspector,
                progress=progress,
            )
        overridden = tuple(Refusal(one.seed, one.copy) for one in selection.picks if one.copy)
        done = self._written(self.recipe, selection.seeds, selection.refused, overridden, art)
        return replace(done, judged_by=selection.judged_by)

    def _art(self) -> TrainingArt:
        art = find_training_art(
            self.source,
            self._dataset,
            self.model.info,
            near=self._project.root,
            transparent=self.model.transparent,
        )
        warn_without_art(art, self._progress)
        return art

    def _written(
        self,
        recipe: Recipe,
        seeds: tuple[int, ...],
        refused: tuple[Refusal, ...],
        overridden: tuple[Refusal, ...],
        art: TrainingArt,
    ) -> CurateResult:
        done = write_choice(
            self._project, self.source, self.model, recipe, seeds, refused, overridden, art=art
        )
        if remark := shared_pieces(self._project, Manifest.load(self._project.manifest_path)):
            self._progress.warn(remark)
        # The manifest may become public, so it keeps the names inside the data set.
        return replace(
            done,
            refused=_in_own_names(art.dataset, done.refused),
            overridden=_in_own_names(art.dataset, done.overridden),
        )


def _in_own_names(training: Dataset | None, found: Sequence[Refusal]) -> tuple[Refusal, ...]:
    """What the artist reads: training images are called as the files that they were made from."""
    return tuple(replace(one, reason=in_own_names(training, one.reason)) for one in found)


def with_known_latents(project: Project, recipe: Recipe) -> Recipe:
    """`recipe` with the latents of the pieces, where they are of the same model."""
    if not project.manifest_path.exists():
        return recipe
    before = Manifest.load(project.manifest_path).recipe
    return replace(recipe, latents=before.latents) if before.model == recipe.model else recipe


def warn_without_art(art: TrainingArt, progress: Progress) -> None:
    """Say that near-copies cannot be known, where that is so."""
    if art.missing:
        progress.warn(f"{art.missing}: near-copies of it cannot be known (--dataset ZIP)")


def write_tags(
    project: Project, model: str, tags: Sequence[tuple[Sequence[int], str, str | None]]
) -> None:
    """Append tags to the ratings; all are checked before the first is written."""
    known = read_ratings(project.ratings_path, model=model)
    lines = []
    for seeds, trait, value in tags:
        for seed in seeds:
            line = Rating(seed, model, tags={trait: value})
            check_room(line, known.get(seed))
            known[seed] = line.after(known.get(seed))
            lines.append(line)
    for line in lines:
        append_rating(project.ratings_path, line)


def _with_new_settings(
    project: Project, tags: Sequence[tuple[Sequence[int], str, str | None]]
) -> CurateResult:
    """The same pieces, of the same model, with nftgan.toml and the ratings as they are by now."""
    before = Manifest.load(project.manifest_path)
    path = project.root / MODEL_NAME
    if not path.exists():
        raise MissingStepError(
            f"{path} is missing: it made the pieces", hint="copy it back into the collection"
        )
    model = load_model(path)
    if model.identity != before.model.identity:
        raise UsageError(
            f"{path} is {model.identity}, but the pieces were picked from {before.model.identity}",
            hint="copy the right one back, or pick again: --auto or --pick",
        )
    write_tags(project, model.identity, tags)
    recipe = replace(model.recipe_of(project.config.recipe), latents=before.recipe.latents)
    # Another palette or truncation does not make a near-copy something else.
    known = [
        Refusal(piece.seed, piece.override_reason)
        for piece in before.pieces
        if piece.override_reason
    ]
    return write_choice(project, path, model, recipe, before.seeds, overridden=known, art=None)


def _with_new_words(
    project: Project, source: str | Path, model: Model, recipe: Recipe
) -> CurateResult:
    """The same pieces with the names, descriptions and tags that they have by now."""
    if not project.manifest_path.exists():
        raise MissingStepError(
            f"the tags are in {project.ratings_path.name}, but there are no pieces yet",
            hint="nftgan curate --auto 12",
        )
    before = Manifest.load(project.manifest_path)
    recipe = replace(recipe, latents=before.recipe.latents)
    if before.recipe_hash != recipe.hash:
        raise UsageError(
            "the pieces were picked with another model or recipe",
            hint="pick them again: --auto or --pick",
        )
    return write_choice(project, source, model, recipe, before.seeds, art=None)


def write_choice(
    project: Project,
    source: str | Path,
    model: Model,
    recipe: Recipe,
    seeds: tuple[int, ...],
    refused: tuple[Refusal, ...] = (),
    overridden: Sequence[Refusal] = (),
    *,
    art: TrainingArt | None,
) -> CurateResult:
    """Make `seeds` the pieces of the collection; its lock must be held.

    Names, descriptions and tags that were given to seeds stay with them. source: where `model` was
    loaded from. overridden: pieces that stay in spite of their likeness. art: what they were
    compared with; None: with nothing anew, so what the manifest says of its pieces already stays
    true.
    """
    path, recipe = project.model_path, recipe.keeping(seeds)
    before = Manifest.load(project.manifest_path) if project.manifest_path.exists() else None
    replaced = _keep_choice(project, before, model, seeds)
    if source != path:
        whole = open_model(source)
        # Only the generator is needed to make the pieces again.
        write_model(path, ModelFile(whole.generator_config, whole.generator, meta=whole.meta))
    # Which latents there are besides changes no pixel of the others.
    same_pixels = before is not None and before.recipe.keeping(()).hash == recipe.keeping(()).hash
    reasons: dict[int, str | None] = {}
    if before is not None and same_pixels and (art is None or art.dataset is None):
        reasons = {piece.seed: piece.override_reason for piece in before.pieces}
    reasons |= {one.seed: one.reason for one in overridden}
    pieces = _worded(project, model, recipe, seeds, reasons)
    manifest = Manifest(
        project.config.collection,
        ModelRef(model.identity, MODEL_NAME),
        recipe,
        pieces,
        project.config.royalty,
        novelty=_novelty(art, before),
    )
    if before is not None and same_pixels:
        # A name changes no pixel: what was rendered stays rendered.
        known = {
            (piece.id, piece.seed): piece.pixels
            for piece in before.pieces
            if before.recipe.named_latent(piece.seed) == recipe.named_latent(piece.seed)
        }
        manifest = manifest.with_pieces(
            [replace(p, pixels=known.get((p.id, p.seed))) for p in manifest.pieces]
        )
    same = before is not None and _choice(before) == _choice(manifest)
    if not same:
        manifest.save(project.manifest_path)
    return CurateResult(
        project.manifest_path,
        model.identity,
        seeds,
        refused,
        not same,
        tuple(
            Refusal(piece.seed, piece.override_reason) for piece in pieces if piece.override_reason
        ),
        replaced,
    )


def _keep_choice(
    project: Project, before: Manifest | None, model: Model, seeds: tuple[int, ...]
) -> Path | None:
    """A folder in history/ with the manifest, and the model if it changes too, that are replaced.

    None when nothing is: what took days to choose is never lost to one command.
    """
    other_model = before is not None and before.model.identity != model.identity
    if before is None or (before.seeds == seeds and not other_model):
        return None
    numbers = [int(p.name) for p in project.history.glob("*") if p.name.isdecimal()]
    folder = project.history / f"{max(numbers, default=0) + 1:04d}"
    write_bytes(folder / project.manifest_path.name, project.manifest_path.read_bytes())
    if other_model and project.model_path.exists():
        with atomic_path(folder / project.model_path.name) as temporary:
            shutil.copyfile(project.model_path, temporary)
    return folder


def _novelty(art: TrainingArt | None, before: Manifest | None) -> str | None:
    if art is None:
        return None if before is None else before.novelty
    return NOVELTY_CHECKED if art.dataset is not None else art.missing or None


def _worded(
    project: Project,
    model: Model,
    recipe: Recipe,
    seeds: Sequence[int],
    reasons: Mapping[int, str | None],
) -> tuple[Piece, ...]:
    """The pieces with what the artist says of their seeds."""
    said = read_ratings(project.ratings_path, model=model.identity)
    of_class = class_tag(model.info, recipe.class_idx)
    pieces = []
    for piece in make_pieces(seeds, project.config.collection):
        words = said.get(piece.seed) or Rating(piece.seed, model.identity)
        own = {trait: value for trait, value in (words.tags or {}).items() if value is not None}
        pieces.append(
            replace(
                piece,
                name=words.name or piece.name,
                description=words.description,
                tags={**own, **of_class},
                override_reason=reasons.get(piece.seed),
            )
        )
    return tuple(pieces)


def _choice(manifest: Manifest) -> tuple[object, ...]:
    """What curation decides; renders and metadata made from an equal choice stay valid."""
    words = manifest.collection, manifest.royalties
    pieces = tuple(
        (piece.seed, piece.name, piece.description, piece.tags, piece.override_reason)
        for piece in manifest.pieces
    )
    return manifest.model.identity, manifest.recipe_hash, pieces, words, manifest.novelty


def source_of(project: Project, model: str | None) -> str | Path:
    """The model that is named, else that of nftgan.toml, else the one already in the folder."""
    if model is not None:
        try:
            return model_source(model)
        except MissingModelError as exc:
            raise UsageError(exc.message, hint=which_model(project)) from exc
    if project.config.model.path:
        return model_source(project.config.model.path, relative_to=project.root)
    path = project.model_path
    if not path.exists():
        raise MissingStepError("no model is named", hint=which_model(project))
    return path


def refuse_after_deploy(project: Project) -> None:
    """Raises UsageError once the pieces cannot change any more."""
    if is_deployed(project):
        raise UsageError(
            f"{project.name} is deployed: its pieces are fixed on chain",
            hint="start another collection: nftgan init NAME",
        )
