"""The embedded block store: Kubo's flatfs layout on disk, deduplicated, pinned, re-hashable."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from nftgan.errors import CheckFailed, UsageError
from nftgan.files import fsync_folder, os_error, read_json, write_json, write_text
from nftgan.ipfs.cid import Cid
from nftgan.ipfs.reader import MissingBlock, read_file, walk

SHARDING = "/repo/flatfs/shard/v1/next-to-last/2\n"


class BlockStore:
    """Blocks by multihash under `folder/blocks`, as Kubo's flatfs data store keeps them."""

    def __init__(self, folder: Path, *, durable: bool = True) -> None:
        """Open or make a store; without `durable` a power cut may lose the newest blocks."""
        self.folder = folder
        self.durable = durable
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
        """Store a block, whole or not at all; True when it is new or mends a damaged one.

        Durable after `sync`. Raises UsageError when the disk refuses.
        """
        path = self.path_of(cid)
        try:
            if path.exists() and path.read_bytes() == data:
                return False
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(prefix="put-", dir=path.parent)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(data)
                    if self.durable:
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
        """Make every block put so far durable, in a durable store."""
        for folder in self._folders if self.durable else ():
            fsync_folder(folder)
        self._folders.clear()

    def read_file(self, cid: Cid, path: str = "", *, most_bytes: int) -> bytes:
        """The whole file at `path` below `cid`. Raises CheckFailed, also above `most_bytes`."""
        return read_file(self.get, cid, path, most_bytes=most_bytes)

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
        """Forget the pin; the blocks stay until `collect`."""
        (self.pins_folder / f"{cid}.json").unlink(missing_ok=True)

    def pins(self) -> dict[str, str]:
        """CID to name of everything pinned."""
        if not self.pins_folder.is_dir():
            return {}
        pins = {}
        for path in sorted(self.pins_folder.glob("*.json")):
            entry = read_json(path)
            if not isinstance(entry, dict) or entry.get("cid") != path.stem:
                raise UsageError(f"{path} is not a pin", hint="delete it and pin again")
            pins[path.stem] = str(entry.get("name", ""))
        return pins

    def collect(self) -> int:
        """Delete every block that no pin needs; not while another process pins.

        Returns how many files went. Raises CheckFailed when a pinned block is missing.
        """
        keep = {
            self.path_of(cid) for pin in self.pins() for cid, _ in walk(self.get, Cid.parse(pin))
        }
        surplus = [path for path in self if path not in keep]
        surplus += self.blocks.glob("*/put-*")  # left by a process that was killed
        for path in surplus:
            path.unlink(missing_ok=True)
        return len(surplus)

    # ---- checks

    def __iter__(self) -> Iterator[Path]:
        yield from sorted(self.blocks.glob("*/*.data"))

    def verify(self) -> Iterator[tuple[Path, bool]]:
        """Every block file and whether its bytes still have its name's hash."""
        for path in self:
            key = path.stem
            expected = base64.b32decode(key + "=" * (-len(key) % 8))[2:]
            yield path, hashlib.sha256(path.read_bytes()).digest() == expected
