"""Fetch back what was pinned and compare it with our CIDs, block by block."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from typing import Literal

from nftgan.errors import CheckFailed, UsageError
from nftgan.ipfs.car import CarFile
from nftgan.ipfs.cid import DAG_PB, Cid
from nftgan.ipfs.dagpb import decode_node, decode_unixfs
from nftgan.ipfs.reader import Get, MissingBlock
from nftgan.progress import SILENT, Progress, track

Extent = Literal["sample", "all", "none"]
SAMPLE = 64


def chosen(car: CarFile, roots: Sequence[Cid], extent: Extent) -> list[Cid]:
    """The blocks to fetch: all, or the roots, the first, the last and others by lot.

    The lot is drawn from the root's CID, so that the same DAG is sampled the same way.
    Raises UsageError for an unknown extent.
    """
    if extent not in {"sample", "all", "none"}:
        raise UsageError(f"unknown extent {extent!r}", hint="choose sample, all or none")
    if extent == "none":
        return []
    cids = list(car.cids)
    if extent == "all" or len(cids) <= SAMPLE:
        return cids
    lot = random.Random(car.root.digest).sample(cids, SAMPLE)
    return list(dict.fromkeys([*roots, cids[0], cids[-1], *lot]))


def verify(
    car: CarFile,
    roots: Sequence[Cid],
    get: Get,
    *,
    where: str,
    extent: Extent = "sample",
    progress: Progress = SILENT,
) -> int:
    """Fetch blocks from `get` and compare each with its CID. Returns how many were compared.

    Raises CheckFailed with the CID and the path of the first that is missing or other.
    """
    cids = chosen(car, roots, extent)
    for cid in track(cids, progress, f"read back from {where}", "blocks"):
        try:
            data = get(cid)
        except MissingBlock as exc:
            raise CheckFailed(
                f"{where} is missing the block {cid} of {place_of(car, cid)}",
                hint="run the same command again: every block is sent anew",
            ) from exc
        if hashlib.sha256(data).digest() != cid.digest:
            raise CheckFailed(
                f"{where} serves other bytes for the block {cid} of {place_of(car, cid)}",
                hint="run the same command again; if it stays so, pin to another place",
            )
    return len(cids)


def place_of(car: CarFile, wanted: Cid) -> str:
    """The path below the root of the file or folder that a block belongs to."""
    stack = [(car.root, "")]
    seen = set()
    while stack:
        cid, path = stack.pop()
        if cid == wanted:
            return path or "the root folder"
        if cid in seen or cid.codec != DAG_PB:
            continue
        seen.add(cid)
        node = decode_node(car.get(cid))
        sharded = decode_unixfs(node.data).fanout is not None
        for link in node.links:
            name = link.name[2:] if sharded else link.name  # a shard's names start with the slot
            stack.append((link.cid, f"{path}/{name}".strip("/") if name else path))
    return "no file"
