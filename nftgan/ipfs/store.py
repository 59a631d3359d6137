"""The embedded block store: Kubo's flatfs layout on disk, deduplicated, pinned, re-hashable."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from nftgan.errors import CheckFailed
from nftgan.files import fsync_folder, os_error, read_json, write_json, write_text
from nftgan.ipfs.cid import Cid

SHARDING = "/repo/flatfs/shard/v1/next-to-last/2\n"


class MissingBlock(CheckFailed):
    """A block that the store does not have."""


class BlockStore:
    """Blocks by multihash under `folder/blocks`, as Kubo's flatfs data store keeps them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.blocks = folder / "blocks"
        self.pins_folder = folder / "pins"
        self._folders: set[Path] = set()
        if not (self.blocks / "SHARDING").exists():
            write_text(self.blocks / "SHARDING", SHARDING)

    def path_of(self, cid: Cid) -> Path:
        """Where the block lies: the next-to-last two letters of its key name the folder."""
        key = base64.b32encode(cid.multihash).decode().rstrip("=")
        return self.blocks / key[-3:-1] / f"{key}.data"

    def has(self, cid: Cid) -> bool:
        return self.path_of(cid).exists()

    def put(self, cid: Cid, data: bytes) -> bool:
        """Store a block, whole or not at all; True when it is new.

        Durable after `sync`. Raises UsageError when the disk refuses.
        """
        path = self.path_of(cid)
        if path.exists():
            return False
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(prefix="put-", dir=path.parent)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                Path(name).replace(path)
            except BaseException:
                with contextlib.suppress(OSError):
                    Path(name).unlink()
                raise
        except OSError as exc:
            raise os_error(exc, path) from exc
        self._folders.add(path.parent)
        return True

    def sync(self) -> None:
        """Make every block put so far durable."""
        for folder in self._folders:
            fsync_folder(folder)
        self._folders.clear()

    def get(self, cid: Cid) -> bytes:
        """The block, hashed again. Raises MissingBlock, or CheckFailed when it is damaged."""
        path = self.path_of(cid)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            raise MissingBlock(f"the block {cid} is not in the store") from None
        except OSError as exc:
            raise os_error(exc, path) from exc
        if hashlib.sha256(data).digest() != cid.digest:
            raise CheckFailed(
                f"the block {cid} in the store is damaged", hint=f"delete {path} and pin again"
            )
        return data

    # ---- pins

    def pin(self, cid: Cid, name: str) -> None:
        """Remember that everything below `cid` is to be kept."""
        write_json(self.pins_folder / f"{cid}.json", {"cid": str(cid), "name": name})

    def unpin(self, cid: Cid) -> None:
        (self.pins_folder / f"{cid}.json").unlink(missing_ok=True)

    def pins(self) -> dict[str, str]:
        """CID to name of everything pinned."""
        if not self.pins_folder.is_dir():
            return {}
        entries = [read_json(path) for path in sorted(self.pins_folder.glob("*.json"))]
        return {entry["cid"]: entry["name"] for entry in entries}

    # ---- checks

    def __iter__(self) -> Iterator[Path]:
        yield from sorted(self.blocks.glob("*/*.data"))

    def verify(self) -> Iterator[tuple[Path, bool]]:
        """Every block file and whether its bytes still have its name's hash."""
        for path in self:
            key = path.stem
            expected = base64.b32decode(key + "=" * (-len(key) % 8))[2:]
            yield path, hashlib.sha256(path.read_bytes()).digest() == expected
