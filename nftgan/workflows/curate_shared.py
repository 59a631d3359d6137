"""curate --auto in several processes: all inspect candidates, one decides and writes.

Who is free takes the next batch of seeds, so what one process would see is seen, in the batches in
which it would see it. What was seen is noted in this person's state folder: a run that was cut off
goes on. Not in the collection's folder, which may be somebody else's: a note says that no art was
copied.
"""

from __future__ import annotations

import base64
import contextlib
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nftgan import __version__
from nftgan.collection.inspection import Candidate, LocalInspector, Refusal, art_key
from nftgan.collection.novelty import Neighbour, NoveltyGuard
from nftgan.dataset.archive import Dataset
from nftgan.errors import UsageError
from nftgan.files import append_line, complete_files, parse_json, sha256_hex
from nftgan.progress import SILENT, Progress
from nftgan.project import Project, state_home
from nftgan.synthesis.generate import BATCH
from nftgan.synthesis.model import Model, load_model
from nftgan.synthesis.recipe import Recipe
from nftgan.training.distributed import Distributed
from nftgan.training.shares import shared
from nftgan.words import counted

INSPECT, LOGITS, MARGINS = "inspect", "logits", "margins"


@dataclass(frozen=True)
class Job:
    """What every process must know to inspect candidates as the main one does."""

    source: str | Path
    recipe: Recipe
    art: Path | None
    allow_copies: bool

    def to_json(self) -> str:
        path = None if self.art is None else str(self.art)
        file = isinstance(self.source, Path)
        return json.dumps([str(self.source), file, self.recipe.to_json(), path, self.allow_copies])

    @classmethod
    def from_json(cls, text: str) -> Job:
        source, file, recipe, art, allow_copies = parse_json(text.encode())
        return cls(
            Path(source) if file else source,
            Recipe.from_json(recipe),
            None if art is None else Path(art),
            allow_copies,
        )

    def notes(self, project: Project, training: Dataset | None, device: str) -> Path:
        """The folder where this is noted, beside no other job of the same collection."""
        facts = [self.recipe.hash, art_key(training), self.allow_copies, device[:4], __version__]
        own = sha256_hex(json.dumps(facts).encode())[:32]
        return state_home() / "curate" / sha256_hex(str(project.root.resolve()).encode())[:32] / own


class Notes:
    """What was seen, by a name that says of which seeds and how; a folder that refuses holds none.

    Each process of a group writes a file of its own and reads all.
    """

    def __init__(self, folder: Path, rank: int) -> None:
        self._path: Path | None = folder / f"seen-{rank}.jsonl"
        self._known: dict[str, Any] = {}
        for path in complete_files(folder, "seen-*.jsonl"):
            with contextlib.suppress(OSError):
                for line in path.read_bytes().splitlines():
                    with contextlib.suppress(ValueError, TypeError):  # cut off in its middle
                        name, found = parse_json(line)
                        self._known[str(name)] = found

    def __len__(self) -> int:
        return len(self._known)

    def get(self, name: str) -> Any:
        return self._known.get(name)

    def add(self, name: str, found: Any) -> None:
        self._known[name] = found
        if self._path is not None:
            try:
                append_line(self._path, json.dumps([name, found]))
            except UsageError:
                self._path = None


class Share:
    """The share of one process: the same questions reach all, in the same order."""

    def __init__(self, group: Distributed, inspector: LocalInspector, notes: Notes) -> None:
        self._group, self._inspector, self._notes = group, inspector, notes
        self._asked = 0

    def answer(self, what: str, seeds: Sequence[int], on_done: Callable[[int], None]) -> list[Any]:
        """On the main process the answers by seed, of INSPECT, LOGITS or MARGINS; else nothing."""
        size = 1 if what == MARGINS else BATCH  # a canonical image takes the time of a batch
        batches = [tuple(seeds[at : at + size]) for at in range(0, len(seeds), size)]
        self._asked += 1

        def work(item: int) -> bytes:
            name = f"{what} {','.join(map(str, batches[item]))}"
            if (found := self._notes.get(name)) is None:
                found = _seen(self._inspector, what, batches[item])
                self._notes.add(name, found)
            return json.dumps(found).encode()

        found = shared(
            self._group,
            f"curate {self._asked}",
            len(batches),
            work,
            lambda done: on_done(min(done * size, len(seeds))),
        )
        return [one for item in sorted(found) for one in parse_json(found[item])]


