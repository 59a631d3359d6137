"""How fast a folder becomes a dataset: nftgan prepare against one image at a time, in one run.

    python benchmarks/prepare.py [--images 500] [--side 1024] [--resolution 256] [--json]

JPEGs and PNGs apart: of a PNG, inflating alone is half of the baseline's time. Beside the seconds
on the clock stands the processor time of an image, all processes together, which other load moves
less; from it follows the ratio that idle processors would give.

The baseline is the usual tool's loop in one process: open, cut the middle square, Lanczos, write
the PNG into a stored zip. It does not look for copies, colour profiles, rotation or damage.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import resource
import tempfile
import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from nftgan.dataset.parallel import worker_count
from nftgan.dataset.prepare import prepare
from nftgan.dataset.prepare_options import PrepareOptions


def make_art(folder: Path, images: int, side: int, kind: str) -> None:
    """Drawings of discs over a gradient with a little grain, 5:4."""
    height, width = side, side * 5 // 4
    y, x = np.mgrid[:height, :width] / side
    for seed in range(images):
        random = np.random.default_rng(seed)
        pixels = np.stack([200 * x, 220 * y, 120 + 90 * x * y], axis=2)
        for _ in range(12):
            cx, cy, radius = random.uniform([0, 0, 0.05], [1.2, 1, 0.25])
            pixels[(x - cx) ** 2 + (y - cy) ** 2 < radius**2] = random.integers(0, 256, 3)
        pixels += random.normal(0, 3, pixels.shape)
        image = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
        if kind == "jpg":
            image.save(folder / f"{seed:05d}.jpg", quality=92)
        else:
            image.save(folder / f"{seed:05d}.png", compress_level=1)


def one_at_a_time(source: Path, output: Path, resolution: int) -> None:
    with zipfile.ZipFile(output, "w", zipfile.ZIP_STORED) as archive:
        for index, path in enumerate(sorted(source.iterdir())):
            with Image.open(path) as opened:
                pixels = np.array(opened.convert("RGB"))
            side = min(pixels.shape[:2])
            top, left = (pixels.shape[0] - side) // 2, (pixels.shape[1] - side) // 2
            square = Image.fromarray(pixels[top : top + side, left : left + side])
            square = square.resize((resolution, resolution), Image.Resampling.LANCZOS)
            buffer = io.BytesIO()
            square.save(buffer, "PNG", compress_level=0)
            archive.writestr(f"{index // 1000:05d}/img{index:08d}.png", buffer.getvalue())
        archive.writestr("dataset.json", json.dumps({"labels": None}))


def now() -> tuple[float, float]:
    """Seconds on the clock, and processor seconds of this process and those that it waited for."""
    times = os.times()
    spent = times.user + times.system + times.children_user + times.children_system
    return time.perf_counter(), spent


def measure(kind: str, arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """One row a way; the best of all repetitions."""
    ways = ("one at a time", "nftgan prepare", "the same again")
    best = {what: (float("inf"), float("inf")) for what in ways}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "art").mkdir()
        make_art(folder / "art", arguments.images, arguments.side, kind)
        options = PrepareOptions(resolution=arguments.resolution)
        for number in range(arguments.repeat):  # alternating, so that other load hits all alike
            start = now()
            one_at_a_time(folder / "art", folder / "baseline.zip", arguments.resolution)
            first = now()
            report = prepare(folder / "art", folder / f"{number}.zip", options)
            second = now()
            again = prepare(folder / "art", folder / f"{number}.zip", options)
            third = now()
            if report.kept != arguments.images or not again.unchanged:
                raise SystemExit(f"unexpected result: {report.rejected[:3]}")
            moments = ((start, first), (first, second), (second, third))
            for what, (before, after) in zip(ways, moments, strict=True):
                best[what] = (
                    min(best[what][0], after[0] - before[0]),
                    min(best[what][1], after[1] - before[1]),
                )
    clock, spent = best[ways[0]]
    processes = {ways[1]: worker_count(arguments.images)}
    return [
        {
            "kind": kind,
            "way": what,
            "seconds": round(seconds, 3),
            "pictures_per_second": round(arguments.images / seconds, 1),
            "ratio": round(clock / seconds, 2),
            "processor_ms_an_image": round(1000 * processor / arguments.images, 2),
            "ratio_when_idle": round(processes.get(what, 1) * spent / processor, 2),
        }
        for what, (seconds, processor) in best.items()
    ]


def memory() -> dict[str, int]:
    """Peak memory in MB of this process and of the largest worker."""
    ways = {"peak": resource.RUSAGE_SELF, "worker_peak": resource.RUSAGE_CHILDREN}
    return {name: resource.getrusage(who).ru_maxrss >> 10 for name, who in ways.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=500)
    parser.add_argument("--side", type=int, default=1024)
    parser.add_argument("--resolution", type=int, default=256)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    rows = [row for kind in ("jpg", "png") for row in measure(kind, arguments)]
    if arguments.json:
        print(json.dumps({"processes": worker_count(10**6), "rows": rows} | memory(), indent=1))
        return
    print(f"{arguments.images} images of {arguments.side} px, {worker_count(10**6)} processes")
    for row in rows:
        print(
            f"{row['kind']} {row['way']:15} {row['seconds']:7.2f} s"
            f" {row['pictures_per_second']:7.1f} pictures/s  {row['ratio']:5.2f}x"
            f"   {row['processor_ms_an_image']:6.2f} ms of processors,"
            f" {row['ratio_when_idle']:5.2f}x when idle"
        )
    print("  ".join(f"{name} {value} MB" for name, value in memory().items()))


if __name__ == "__main__":
    main()
