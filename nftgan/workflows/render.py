"""render: the canonical image of every piece, and its pixel hash in the manifest."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

from nftgan import __version__
from nftgan.collection.manifest import Manifest, load_manifest
from nftgan.dataset.parallel import start_worker
from nftgan.errors import CheckFailed, UsageError
from nftgan.files import complete_files, parse_json
from nftgan.ops.device import device_named
from nftgan.pixels import pixel_hash
from nftgan.png import read_png, write_png
from nftgan.progress import SILENT, Progress
from nftgan.project import Project
from nftgan.provenance.rendered import Made, RenderedNotes
from nftgan.synthesis.model import Model, load_model
from nftgan.synthesis.recipe import Recipe
from nftgan.training.distributed import Distributed
from nftgan.training.shares import shared, work_group
from nftgan.workflows.sources import project_model
from nftgan.workflows.stale_settings import require_unchanged

PARALLEL_FROM = 24
"""Pieces from which a second process pays for loading its own model."""

NOTES = ".rendering"
"""Folder in a collection: a file of each process, with a line for each image that it has made. It
is there while images are made, and after that until the manifest holds what it says."""


@dataclass(frozen=True)
class RenderResult:
    """How many images were made now, and how many were there already."""

    folder: Path
    rendered: int
    skipped: int = field(metadata={"json": "kept"})  # painted before


def render(
    project: Project, *, processes: int = 1, device: str = "cpu", progress: Progress = SILENT
) -> RenderResult:
    """`images/ID.png` shows every piece's canonical pixels, and the manifest holds their hash.

    An image whose pixels have the recorded hash is kept, so a killed run goes on where it stopped.
    Started by torchrun, or by `--gpus`, each process of the group makes this call and its share of
    the images; alone on a processor, `processes` are made at once. Raises MissingStepError before
    `curate` and after an edit of nftgan.toml, UsageError when the model is not the collection's,
    PartlyDone when a process of the group has died.
    """
    with work_group(device_named(device)) as (group, own), contextlib.ExitStack() as stack:
        manifest = None
        if group.is_main:
            stack.enter_context(project.lock())
            manifest = load_manifest(project)
            require_unchanged(project, manifest)
            manifest = _take_notes(project, manifest)
        work = _Work.told(group, manifest)
        source = project_model(project)
        notes = RenderedNotes(__version__, project.root / NOTES / f"{group.rank}.jsonl")
        fresh: dict[int, str] = {}
        try:
            if group.world_size > 1:
                fresh = _together(group, own, project, source, work, notes, progress)
            else:
                if own != "cpu":
                    processes = 1
                _alone(own, project, source, work, notes, processes, fresh, progress)
        finally:
            if manifest is not None:
                manifest = _take_notes(project, manifest, fresh)
        if group.is_main:
            _tidy(project, work)
        rendered = int(group.broadcast_str(str(len(fresh))))
    return RenderResult(project.images, rendered, len(work.pieces) - rendered)


@dataclass(frozen=True)
class _Work:
    """What every process of a group must know: the recipe, and of each piece id, seed and hash."""

    recipe: Recipe
    pieces: tuple[tuple[int, int, str | None], ...]

    @classmethod
    def told(cls, group: Distributed, manifest: Manifest | None) -> _Work:
        """As the main process, which has the manifest, tells it to all."""
        mine = ""
        if manifest is not None:
            pieces = [[piece.id, piece.seed, piece.pixels] for piece in manifest.pieces]
            mine = json.dumps([manifest.recipe.to_json(), manifest.recipe.stored, pieces])
        recipe, latents, rows = parse_json(group.broadcast_str(mine).encode())
        whole = Recipe.from_json(recipe).holding_json(latents)
        return cls(whole, tuple((row[0], row[1], row[2]) for row in rows))


def _alone(
    device: str,
    project: Project,
    source: Path,
    work: _Work,
    notes: RenderedNotes,
    processes: int,
    fresh: dict[int, str],
    progress: Progress,
) -> None:
    """Make all images; `fresh` gets the hash of each when it is there."""
    todo = [piece for piece in work.pieces if not _is_done(project, piece)]
    jobs = [(seed, project.images / f"{id}.png") for id, seed, _ in todo]
    with progress.task("rendering", len(work.pieces), "pieces") as task:
        task.update(completed=len(work.pieces) - len(todo))
        done = _rendered(source, work.recipe, jobs, processes, device)
        for (id, *_), made in zip(todo, done, strict=True):
            notes.add(made)
            fresh[id] = made.pixels
            task.advance()


def _together(
    group: Distributed,
    device: str,
    project: Project,
    source: Path,
    work: _Work,
    notes: RenderedNotes,
    progress: Progress,
) -> dict[int, str]:
    """Make this process's share; on the main process the hash of each image that was made."""
    model = load_model(source, device=device)

    def make(item: int) -> bytes:
        id, seed, _ = work.pieces[item]
        if _is_done(project, work.pieces[item]):
            return b""
        made = _render_one(model, work.recipe, seed, project.images / f"{id}.png")
        notes.add(made)
        return made.pixels.encode()

    with (progress if group.is_main else SILENT).task(
        "rendering", len(work.pieces), "pieces"
    ) as task:
        found = shared(
            group, "render", len(work.pieces), make, lambda done: task.update(completed=done)
        )
    return {work.pieces[item][0]: data.decode() for item, data in found.items() if data}


