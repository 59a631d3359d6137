"""Fetch back what was pinned and compare it with our CIDs, block by block."""

from __future__ import annotations

import hashlib
import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Literal

from nftgan.errors import CheckFailed, UsageError
from nftgan.ipfs.backends.base import ByPath, NoRawBlocks
from nftgan.ipfs.car import CarFile
from nftgan.ipfs.cid import DAG_PB, RAW, Cid
from nftgan.ipfs.dagpb import decode_node, decode_unixfs
from nftgan.ipfs.reader import BlockGetter, MissingBlock, entries, is_folder, resolve, stream, walk
from nftgan.progress import SILENT, Progress, track

VerifyMode = Literal["sample", "all", "none"]
SAMPLE = 32
"""Tokens that are drawn by lot, beside the first and the last."""


def blocks_to_fetch(car: CarFile, roots: Sequence[Cid], verify_mode: VerifyMode) -> list[Cid]:
    """The blocks to fetch: all, or those that a reader of some tokens meets.

    A sample holds the roots, every folder's first block, all blocks of the first, the last and 32
    other tokens with those on the way to them, and the ends of every other file. The lot is drawn
    from the root's CID, so that the same DAG is sampled the same way. Raises UsageError for an
    unknown verify mode.
    """
    if verify_mode not in {"sample", "all", "none"}:
        raise UsageError(f"unknown verify mode {verify_mode!r}", hint="choose sample, all or none")
    if verify_mode == "none":
        return []
    if verify_mode == "all":
        return list(car.cids)
    picked: dict[Cid, None] = dict.fromkeys(roots)

    def seen(cid: Cid) -> bytes:
        picked[cid] = None
        return car.get(cid)

    drawn, others = sampled_files(car)
    for path, cid in drawn:
        resolve(seen, car.root, path)
        picked.update(dict.fromkeys(block for block, _ in walk(car.get, cid)))
    for path, cid in others:
        resolve(seen, car.root, path)
        picked.update(dict.fromkeys(_ends(car, cid)))
    picked.update(dict.fromkeys(folders(car).values()))
    return list(picked)


def folders(car: CarFile) -> dict[str, Cid]:
    """Every folder by its path; that of the root is empty."""
    return {path: cid for path, cid in _tree(car, car.root, "") if is_folder(car.get, cid)}


def sampled_files(car: CarFile) -> tuple[list[tuple[str, Cid]], list[tuple[str, Cid]]]:
    """Path and CID of the files of the drawn tokens, and of every file that is of no token.

    A token's files are named by its number: images/7.png, metadata/7.json. Where no file is, all
    files count as tokens.
    """
    by_name: dict[str, list[tuple[str, Cid]]] = defaultdict(list)
    for path, cid in files(car):
        by_name[path.rpartition("/")[2].partition(".")[0]].append((path, cid))
    tokens = sorted((name for name in by_name if _is_number(name)), key=int) or sorted(by_name)
    lot = random.Random(car.root.digest).sample(tokens, min(SAMPLE, len(tokens)))
    drawn = dict.fromkeys([*tokens[:1], *tokens[-1:], *lot])
    others = [file for name in by_name if not _is_number(name) for file in by_name[name]]
    if not any(map(_is_number, by_name)):
        others = []
    return [file for name in drawn for file in by_name[name]], others


def files(car: CarFile) -> Iterator[tuple[str, Cid]]:
    """Path and CID of every file."""
    return (found for found in _tree(car, car.root, "") if not is_folder(car.get, found[1]))


def _tree(car: CarFile, cid: Cid, path: str) -> Iterator[tuple[str, Cid]]:
    yield path, cid
    if is_folder(car.get, cid):
        for link in entries(car.get, cid):
            yield from _tree(car, link.cid, f"{path}/{link.name}".lstrip("/"))


def _is_number(name: str) -> bool:
    return name.isascii() and name.isdecimal()


def _ends(car: CarFile, cid: Cid) -> Iterator[Cid]:
    """The blocks from the top of a file down to its first and its last byte."""
    for end in (0, -1):
        at = cid
        while True:
            yield at
            links = () if at.codec == RAW else decode_node(car.get(at)).links
            if not links:
                break
            at = links[end].cid


def verify(
    car: CarFile,
    roots: Sequence[Cid],
    get: BlockGetter,
    *,
    where: str,
    by_path: ByPath | None = None,
    verify_mode: VerifyMode = "sample",
    progress: Progress = SILENT,
) -> int:
    """Fetch blocks from `get` and compare each with its CID. Returns how many were compared.

    Where `get` gives no blocks of folders, files are fetched by their paths and compared byte for
    byte instead. Raises CheckFailed with the CID and the path of the first that is missing or
    other.
    """
    cids = blocks_to_fetch(car, roots, verify_mode)
    try:
        for cid in track(cids, progress, f"read back from {where}", "blocks"):
            try:
                data = get(cid)
            except MissingBlock as exc:
                if by_path is not None:  # some gateways serve what lies below a pin, and no blocks
                    raise NoRawBlocks(exc.message) from exc
                raise CheckFailed(
                    f"{where} is missing the block {cid} of {path_of(car, cid)}",
                    hint="run the same command again: every block is sent anew",
                ) from exc
            if hashlib.sha256(data).digest() != cid.digest:
                raise CheckFailed(
                    f"{where} serves other bytes for the block {cid} of {path_of(car, cid)}",
                    hint="run the same command again; if it stays so, pin to another place",
                )
    except NoRawBlocks:
        if by_path is None:
            raise
        progress.note(f"{where} does not give every block: whole files are compared")
        return _verify_files(car, by_path, where, verify_mode, progress)
    return len(cids)


def _verify_files(
    car: CarFile, by_path: ByPath, where: str, verify_mode: VerifyMode, progress: Progress
) -> int:
    """The same by the links that tokens hold, ipfs://FOLDER/NAME, which pass through the folders.

    Returns the blocks of the files.
    """
    own = {link.name: link.cid for link in entries(car.get, car.root)}
    drawn, others = sampled_files(car)
    wanted = list(files(car)) if verify_mode == "all" else [*drawn, *others]
    blocks: set[Cid] = set()
    for path, cid in track(wanted, progress, f"read back from {where}", "files"):
        ours = iter(stream(car.get, cid))
        pending = b""
        try:
            top, _, below = path.partition("/")
            for piece in by_path(f"{own[top]}/{below}".rstrip("/")):
                while len(pending) < len(piece) and (more := next(ours, b"")):
                    pending += more
                if not pending.startswith(piece):
                    raise CheckFailed(
                        f"{where} serves other bytes for {path}",
                        hint="run the same command again; if it stays so, pin to another place",
                    )
                pending = pending[len(piece) :]
        except MissingBlock as exc:
            raise CheckFailed(
                f"{where} is missing the file {path}",
                hint="run the same command again: every block is sent anew",
            ) from exc
        if pending or any(ours):
            raise CheckFailed(f"{where} serves only the beginning of {path}")
        blocks.update(block for block, _ in walk(car.get, cid))
    return len(blocks)


def path_of(car: CarFile, wanted: Cid) -> str:
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
