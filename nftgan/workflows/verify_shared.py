"""verify in several processes: all make images again, and one checks everything else.

Making an image takes nearly all the time, and needs nothing but model, recipe and seed. So the main
process alone asks the chain and gateways and tells the others what to make; what they answer are
notes, as of a run that was cut off, and every link is then checked as always.
"""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from nftgan import __version__
from nftgan.files import canonical_json, parse_json
from nftgan.networks.model_file import save_model
from nftgan.progress import SILENT, Progress
from nftgan.project import state_home
from nftgan.provenance.models import HEAVY, opened_model
from nftgan.provenance.rendered import Made, RenderedNotes
from nftgan.provenance.verify import Verifier
from nftgan.synthesis.model import Model
from nftgan.synthesis.recipe import Recipe
from nftgan.training.distributed import Distributed
from nftgan.training.shares import shared


@dataclass(frozen=True)
class _Work:
    """Images of one model and one recipe, which the chain fixes for the whole collection."""

    identity: str
    recipe: Recipe
    pieces: tuple[tuple[int, str], ...]  # seed and promised pixel hash
    folder: str  # of notes in the state folder; empty: a few images are not noted


def make_again(
    verifier: Verifier,
    tokens: Sequence[int],
    group: Distributed,
    device: str,
    *,
    folder: str = "",
    progress: Progress = SILENT,
) -> None:
    """On the main process: the images of `tokens` are made by all, and noted in `verifier`.

    Tokens that something is wrong with are left to `Verifier.verify`, which says it. folder: name
    of that in the state folder where each process keeps what it made. Raises PartlyDone when a
    process has died.
    """
    pieces: dict[int, str] = {}
    model: Model | None = None
    for token in tokens:
        wanted = verifier.image_to_make(token)
        if wanted is not None:
            model, recipe, seed, promised = wanted
            if recipe.named_latent(seed):
                continue  # its values stand in its metadata alone, which this process has
            if verifier.rendered.get(model.identity, recipe.hash, seed) is None:
                pieces[seed] = promised
    if model is None or not pieces:
        group.broadcast_str("")
        return
    work = _Work(model.identity, recipe, tuple(pieces.items()), folder)
    group.broadcast_str(
        json.dumps([work.identity, recipe.to_json(), work.pieces, folder], sort_keys=True)
    )
    if group.world_size > 1:
        with tempfile.TemporaryDirectory() as place:
            path = Path(place) / "model.safetensors"
            save_model(path, generator=model.generator, meta={})
            group.broadcast_bytes(path.read_bytes())
    with progress.task("making images again", len(pieces), "images") as task:
        _make(
            work,
            group,
            model,
            device,
            verifier.rendered,
            lambda done: task.update(completed=done),
        )
    model.to("cpu")


def take_part(group: Distributed, device: str) -> None:
    """On the other processes: make images again as the main one asks; nothing is left behind."""
    said = group.broadcast_str("")
    if not said:
        return
    identity, recipe, pieces, folder = parse_json(said.encode())
    work = _Work(
        identity, Recipe.from_json(recipe), tuple((one[0], one[1]) for one in pieces), folder
    )
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "model.safetensors"
        path.write_bytes(group.broadcast_bytes(b""))
        # The main process has weighed it, and asked where it is heavy.
        model = opened_model(path, identity, HEAVY, lambda message: None)
    own = notes_path(folder, group.rank) if folder else None
    _make(work, group, model, device, RenderedNotes(__version__, own), lambda done: None)
    if own is not None:  # the main process has all of them now
        with contextlib.suppress(OSError):
            own.unlink(missing_ok=True)
            own.parent.rmdir()


def notes_path(folder: str, rank: int) -> Path:
    """Where process `rank` notes what it has made."""
    return state_home() / "verify" / folder / f"rendered-{rank}.jsonl"


def _make(
    work: _Work,
    group: Distributed,
    model: Model,
    device: str,
    notes: RenderedNotes,
    on_done: Callable[[int], None],
) -> None:
    model.to(device)

    def make(item: int) -> bytes:
        seed, promised = work.pieces[item]
        made = notes.get(work.identity, work.recipe.hash, seed)
        if made is None:
            image = model.render_checked(seed, work.recipe)
            made = Made.of(work.identity, work.recipe.hash, seed, image, __version__)
            if device != "cpu" and made.pixels != promised:
                return b""  # nobody is accused on a GPU's word: a processor makes it once more
            notes.add(made)
        return canonical_json(asdict(made))

    for data in shared(group, "verify", len(work.pieces), make, on_done).values():
        if data:
            made = Made(**parse_json(data))
            if notes.get(made.model, made.recipe, made.seed) is None:
                notes.add(made)
