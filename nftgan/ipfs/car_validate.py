"""Whether a CAR from elsewhere is whole: every block there, files as long as they say, no bombs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from nftgan.errors import CheckFailed, UsageError
from nftgan.ipfs.car import CarFile
from nftgan.ipfs.cid import RAW, Cid
from nftgan.ipfs.dagpb import DIRECTORY, FILE, FILE_RAW, SHARD, Node, UnixFs
from nftgan.ipfs.reader import MAX_DEPTH, load_node

SOME_PATHS = 1_000
PATHS_PER_LINK = 16
"""A folder may stand at several places and is stored once. Doubled level by level, a CAR of a few
kilobytes unfolds into more paths than anyone can list."""


@dataclass(frozen=True)
class _Subdag:
    """What a block begins: its kind, a file's bytes, the paths it unfolds into, its levels."""

    kind: int
    size_bytes: int
    paths: int
    height: int


def validate_car(car: CarFile) -> None:
    """Read and hash every block, and follow the links. Raises UsageError at the first fault."""
    try:
        _validate(car)
    except CheckFailed as exc:
        raise UsageError(f"{car.path} is not a whole CAR file: {exc.message}") from exc


def _validate(car: CarFile) -> None:
    known: dict[Cid, _Subdag] = {}
    links = 0
    stack = [car.root]
    while stack:  # children first; a stack of our own, for it may be deeper than Python's
        cid = stack[-1]
        if cid not in known:
            if cid.codec == RAW:
                known[cid] = _Subdag(FILE_RAW, len(car.get(cid)), 1, 0)
            else:
                node, record = load_node(car.get, cid)
                unknown = {link.cid for link in node.links if link.cid not in known}
                if unknown:
                    stack.extend(unknown)
                    continue
                links += len(node.links)
                known[cid] = _subdag(cid, node, record, known)
        stack.pop()
    for cid in car.cids:
        if cid not in known:  # below no folder, and stored all the same
            car.get(cid)
    paths = known[car.root].paths
    if paths > SOME_PATHS + PATHS_PER_LINK * links:
        raise CheckFailed(f"its {links:,} links unfold into {paths:,} paths")


def _subdag(cid: Cid, node: Node, record: UnixFs, known: Mapping[Cid, _Subdag]) -> _Subdag:
    children = [known[link.cid] for link in node.links]
    height = 1 + max((child.height for child in children), default=0)
    if height > MAX_DEPTH:
        raise CheckFailed(f"the block {cid} is nested too deep")
    if record.kind in {FILE, FILE_RAW}:
        size = len(record.data) + sum(record.part_bytes)
        if (
            any(child.kind not in {FILE, FILE_RAW} for child in children)
            or [child.size_bytes for child in children] != list(record.part_bytes)
            or record.file_bytes not in {None, size}
        ):
            raise CheckFailed(f"the file {cid} contradicts its own sizes")
        return _Subdag(record.kind, size, 1, height)
    if record.kind not in {DIRECTORY, SHARD}:
        raise CheckFailed(f"the block {cid} is neither a file nor a folder")
    return _Subdag(record.kind, 0, 1 + sum(child.paths for child in children), height)
