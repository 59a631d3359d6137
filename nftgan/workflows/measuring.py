"""What metadata say of each image, measured by all processes of a group, each image by one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from nftgan.collection.added_traits import NamedTrait, added_levels, traits_from_json
from nftgan.collection.traits import Measures, measure
from nftgan.errors import CheckFailed, MissingStepError
from nftgan.files import parse_json
from nftgan.ipfs.importer import Importer
from nftgan.pixels import pixel_hash
from nftgan.png import read_png
from nftgan.progress import SILENT, Progress, track
from nftgan.project import Project
from nftgan.training.launch import world_size

if TYPE_CHECKING:  # it loads torch, which a process alone has no need of
    from nftgan.training.distributed import Distributed


@dataclass(frozen=True)
class Wanted:
    """Which images are measured, and how."""

    pieces: tuple[tuple[int, str | None], ...]  # id and recorded pixel hash
    upscale: int
    version: int  # of the core's traits
    added: tuple[NamedTrait, ...]

    def to_json(self) -> str:
        added = [one.to_json() for one in self.added]
        return json.dumps([self.pieces, self.upscale, self.version, added])

    @classmethod
    def from_json(cls, text: str) -> Wanted:
        pieces, upscale, version, added = parse_json(text.encode())
        known = traits_from_json(added, "the main process")
        return cls(tuple((one[0], one[1]) for one in pieces), upscale, version, known)


@contextmanager
def measuring_group() -> Iterator[Distributed | None]:
    """The group of processes that torchrun or `--processes` started; None: this one is alone."""
    if world_size() == 1:
        yield None
        return
    from nftgan.training.shares import work_group

    with work_group("cpu") as (group, _):
        yield group


def measure_pieces(
    project: Project, wanted: Wanted, group: Distributed | None, progress: Progress = SILENT
) -> list[tuple[Measures, str]]:
    """Measures and CID of each image, in order; on the other processes of a group, nothing.

    On these `wanted` is what `told` gave. Raises MissingStepError where one is not rendered,
    CheckFailed where it was changed since, PartlyDone when a process has died.
    """
    if group is None:
        pieces = track(wanted.pieces, progress, "measuring", "pieces")
        return [_measured(project, wanted, *piece) for piece in pieces]
    from nftgan.training.shares import shared

    def work(item: int) -> bytes:
        measures, cid = _measured(project, wanted, *wanted.pieces[item])
        return json.dumps([asdict(measures), cid]).encode()

    with progress.task("measuring", len(wanted.pieces), "pieces") as task:
        found = shared(
            group, "measure", len(wanted.pieces), work, lambda done: task.update(completed=done)
        )
    return [_read(found[item]) for item in sorted(found)]


def told(group: Distributed, wanted: Wanted | None) -> Wanted:
    """What the main process wants, on every process."""
    return Wanted.from_json(group.broadcast_str("" if wanted is None else wanted.to_json()))


def _measured(
    project: Project, wanted: Wanted, id: int, pixels: str | None
) -> tuple[Measures, str]:
    path = project.images / f"{id}.png"
    if pixels is None or not path.exists():
        raise MissingStepError(f"piece {id} has not been rendered", hint="nftgan render")
    image = read_png(path)
    if pixel_hash(image) != pixels:
        raise CheckFailed(
            f"{path} was changed since it was rendered",
            hint=f"delete {path.name} and run nftgan render",
        )
    levels = added_levels(image, wanted.upscale, wanted.added)
    measures = replace(measure(image, wanted.upscale, wanted.version), added=levels)
    return measures, str(Importer().add_path(path).cid)


def _read(data: bytes) -> tuple[Measures, str]:
    values, cid = parse_json(data)
    lists = {key: tuple(value) for key, value in values.items() if isinstance(value, list)}
    return Measures(**{**values, **lists}), cid
