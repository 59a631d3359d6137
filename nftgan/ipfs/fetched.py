"""Blocks of a gateway, kept as they come, and a whole folder of them in one request."""

from __future__ import annotations

import hashlib
from typing import Protocol

from nftgan.errors import CheckFailed, UsageError
from nftgan.ipfs.cid import DAG_PB, Cid
from nftgan.ipfs.dagpb import decode_node
from nftgan.ipfs.reader import MAX_BLOCK_BYTES, MissingBlock
from nftgan.ipfs.remote import RemoteGateway
from nftgan.progress import SILENT, Progress

MEMORY_BYTES = 64 << 20
BLOCK_OVERHEAD = 40
"""Bytes that a block counts for beside its own: a stream of empty ones ends too."""
FEW = 0.1
"""Of a folder: where so little of it is missing, each block is asked for by its own CID."""


STRAYS = 1_000
"""Blocks in a CAR that nothing links to which came before: a gateway may send them in another
order, or fill a disk with them."""


def _links(cid: Cid, data: bytes) -> list[Cid]:
    if cid.codec != DAG_PB:
        return []
    try:
        return [link.cid for link in decode_node(data).links]
    except ValueError:
        return []


class Blocks(Protocol):
    """Where blocks are kept; `nftgan.ipfs.store.BlockStore` is one."""

    def has(self, cid: Cid) -> bool: ...
    def get(self, cid: Cid) -> bytes: ...
    def put(self, cid: Cid, data: bytes) -> bool: ...


class MemoryBlocks:
    """As many blocks as fit into `most_bytes`; others are forgotten at once."""

    def __init__(self, most_bytes: int = MEMORY_BYTES) -> None:
        self._blocks: dict[Cid, bytes] = {}
        self._left = most_bytes

    def has(self, cid: Cid) -> bool:
        return cid in self._blocks

    def get(self, cid: Cid) -> bytes:
        """The block. Raises MissingBlock."""
        if cid not in self._blocks:
            raise MissingBlock(f"the block {cid} was not kept")
        return self._blocks[cid]

    def put(self, cid: Cid, data: bytes) -> bool:
        """Whether it is kept now and was not before."""
        if cid in self._blocks or len(data) > self._left:
            return False
        self._blocks[cid] = data
        self._left -= len(data)
        return True


class Kept:
    """Where the blocks are that all gateways of one run gave; `blocks` may be replaced once."""

    def __init__(self, blocks: Blocks | None = None) -> None:
        self.blocks: Blocks = blocks or MemoryBlocks()

    def put(self, cid: Cid, data: bytes) -> bool:
        """Keep a block whose bytes are those of its CID; False for any other."""
        if len(data) > MAX_BLOCK_BYTES or hashlib.sha256(data).digest() != cid.digest:
            return False
        try:
            self.blocks.put(cid, data)
        except UsageError:  # the disk is full: it is asked for again
            return False
        return self.blocks.has(cid)


class FetchedBlocks:
    """One gateway in front of which stands what it gave already."""

    def __init__(self, gateway: RemoteGateway, kept: Kept, progress: Progress = SILENT) -> None:
        self._gateway, self._kept, self._progress = gateway, kept, progress

    def __call__(self, cid: Cid) -> bytes:
        """One block, not checked. Raises MissingBlock or ServiceError."""
        try:
            return self._kept.blocks.get(cid)
        except CheckFailed:  # missing, or damaged on this disk
            data = self._gateway(cid)
        self._kept.put(cid, data)
        return data

    def fetch(self, root: Cid, most_bytes: int) -> bool:
        """Whether the DAG below `root` is kept whole now, after one request at most.

        Only blocks that something below `root` links to are kept. Stops after `most_bytes`, at a
        block that is another one, after STRAYS that nothing links to, and when no more can be kept.
        Raises MissingBlock or ServiceError when the gateway does not begin.
        """
        known, wanted = self._known(root)
        if len(wanted) < FEW * known:
            return not wanted
        left, strays = most_bytes, 0
        with self._progress.task(f"read from {self._gateway.host}", None, "blocks") as task:
            for cid, data in self._gateway.blocks(root):
                left -= len(data) + BLOCK_OVERHEAD
                if cid not in wanted and not self._kept.blocks.has(cid):
                    strays += 1
                    if strays > STRAYS or left < 0:
                        break
                    continue
                if left < 0 or not self._kept.put(cid, data):
                    break
                wanted.discard(cid)
                wanted |= {one for one in _links(cid, data) if not self._kept.blocks.has(one)}
                task.advance()
        return not self._known(root)[1]

    def _known(self, root: Cid) -> tuple[int, set[Cid]]:
        """How many blocks below `root` are linked to from those that are here; which lack."""
        seen, stack, missing = {root}, [root], set[Cid]()
        while stack:
            cid = stack.pop()
            if not self._kept.blocks.has(cid):
                missing.add(cid)
                continue
            if cid.codec != DAG_PB:
                continue
            try:
                links = decode_node(self._kept.blocks.get(cid)).links
            except (CheckFailed, ValueError):
                missing.add(cid)
                continue
            stack += {link.cid for link in links} - seen
            seen.update(link.cid for link in links)
        return len(seen), missing
