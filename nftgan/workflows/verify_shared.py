"""verify in several processes: all make images again, and one checks everything else.

Making an image takes nearly all the time, and needs nothing but model, recipe and seed. So the main
process alone asks the chain and gateways and tells the others what to make; what they answer are
notes, as of a run that was cut off, and every link is then checked as always.
"""

from __future__ import annotations

import contextlib
import json
import logging
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nftgan import __version__
from nftgan.collection.traits import Measures
from nftgan.errors import Cancelled
from nftgan.files import parse_json
from nftgan.networks.model_file import save_model
from nftgan.progress import SILENT, Progress
from nftgan.project import state_home
from nftgan.provenance.models import HEAVY, opened_model
from nftgan.provenance.rendered import Made, RenderedNotes
from nftgan.provenance.verify import Verifier, measured_as_claimed
from nftgan.synthesis.model import Model
from nftgan.synthesis.recipe import Recipe
from nftgan.training.distributed import Distributed
from nftgan.training.shares import shared

log = logging.getLogger(__name__)
Claims = dict[str, Any]
"""What a token's metadata say of how its traits were measured: see `measured_as_claimed`."""


@dataclass(frozen=True)
class _Work:
    """Images of one model and one recipe, which the chain fixes for the whole collection."""

    identity: str
    recipe: Recipe
    pieces: tuple[tuple[int, str, Claims], ...]  # seed, promised pixel hash, how it is measured
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
    pieces: dict[int, tuple[str, Claims]] = {}
    token_of: dict[int, int] = {}
    model: Model | None = None
    for token in tokens:
        wanted = verifier.image_to_make(token)
        if wanted is None or wanted[1].named_latent(wanted[2]["seed"]):
            continue  # a latent's values stand in its metadata alone, which this process has
        model, recipe, own = wanted
        if verifier.rendered.get(model.identity, recipe.hash, own["seed"]) is None:
            claims: Claims = {key: own[key] for key in ("traits", "added_traits") if key in own}
            pieces[own["seed"]] = (own["pixels"], claims)
            token_of[own["seed"]] = token
    if model is None or not pieces:
        group.broadcast_str("")
        return
    work = _Work(
        model.identity, recipe, tuple((seed, *rest) for seed, rest in pieces.items()), folder
    )
    group.broadcast_str(
        json.dumps([work.identity, recipe.to_json(), work.pieces, folder], sort_keys=True)
    )
    if group.world_size > 1:
        with tempfile.TemporaryDirectory() as place:
            path = Path(place) / "model.safetensors"
            save_model(path, generator=model.generator, meta={})
            group.broadcast_bytes(path.read_bytes())
    with progress.task("making images again", len(pieces), "images") as task:
        measured = _make(
            work,
            group,
            model,
            device,
            verifier.rendered,
            lambda done: task.update(completed=done),
        )
    if verifier.measuring:
        # The image's own pixels are the promised ones, or the token has failed by then.
        verifier.measures.update((token_of[seed], found) for seed, found in measured.items())
    model.to("cpu")


def take_part(group: Distributed, device: str) -> None:
    """On the other processes: make images again as the main one asks; nothing is left behind."""
    said = group.broadcast_str("")
    if not said:
        return
    identity, recipe, pieces, folder = parse_json(said.encode())
    work = _Work(
        identity,
        Recipe.from_json(recipe),
        tuple((one[0], one[1], one[2]) for one in pieces),
        folder,
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
) -> dict[int, Measures]:
    """The images, and what is measured of those with the promised pixels, by seed."""
    model.to(device)

    measured = {}
    found = shared(
        group,
        "verify",
        len(work.pieces),
        lambda item: _made(work, item, model, device, notes),
        on_done,
    )
    for item, data in found.items():
        if (read := _read(work, item, data)) is None:
            continue
        made, values = read
        if values is not None:
            lists = {key: tuple(v) for key, v in values.items() if isinstance(v, list)}
            measured[made.seed] = Measures(**{**values, **lists})
        if notes.get(made.model, made.recipe, made.seed) is None:
            notes.add(made)
    return measured


def _made(work: _Work, item: int, model: Model, device: str, notes: RenderedNotes) -> bytes:
    """The note of one image and what is measured of it; nothing where there is no answer yet.

    Recipe and metadata are a stranger's. Whatever goes wrong here ends nothing: the main process
    makes the image once more, and `Verifier.verify` says what it is.
    """
    seed, promised, claims = work.pieces[item]
    made = notes.get(work.identity, work.recipe.hash, seed)
    found = None
    if made is None:
        try:
            image = model.render_checked(seed, work.recipe)
            made = Made.of(work.identity, work.recipe.hash, seed, image, __version__)
            if made.pixels == promised:
                found = measured_as_claimed(image.image, work.recipe, claims)
        except Cancelled:
            raise
        except Exception as exc:
            log.debug("seed %d: %s", seed, exc)
            return b""
        if device != "cpu" and made.pixels != promised:
            return b""  # nobody is accused on a GPU's word: a processor makes it once more
        notes.add(made)
    # Not canonical JSON, which has no whole numbers as large as those of a large image.
    return json.dumps([asdict(made), None if found is None else asdict(found)]).encode()


def _read(work: _Work, item: int, data: bytes) -> tuple[Made, dict[str, Any] | None] | None:
    """What `_made` gave; None where it gave nothing, or another release of nftgan made it."""
    if not data:
        return None
    note, values = parse_json(data)
    try:
        made = Made.from_json(note)
    except ValueError:
        return None
    asked = (work.identity, work.recipe.hash, work.pieces[item][0], __version__)
    return (made, values) if (made.model, made.recipe, made.seed, made.version) == asked else None
