"""The embedded block store: Kubo's flatfs layout on disk, deduplicated, pinned, re-hashable."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from nftgan.errors import UsageError
from nftgan.files import complete_files, fsync_folder, os_error, read_json, write_json, write_text
from nftgan.ipfs.cid import Cid
from nftgan.ipfs.reader import BlockDamaged, MissingBlock, read_file, walk

SHARDING = "/repo/flatfs/shard/v1/next-to-last/2\n"

WRITERS = 16
"""Threads that write and fsync: most file systems make many fsyncs durable by one commit."""

UNDER_WAY_BYTES = 32 << 20
"""As much at most is on its way to the disk."""


class BlockStore:
    """Blocks by multihash under `folder/blocks`, as Kubo's flatfs data store keeps them."""

    def __init__(self, folder: Path, *, durable: bool = True) -> None:
        """Open or make a store; without `durable` a power cut may lose the newest blocks."""
        self.folder = folder
        self.durable = durable
        self.blocks = folder / "blocks"
        self.pins_folder = folder / "pins"
        self._made: set[str] = set()  # folders that are there
        self._touched: set[str] = set()  # folders whose entries may not be durable yet
        self._under_way: deque[tuple[str, Future[None]]] = deque()
        self._data: dict[str, bytes] = {}  # of the blocks under way, by path
        self._bytes = 0
        self._pool: ThreadPoolExecutor | None = None
        self._names = f"put-{os.urandom(6).hex()}-"
        self._count = 0
        if not (self.blocks / "SHARDING").exists():
            write_text(self.blocks / "SHARDING", SHARDING)

    def path_of(self, cid: Cid) -> Path:
        """Where the block lies: the next-to-last two letters of its key name the folder."""
        return Path(*self._location(cid))

    def _location(self, cid: Cid) -> tuple[str, str]:
        key = base64.b32encode(cid.multihash).decode().rstrip("=")
        return f"{self.blocks}{os.sep}{key[-3:-1]}", f"{key}.data"

    def has(self, cid: Cid) -> bool:
        path = self.path_of(cid)
        return str(path) in self._data or path.exists()

    def put(self, cid: Cid, data: bytes) -> bool:
        """Store a block, whole or not at all; True when it is new or mends a damaged one.

        Durable after `sync`, and until then perhaps still on its way to the disk: only for one
        thread at a time. Raises UsageError when the disk refuses this block or an earlier one.
        """
        folder, name = self._location(cid)
        path = f"{folder}{os.sep}{name}"
        if path in self._data:
            return False
        self._touched.add(folder)  # also when the block is there: who wrote it may have been killed
        try:
            if os.path.exists(path) and Path(path).read_bytes() == data:  # noqa: PTH110 - speed
                return False
            if folder not in self._made:
                Path(folder).mkdir(parents=True, exist_ok=True)
                self._made.add(folder)
                self._touched.add(str(self.blocks))
        except OSError as exc:
            raise os_error(exc, Path(path)) from exc
        self._count += 1
        temporary = f"{folder}{os.sep}{self._names}{self._count}"
        if not self.durable:
            _write(path, temporary, data, durable=False)
            return True
        while self._under_way and (
            self._bytes + len(data) > UNDER_WAY_BYTES or len(self._under_way) >= 4 * WRITERS
        ):
            self._settle_one()
        self._pool = self._pool or ThreadPoolExecutor(WRITERS)
        self._data[path] = data
        self._bytes += len(data)
        future = self._pool.submit(_write, path, temporary, data, durable=True)
        self._under_way.append((path, future))
        return True

    def _settle_one(self) -> None:
        path, future = self._under_way.popleft()
        try:
            future.result()
        finally:
            self._bytes -= len(self._data.pop(path))

    def sync(self) -> None:
        """Make every block put so far durable, in a durable store. Raises UsageError."""
        try:
            while self._under_way:
                self._settle_one()
            if self.durable and self._touched:
                self._pool = self._pool or ThreadPoolExecutor(WRITERS)
                for _ in self._pool.map(fsync_folder, map(Path, sorted(self._touched))):
                    pass
            self._touched.clear()
        except OSError as exc:
            raise os_error(exc, self.blocks) from exc
        finally:
            self._close_pool()

    def _close_pool(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None
        self._under_way.clear()
        self._data.clear()
        self._bytes = 0

    def read_file(self, cid: Cid, path: str = "", *, most_bytes: int) -> bytes:
        """The whole file at `path` below `cid`. Raises CheckFailed, also above `most_bytes`."""
        return read_file(self.get, cid, path, most_bytes=most_bytes)

    def get(self, cid: Cid) -> bytes:
        """The block, hashed again. Raises MissingBlock or BlockDamaged."""
        path = self.path_of(cid)
        if (data := self._data.get(str(path))) is not None:
            return data
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            raise MissingBlock(f"the block {cid} is not in the store") from None
        except OSError as exc:
            raise os_error(exc, path) from exc
        if hashlib.sha256(data).digest() != cid.digest:
            raise BlockDamaged(
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
        for path in complete_files(self.pins_folder, "*.json"):
            entry = read_json(path)
            if not isinstance(entry, dict) or entry.get("cid") != path.stem:
                raise UsageError(f"{path} is not a pin", hint="delete it and pin again")
            pins[path.stem] = str(entry.get("name", ""))
        return pins

    def collect(self) -> int:
        """Delete every block that no pin needs; not while another process pins.

        Returns how many files went. Raises CheckFailed when a pinned block is missing.
        """
        self.sync()
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


def _write(path: str, temporary: str, data: bytes, *, durable: bool) -> None:
    """`path` holds `data`, or nothing happened. Raises UsageError."""
    try:
        try:
            handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                rest = memoryview(data)
                while rest:
                    rest = rest[os.write(handle, rest) :]
                if durable:
                    os.fsync(handle)
            finally:
                os.close(handle)
            Path(temporary).replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                Path(temporary).unlink()
            raise
    except OSError as exc:
        raise os_error(exc, Path(path)) from exc
