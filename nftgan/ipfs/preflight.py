"""Before anything leaves: what there is, what each place takes, how long it will last."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nftgan.errors import UsageError
from nftgan.files import translated_os_errors
from nftgan.ipfs.backends.base import Backend
from nftgan.ipfs.car import CarFile, header, section_bytes
from nftgan.ipfs.cid import DAG_PB, Cid
from nftgan.ipfs.dagpb import SHARD
from nftgan.ipfs.importer import Importer, Tree
from nftgan.ipfs.profiles import DEFAULT_PROFILE
from nftgan.ipfs.reader import BlockGetter, entries, is_folder, load_node

LOCAL_BYTES_PER_SECOND = 50e6
REMOTE_BYTES_PER_SECOND = 2.5e6
"""Guessed (20 Mbit/s) until an upload to the same place was timed."""

LOCAL_READS_PER_MINUTE = 30_000
REMOTE_READS_PER_MINUTE = 600

BLOCK_OVERHEAD = 512
"""Bytes at most that a small file costs beyond its own: CID, link and length."""


@dataclass(frozen=True)
class Folder:
    """One folder below the root, and whether it is a tree of shards (HAMT) or one block."""

    path: str
    entries: int
    sharded: bool


@dataclass(frozen=True)
class DagStats:
    """What is to be pinned."""

    root: str
    cids: Mapping[str, str]  # of what lies directly in the root folder, by name
    files: int
    blocks: int
    car_bytes: int
    folders: tuple[Folder, ...]


@dataclass(frozen=True)
class TargetPlan:
    """What pinning to one place means."""

    target: str
    place: str
    send_bytes: int  # at most: what is there already is not sent
    read_blocks: int
    seconds: float  # a guess
    notes: tuple[str, ...]


def scan(tree: Tree, profile: str = DEFAULT_PROFILE) -> DagStats:
    """The DAG that a folder would be; every file is hashed, none written. Raises UsageError."""
    sizes: dict[Cid, int] = {}
    nodes: dict[Cid, bytes] = {}

    def keep(cid: Cid, data: bytes) -> None:
        sizes[cid] = len(data)
        if cid.codec == DAG_PB:
            nodes[cid] = data

    root = Importer(keep, profile).add_tree(tree).cid
    total = len(header(root)) + sum(section_bytes(cid, size) for cid, size in sizes.items())
    return _dag_stats(nodes.__getitem__, root, len(sizes), total)


def car_stats(car: CarFile) -> DagStats:
    """The DAG in a CAR."""
    return _dag_stats(car.get, car.root, len(car.cids), car.size_bytes)


def _dag_stats(get: BlockGetter, root: Cid, blocks: int, car_bytes: int) -> DagStats:
    folders: list[Folder] = []
    files = 0
    stack = [("", root)]
    while stack:
        path, cid = stack.pop()
        if not is_folder(get, cid):
            files += 1
            continue
        links = list(entries(get, cid))
        folders.append(Folder(path or "/", len(links), load_node(get, cid)[1].kind == SHARD))
        stack += [(f"{path}/{link.name}".lstrip("/"), link.cid) for link in reversed(links)]
    cids = {link.name: str(link.cid) for link in entries(get, root)}
    return DagStats(str(root), cids, files, blocks, car_bytes, tuple(folders))


def require_disk_space(folder: Path, needed: int) -> None:
    """Raises UsageError when the disk of `folder` has less than `needed` bytes free."""
    while not folder.exists():
        folder = folder.parent
    with translated_os_errors(folder):
        free = shutil.disk_usage(folder).free
    if needed > free:
        raise UsageError(
            f"{folder} has {free:,} bytes free and {needed:,} are needed",
            hint="free some space and run the same command again",
        )


def car_estimate(tree: Tree) -> int:
    """At least the bytes of a tree's CAR, from the sizes of its files alone. Raises UsageError."""
    total = 0
    for value in tree.values():
        if isinstance(value, Path):
            with translated_os_errors(value):
                total += value.stat().st_size + BLOCK_OVERHEAD
        elif isinstance(value, bytes):
            total += len(value) + BLOCK_OVERHEAD
        else:
            total += car_estimate(value)
    return total


def plan_for(
    target: str,
    backend: Backend,
    stats: DagStats,
    *,
    read_blocks: int,
    bytes_per_second: float | None = None,
) -> TargetPlan:
    """What pinning `stats` means there; `bytes_per_second` is what the last upload reached.

    Raises UsageError when the place cannot take it.
    """
    limits = backend.limits
    size = stats.car_bytes
    if limits.most_bytes is not None and size > limits.most_bytes:
        raise UsageError(
            f"{backend.name} takes {limits.most_bytes:,} bytes at once and the CAR has {size:,}",
            hint="leave it out, or pin to a node of your own",
        )
    largest = max(stats.folders, key=lambda folder: folder.entries)
    if limits.most_folder_files is not None and largest.entries > limits.most_folder_files:
        raise UsageError(
            f"{backend.name} takes {limits.most_folder_files:,} files in a folder and "
            f"{largest.path} has {largest.entries:,}",
            hint="leave it out, or pin to a node of your own",
        )
    notes = []
    if limits.missing:
        notes.append(limits.missing)
    if limits.free_bytes is not None and size > limits.free_bytes:
        notes.append(f"more than the {limits.free_bytes:,} bytes of its free plan")
    if limits.free_files is not None and stats.files > limits.free_files:
        notes.append(f"it may count {stats.files:,} files; its free plan holds {limits.free_files}")
    if limits.per_minute is not None:
        notes.append(f"at most {limits.per_minute:,} requests a minute")
    if not limits.uploads:
        notes.append("it is sent nothing: it must reach a node that has the blocks")
    rate = bytes_per_second or (LOCAL_BYTES_PER_SECOND if limits.local else REMOTE_BYTES_PER_SECOND)
    sent = size if limits.uploads else 0
    reads = LOCAL_READS_PER_MINUTE if limits.local else REMOTE_READS_PER_MINUTE
    reads = min(reads, limits.reads_per_minute or reads)
    seconds = sent / rate + read_blocks / reads * 60
    return TargetPlan(target, backend.name, sent, read_blocks, round(seconds, 1), tuple(notes))