class SharedInspector:
    """`Inspector` of the main process, which shares the seeds with all others."""

    def __init__(self, group: Distributed, share: Share, progress: Progress) -> None:
        self._group, self._share, self._progress = group, share, progress

    def inspect(self, seeds: Sequence[int]) -> list[Candidate | Refusal]:
        return [_unpacked(one) for one in self._ask(INSPECT, seeds, "looking at candidates")]

    def logits(self, seeds: Sequence[int]) -> list[float]:
        return [float.fromhex(one) for one in self._ask(LOGITS, seeds, "scoring candidates")]

    def margins(self, seeds: Sequence[int]) -> list[float]:
        return [float.fromhex(one) for one in self._ask(MARGINS, seeds, "making the picks' images")]

    def close(self) -> None:
        """Let the other processes go."""
        self._group.broadcast_str("")

    def _ask(self, what: str, seeds: Sequence[int], words: str) -> list[Any]:
        self._group.broadcast_str(json.dumps([what, list(seeds)]))
        with self._progress.task(words, len(seeds), "images") as task:
            return self._share.answer(what, seeds, lambda done: task.update(completed=done))


@contextmanager
def shared_inspector(
    project: Project,
    group: Distributed,
    job: Job,
    model: Model,
    training: Dataset | None,
    device: str,
    progress: Progress,
) -> Iterator[SharedInspector]:
    """On the main process; what was noted is deleted when the body ends well."""
    group.broadcast_str(job.to_json())
    folder = job.notes(project, training, device)
    if folder.parent.exists():
        for other in folder.parent.iterdir():  # of another model or look: nobody goes on with it
            if other != folder:
                shutil.rmtree(other, ignore_errors=True)
    notes = Notes(folder, group.rank)
    if len(notes):
        seen = counted(len(notes), "batch", "batches")
        progress.note(f"going on: {seen} seen already by a run that was cut off")
    share = Share(group, _local_inspector(job, model, training, progress), notes)
    inspector = SharedInspector(group, share, progress)
    yield inspector
    inspector.close()
    shutil.rmtree(folder.parent, ignore_errors=True)


def take_part(project: Project, group: Distributed, device: str) -> None:
    """On the other processes: inspect as the main one asks, until it has what it needs."""
    job = Job.from_json(group.broadcast_str(""))
    model = load_model(job.source, device=device)
    training = None if job.art is None else Dataset.open(job.art)
    folder = job.notes(project, training, device)
    share = Share(group, _local_inspector(job, model, training, SILENT), Notes(folder, group.rank))
    while question := group.broadcast_str(""):
        what, seeds = parse_json(question.encode())
        share.answer(what, seeds, lambda done: None)
    shutil.rmtree(folder.parent, ignore_errors=True)  # on a machine of its own, too


def _local_inspector(
    job: Job, model: Model, training: Dataset | None, progress: Progress
) -> LocalInspector:
    guard = None if training is None else NoveltyGuard(training, progress=progress)
    return LocalInspector(model, job.recipe, guard, allow_copies=job.allow_copies)


def _seen(inspector: LocalInspector, what: str, seeds: Sequence[int]) -> list[Any]:
    if what == INSPECT:
        return [_packed(one) for one in inspector.inspect(seeds)]
    values = inspector.logits(seeds) if what == LOGITS else inspector.margins(seeds)
    return [value.hex() for value in values]  # also what is no number in JSON


def _packed(one: Candidate | Refusal) -> list[Any]:
    if isinstance(one, Refusal):
        return [one.seed, one.reason]
    near = one.neighbour and [one.neighbour.name, one.neighbour.ratio, one.neighbour.mirrored]
    row = base64.b64encode(one.row.astype("<i2").tobytes()).decode()  # they are whole numbers
    small = base64.b64encode(one.small.tobytes()).decode()
    return [one.seed, one.copy, one.hash, near, row, len(one.small), small]


def _unpacked(found: list[Any]) -> Candidate | Refusal:
    if len(found) == 2:
        return Refusal(*found)
    seed, copy, hash, near, row, side, small = found
    return Candidate(
        seed,
        np.frombuffer(base64.b64decode(row), dtype="<i2").astype(np.float64),
        hash,
        near and Neighbour(*near),
        np.frombuffer(base64.b64decode(small), dtype=np.uint8).reshape(side, -1, 3),
        copy,
    )
