"""kill -9 in the middle of an upload, again and again, and what the node received of each block.

The node counts every block of every request, also of those that were cut off. A part counts as
confirmed once the journal has it: the answer came and was noted. `make pin-campaign` runs it whole.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

from nftgan.errors import NftganError
from nftgan.ipfs.backends.kubo import KuboBackend
from nftgan.ipfs.car import CarFile
from nftgan.ipfs.cid import Cid, read_varint
from nftgan.ipfs.pinning import pack, pin_car
from tests.ipfs.fake_node import FakeNode, Handler, running

UPLOADER = """
import sys
from pathlib import Path
from nftgan.ipfs.backends.kubo import KuboBackend
from nftgan.ipfs.pinning import pin_car
folder, url, shard_bytes = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
backend = KuboBackend(url, shard_bytes=shard_bytes, get_seconds=20)
car, journal = folder / "art.car", folder / "pin.jsonl"
result = pin_car(car, backend, label="art", journal_path=journal, verify_mode="all")
print(result.root, result.checked_blocks, flush=True)
"""


class CountingNode(FakeNode):
    """Counts the blocks that reach it, whole, and calls `when` as the bytes come in."""

    def __init__(self) -> None:
        super().__init__()
        self.RequestHandlerClass = CountingHandler
        self.arrived: Counter[Cid] = Counter()  # since the last `Counter.clear`
        self.wire_bytes = 0  # of bodies of imports
        self.kill_at: int | None = None
        self.reached = threading.Event()

    def count(self, size: int) -> None:
        self.wire_bytes += size
        if self.kill_at is not None and self.wire_bytes >= self.kill_at:
            self.reached.set()
            self.kill_at = None
            time.sleep(0.05)  # the part is not answered before the kill has come


class CountingHandler(Handler):
    server: CountingNode

    def _body(self) -> bytes:
        if not self.path.startswith("/api/v0/dag/import"):
            return super()._body()
        data = bytearray()
        try:
            while size := int(self.rfile.readline() or b"0", 16):
                piece = self.rfile.read(size)
                data += piece
                self.server.count(len(piece))
                if len(piece) < size:
                    break
                self.rfile.readline()
            else:
                self.rfile.readline()
        except (OSError, ValueError):
            pass
        for cid in blocks_of(bytes(data)):
            self.server.arrived[cid] += 1
        return bytes(data)


def blocks_of(body: bytes) -> list[Cid]:
    """The blocks that are in the beginning of an upload, whole."""
    found = []
    try:
        at = body.index(b"\r\n\r\n") + 4
        size, at = read_varint(body, at)
        end = at + size
        while end < len(body) and not body.startswith(b"\r\n--", end):
            size, at = read_varint(body, end)
            cid, _ = Cid.from_bytes(body, at)
            end = at + size
            if end <= len(body):
                found.append(cid)
    except (ValueError, IndexError, NftganError):
        pass  # cut in the middle of a header
    return found


@dataclass(frozen=True)
class Figures:
    """What came of a campaign; sizes in bytes of blocks, each counted as often as it arrived."""

    files: int
    kills: int
    parts: int
    car_bytes: int
    block_bytes: int
    received_bytes: int  # of whole blocks
    wire_bytes: int  # with half blocks and framing
    again_bytes: int  # arrived more than once: of parts that were cut off
    confirmed_again_bytes: int  # arrived after the journal had them
    pinned: bool
    verified_blocks: int
    seconds: float


def tree_of(folder: Path, files: int, size: int) -> None:
    """`files` images and as many JSON documents, each unlike the others."""
    lot = random.Random(1)
    for kind, suffix, length in (("images", "png", size), ("metadata", "json", 300)):
        (folder / kind).mkdir(parents=True)
        for number in range(files // 2):
            data = lot.randbytes(length)
            (folder / kind / f"{number}.{suffix}").write_bytes(data)


def campaign(folder: Path, *, files: int, size: int, kills: int, shard_bytes: int) -> Figures:
    """Upload `files` files of `size` bytes, killed `kills` times; raises AssertionError."""
    began = time.monotonic()
    tree_of(folder / "tree", files, size)
    names = ("images", "metadata")
    tree = {
        kind: {path.name: path for path in (folder / "tree" / kind).iterdir()} for kind in names
    }
    packed = pack(tree, folder / "art.car")
    car = CarFile(packed.path)
    total = sum(car.block_bytes(cid) for cid in car.cids)
    lot = random.Random(2)
    journal = folder / "pin.jsonl"
    confirmed: set[Cid] = set()
    confirmed_again = received = again = 0
    seen: set[Cid] = set()
    backend = KuboBackend("http://127.0.0.1:9", shard_bytes=shard_bytes)
    parts = list(backend._shards(car))

    with running(CountingNode()) as node:

        def settle() -> None:
            """Take stock of what arrived since the last kill."""
            nonlocal confirmed_again, received, again
            for cid, times in node.arrived.items():
                size = car.block_bytes(cid)
                received += times * size
                fresh = 0 if cid in seen else 1
                again += (times - fresh) * size
                if cid in confirmed and cid != car.root:  # the pin is asked for by the root alone
                    confirmed_again += times * size
            seen.update(node.arrived)
            node.arrived.clear()
            noted = Counter(line["part"] for line in lines(journal) if "part" in line)
            assert not noted or max(noted.values()) == 1, "a part was noted twice"
            for cids in parts[: len(noted)]:
                confirmed.update(cids)

        done = 0
        while done < kills:
            # The kills are spread over the upload; each falls anywhere in a part.
            left = total - sum(car.block_bytes(cid) for cid in confirmed)
            ahead = min(left - 1, round(2 * lot.random() * left / (kills - done + 1)) + 1)
            node.kill_at = node.wire_bytes + max(ahead, 1)
            node.reached.clear()
            child = start(folder, node.url, shard_bytes)
            while not node.reached.wait(0.01) and child.poll() is None:
                pass
            assert child.poll() is None, f"it ended before kill {done + 1}"
            os.kill(child.pid, signal.SIGKILL)
            child.wait()
            time.sleep(0.1)  # the node notices
            settle()
            done += 1
        node.kill_at = None
        child = start(folder, node.url, shard_bytes)
        out, _ = child.communicate(timeout=600)
        root, verified = out.decode().split()
        settle()
        assert root == packed.root
        roots = {Cid.parse(cid) for cid in (packed.root, *packed.cids.values())}
        assert all(node.blocks[cid] == car.get(cid) for cid in car.cids)
        wire = node.wire_bytes
        before = node.received_bytes
        quiet = pin_car(
            packed.path,
            KuboBackend(node.url),
            label="art",
            journal_path=journal,
            verify_mode="none",
        )
        assert quiet.sent_bytes == 0 and node.received_bytes == before
        pinned = roots == node.pinned
    return Figures(
        files=files,
        kills=done,
        parts=len(parts),
        car_bytes=packed.size_bytes,
        block_bytes=total,
        received_bytes=received,
        wire_bytes=wire,
        again_bytes=again,
        confirmed_again_bytes=confirmed_again,
        pinned=pinned,
        verified_blocks=int(verified),
        seconds=round(time.monotonic() - began, 1),
    )


def start(folder: Path, url: str, shard_bytes: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", UPLOADER, str(folder), url, str(shard_bytes)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2])


def lines(journal: Path) -> list[dict[str, str]]:
    found = []
    for line in journal.read_bytes().splitlines() if journal.exists() else ():
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--size", type=int, default=200_000)
    parser.add_argument("--kills", type=int, default=24)
    parser.add_argument("--shard-bytes", type=int, default=8 << 20)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        figures = campaign(Path(name), **vars(asked))
    print(json.dumps(asdict(figures), indent=2))
    assert figures.confirmed_again_bytes == 0 and figures.pinned


if __name__ == "__main__":
    main()
