"""The embedded block store as a target: no daemon, no network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from nftgan.ipfs.backends.base import Limits, UploadJournal
from nftgan.ipfs.car import CarFile
from nftgan.ipfs.cid import Cid
from nftgan.ipfs.preflight import require_disk_space
from nftgan.ipfs.store import BlockStore
from nftgan.progress import Progress


class EmbeddedBackend:
    """Blocks and pins in a folder; a block file needs no journal, its name says what it is."""

    name = "embedded"
    limits = Limits(local=True)
    by_path = None

    def __init__(self, folder: Path, *, durable: bool = True) -> None:
        self.store = BlockStore(folder, durable=durable)

    def put(
        self,
        car: CarFile,
        roots: Sequence[Cid],
        *,
        label: str,
        journal: UploadJournal,
        progress: Progress,
    ) -> int:
        """Store what is missing and pin `roots`. Returns the bytes written.

        Raises UsageError when the disk is too small or refuses.
        """
        needed = sum(car.block_bytes(cid) for cid in car.cids if not self.store.has(cid))
        require_disk_space(self.store.folder, needed)
        written = 0
        with progress.task("store", car.size_bytes, "B") as task:
            for cid in car.cids:
                data = car.get(cid)
                if self.store.put(cid, data):
                    written += len(data)
                task.advance(len(data))
        self.store.sync()
        for root in roots:
            self.store.pin(root, label)
        return written

    def is_pinned(self, root: Cid) -> bool:
        return str(root) in self.store.pins()

    def get(self, cid: Cid) -> bytes:
        return self.store.get(cid)

    def unpin(self, root: Cid) -> None:
        self.store.unpin(root)

    def close(self) -> None:
        pass
