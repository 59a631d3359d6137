"""render: the canonical image of every piece, and its pixel hash in the manifest."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

from nftgan.collection.manifest import Manifest, Piece, load_manifest
from nftgan.dataset.parallel import start_worker
from nftgan.errors import CheckFailed, UsageError
from nftgan.pixels import pixel_hash
from nftgan.png import read_png, write_png
from nftgan.progress import SILENT, Progress
from nftgan.project import Project
from nftgan.synthesis.model import Model, load_model
from nftgan.synthesis.recipe import Recipe
from nftgan.workflows.sources import project_model
from nftgan.workflows.stale_settings import require_unchanged

PARALLEL_FROM = 24
"""Pieces from which a second process pays for loading its own model."""

SAVE_EVERY_SECONDS = 30
"""What a kill -9 can cost of a long run; Ctrl-C costs nothing."""


@dataclass(frozen=True)
class RenderResult:
    """How many images were made now, and how many were there already."""

    folder: Path
    rendered: int
    skipped: int = field(metadata={"json": "kept"})  # painted before


def render(project: Project, *, processes: int = 1, progress: Progress = SILENT) -> RenderResult:
    """`images/ID.png` shows every piece's canonical pixels, and the manifest holds their hash.

    An image whose pixels have the recorded hash is kept, so a killed run goes on where it stopped.
    Raises MissingStepError before `curate` and after an edit of nftgan.toml, UsageError when the
    model is not the collection's.
    """
    with project.lock():
        manifest = load_manifest(project)
        require_unchanged(project, manifest)
        todo = [piece for piece in manifest.pieces if not _is_done(project, piece)]
        skipped = len(manifest.pieces) - len(todo)
        source = project_model(project)
        jobs = [(piece.seed, project.images / f"{piece.id}.png") for piece in todo]
        hashes: dict[int, str] = {}
        saved = time.monotonic()
        try:
            with progress.task("rendering", len(manifest.pieces), "pieces") as task:
                task.update(completed=skipped)
                done = _rendered(source, manifest.recipe, jobs, processes)
                for piece, pixels in zip(todo, done, strict=True):
                    hashes[piece.id] = pixels
                    task.advance()
                    if time.monotonic() - saved > SAVE_EVERY_SECONDS:
                        _with_pixels(manifest, hashes).save(project.manifest_path)
                        saved = time.monotonic()
        finally:
            if hashes:
                _with_pixels(manifest, hashes).save(project.manifest_path)
        names = {str(piece.id) for piece in manifest.pieces}
        for stray in project.images.glob("*.png"):
            if stray.stem not in names:
                stray.unlink()
    return RenderResult(project.images, len(todo), skipped)


def _with_pixels(manifest: Manifest, hashes: dict[int, str]) -> Manifest:
    return manifest.with_pieces(
        [
            dataclasses.replace(piece, pixels=hashes[piece.id]) if piece.id in hashes else piece
            for piece in manifest.pieces
        ]
    )


def _is_done(project: Project, piece: Piece) -> bool:
    path = project.images / f"{piece.id}.png"
    if piece.pixels is None or not path.exists():
        return False
    try:
        return pixel_hash(read_png(path)) == piece.pixels
    except CheckFailed:
        return False  # a damaged image is made again


def _rendered(
    source: Path, recipe: Recipe, jobs: list[tuple[int, Path]], processes: int
) -> Iterator[str]:
    if processes < 2 or len(jobs) < PARALLEL_FROM:
        model = load_model(source)
        yield from (_render_one(model, recipe, *job) for job in jobs)
        return
    context = get_context("spawn")  # a fork would inherit torch's threads in an unknown state
    pool = ProcessPoolExecutor(processes, context, _open_in_worker, (source, recipe))
    try:
        yield from pool.map(_render_in_worker, jobs)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)  # after Ctrl-C nothing new is begun


def _render_one(model: Model, recipe: Recipe, seed: int, path: Path) -> str:
    rendered = model.render_checked(seed, recipe)
    if not rendered.safe:
        raise UsageError(
            f"seed {seed}: a pixel lies {rendered.margin:.1e} grey levels from a rounding step, so"
            " another machine could draw it differently",
            hint="curate again without this seed",
        )
    write_png(path, rendered.image)
    return pixel_hash(rendered.image)


_worker: tuple[Model, Recipe] | None = None


def _open_in_worker(source: Path, recipe: Recipe) -> None:
    import torch

    start_worker()
    global _worker
    torch.set_num_threads(1)
    _worker = (load_model(source), recipe)


def _render_in_worker(job: tuple[int, Path]) -> str:
    assert _worker is not None
    return _render_one(*_worker, *job)
