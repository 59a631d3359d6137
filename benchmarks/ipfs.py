"""How fast a folder becomes CIDs, a CAR and a block store, against bare SHA-256 in one run.

    python benchmarks/ipfs.py [--repeat 3] [--json]

The baseline opens every file and hashes its bytes, one after the other, and does nothing else.
Files come from the page cache: every way reads the same ones, in turn.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from nftgan.ipfs import cid_of_path
from nftgan.ipfs.importer import THREADS, Importer
from nftgan.ipfs.pinning import pack
from nftgan.ipfs.store import BlockStore
from nftgan.ipfs.verify import verify

SETS = {"2,000 x 200 KB": (2000, 200_000), "10,000 x 100 B": (10_000, 100)}


def bare(folder: Path, scratch: Path) -> None:
    for path in sorted(folder.iterdir()):
        hashlib.sha256(path.read_bytes()).digest()


def cids(folder: Path, scratch: Path) -> None:
    cid_of_path(folder)


def car(folder: Path, scratch: Path) -> None:
    pack({folder.name: folder}, scratch / "x.car")


def store(folder: Path, scratch: Path) -> None:
    blocks = BlockStore(Path(tempfile.mkdtemp(dir=scratch)), durable=False)
    Importer(lambda cid, data: blocks.put(cid, data) and None).add_path(folder)


def read_back(folder: Path, scratch: Path) -> None:
    from nftgan.ipfs.car import CarFile

    packed = CarFile(scratch / "x.car")
    verify(packed, [packed.root], packed.get, where="the CAR", extent="all")


WAYS: dict[str, Callable[[Path, Path], None]] = {
    "bare sha256": bare,
    "CIDs": cids,
    "CAR, fsynced": car,
    "CAR read and checked": read_back,
    "block store, not fsynced": store,
}


def measure(count: int, size: int, repeat: int) -> dict[str, float]:
    """The best seconds of each way over one folder."""
    best = dict.fromkeys(WAYS, float("inf"))
    with tempfile.TemporaryDirectory() as name:
        folder, scratch = Path(name) / "files", Path(name) / "scratch"
        folder.mkdir()
        scratch.mkdir()
        lot = random.Random(0)
        for i in range(count):
            (folder / f"{i}.png").write_bytes(lot.randbytes(size))
        for _ in range(repeat):  # alternating, so that other load hits all alike
            for way, run in WAYS.items():
                start = time.perf_counter()
                run(folder, scratch)
                best[way] = min(best[way], time.perf_counter() - start)
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    rows = []
    for name, (count, size) in SETS.items():
        for way, seconds in (times := measure(count, size, arguments.repeat)).items():
            rows.append(
                {
                    "files": name,
                    "way": way,
                    "seconds": round(seconds, 3),
                    "mb_per_second": round(count * size / seconds / 1e6, 1),
                    "files_per_second": round(count / seconds),
                    "times_bare": round(seconds / times["bare sha256"], 2),
                }
            )
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    if arguments.json:
        print(json.dumps({"threads": THREADS, "peak_mb": peak_mb, "rows": rows}, indent=2))
        return
    print(f"{THREADS} threads, at most {peak_mb} MB of memory")
    print(f"{'files':15} {'way':26} {'s':>7} {'MB/s':>8} {'files/s':>8} {'x bare':>7}")
    for row in rows:
        print(
            f"{row['files']:15} {row['way']:26} {row['seconds']:7.2f} {row['mb_per_second']:8.1f}"
            f" {row['files_per_second']:8} {row['times_bare']:7.2f}"
        )


if __name__ == "__main__":
    main()