def _take_notes(
    project: Project, manifest: Manifest, fresh: Mapping[int, str] | None = None
) -> Manifest:
    """The manifest on disk has the hash of every image that was made, here or by another process.

    fresh: hashes by piece, of images made just now.
    """
    hashes: dict[int, str] = {}
    for path in complete_files(project.root / NOTES, "*.jsonl"):
        notes = RenderedNotes(__version__, path)
        for piece in manifest.pieces:
            made = notes.get(manifest.model.identity, manifest.recipe_hash, piece.seed)
            if made is not None:
                hashes[piece.id] = made.pixels
    hashes.update(fresh or {})
    if any(piece.pixels != hashes.get(piece.id, piece.pixels) for piece in manifest.pieces):
        manifest = manifest.with_pieces(
            [
                dataclasses.replace(piece, pixels=hashes[piece.id]) if piece.id in hashes else piece
                for piece in manifest.pieces
            ]
        )
        manifest.save(project.manifest_path)
    return manifest


def _tidy(project: Project, work: _Work) -> None:
    """Remove the images of no piece, and the notes, which the manifest holds by now."""
    names = {str(id) for id, *_ in work.pieces}
    for stray in project.images.glob("*.png"):
        if stray.stem not in names:
            stray.unlink()
    shutil.rmtree(project.root / NOTES, ignore_errors=True)


def _is_done(project: Project, piece: tuple[int, int, str | None]) -> bool:
    id, _, pixels = piece
    path = project.images / f"{id}.png"
    if pixels is None or not path.exists():
        return False
    try:
        return pixel_hash(read_png(path)) == pixels
    except CheckFailed:
        return False  # a damaged image is made again


def _rendered(
    source: Path, recipe: Recipe, jobs: Sequence[tuple[int, Path]], processes: int, device: str
) -> Iterator[Made]:
    if processes < 2 or len(jobs) < PARALLEL_FROM:
        model = load_model(source, device=device)
        yield from (_render_one(model, recipe, *job) for job in jobs)
        return
    context = get_context("spawn")  # a fork would inherit torch's threads in an unknown state
    pool = ProcessPoolExecutor(processes, context, _open_in_worker, (source, recipe))
    try:
        yield from pool.map(_render_in_worker, jobs)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)  # after Ctrl-C nothing new is begun


def _render_one(model: Model, recipe: Recipe, seed: int, path: Path) -> Made:
    rendered = model.render_checked(seed, recipe)
    if not rendered.safe:
        raise UsageError(
            f"seed {seed}: a pixel lies {rendered.margin:.1e} grey levels from a rounding step, so"
            " another machine could draw it differently",
            hint="curate again without this seed",
        )
    write_png(path, rendered.image)
    return Made.of(model.identity, recipe.hash, seed, rendered, __version__)


_worker: tuple[Model, Recipe] | None = None


def _open_in_worker(source: Path, recipe: Recipe) -> None:
    import torch

    start_worker()
    global _worker
    torch.set_num_threads(1)
    _worker = (load_model(source), recipe)


def _render_in_worker(job: tuple[int, Path]) -> Made:
    assert _worker is not None
    return _render_one(*_worker, *job)
