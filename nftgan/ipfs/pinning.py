"""A collection into one CAR, the CAR to a place that keeps it, and the proof that it did."""

from __future__ import annotations

import glob
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nftgan.errors import CheckFailed
from nftgan.ipfs.backends.base import Backend, UploadJournal
from nftgan.ipfs.car import CarFile, new_car
from nftgan.ipfs.cid import Cid
from nftgan.ipfs.importer import Importer, Tree
from nftgan.ipfs.profiles import DEFAULT_PROFILE, profile_named
from nftgan.ipfs.reader import entries
from nftgan.ipfs.verify import VerifyMode, verify
from nftgan.progress import SILENT, Progress

MAX_ROOTS = 23
"""As many as the header of a CAR holds in its short form."""

TIMED_BYTES = 1_000_000
"""Less is over too soon to say how fast a place takes it."""


@dataclass(frozen=True)
class Packed:
    """A CAR and the CIDs in it."""

    path: Path
    root: str
    cids: Mapping[str, str]  # of what lies directly in the root folder, by name
    blocks: int
    size_bytes: int


@dataclass(frozen=True)
class PinResult:
    """What is pinned where, and how much of it was read back."""

    target: str
    root: str
    cids: Mapping[str, str]
    blocks: int
    size_bytes: int
    sent_bytes: int  # 0 when the place had everything
    checked_blocks: int
    bytes_per_second: float | None  # None when nothing or too little was sent to tell


def pack(tree: Tree, path: Path, *, profile: str = DEFAULT_PROFILE) -> Packed:
    """Write the CAR of a folder; equal content gives equal bytes. Raises UsageError."""
    for left in path.parent.glob(f".{glob.escape(path.name)}.*.tmp{path.suffix}"):
        left.unlink(missing_ok=True)  # by a process that was killed: as large as the CAR
    with new_car(path, profile_named(profile).cid_version) as writer:
        root = Importer(writer.put, profile).add_tree(tree).cid
        writer.finish(root)
    return _packed(CarFile(path))


def _packed(car: CarFile) -> Packed:
    cids = {link.name: str(link.cid) for link in entries(car.get, car.root)}
    return Packed(car.path, str(car.root), cids, len(car.cids), car.size_bytes)


def pin_car(
    path: Path,
    backend: Backend,
    *,
    label: str,
    journal_path: Path | None = None,
    verify_mode: VerifyMode = "sample",
    progress: Progress = SILENT,
) -> PinResult:
    """Everything in the CAR is pinned and, as far as `verify_mode` says, was read back unchanged.

    May be killed anywhere and called again: it goes on, and ends with the same CIDs. The root
    folder is pinned, and what lies directly in it too, so that each can be found by its own CID.
    Raises ServiceError, CredentialError, UsageError, or CheckFailed when a block came back wrong.
    """
    car = CarFile(path)
    packed = _packed(car)
    roots = [car.root, *dict.fromkeys(map(Cid.parse, packed.cids.values()))]
    if len(roots) > MAX_ROOTS or backend.limits.one_root:
        roots = roots[:1]
    journal = UploadJournal(journal_path, backend.name, car.root)
    sent, began = 0, time.monotonic()
    if not journal.voided and all(map(backend.is_pinned, roots)):
        progress.note(f"{backend.name} has pinned {car.root} already")
    else:
        sent = backend.put(car, roots, label=label, journal=journal, progress=progress)
        journal.settle()
    seconds = time.monotonic() - began
    try:
        verified = verify(
            car,
            roots,
            backend.get,
            where=backend.name,
            by_path=backend.by_path,
            verify_mode=verify_mode,
            progress=progress,
        )
    except CheckFailed:
        journal.void("a block did not come back")
        raise
    return PinResult(
        backend.name,
        packed.root,
        packed.cids,
        packed.blocks,
        packed.size_bytes,
        sent,
        verified,
        sent / seconds if sent >= TIMED_BYTES else None,
    )


def pin_collection(
    tree: Tree,
    car_path: Path,
    backend: Backend,
    *,
    label: str,
    journal_path: Path | None = None,
    verify_mode: VerifyMode = "sample",
    profile: str = DEFAULT_PROFILE,
    progress: Progress = SILENT,
) -> PinResult:
    """`pack`, then `pin_car`: names such as images and metadata to folders, files or bytes."""
    pack(tree, car_path, profile=profile)
    return pin_car(
        car_path,
        backend,
        label=label,
        journal_path=journal_path,
        verify_mode=verify_mode,
        progress=progress,
    )
