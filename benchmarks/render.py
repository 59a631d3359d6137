"""Canonical images compared between environments, their distance to rounding steps, their price.

    python -m benchmarks.render [--pieces 100] [--other PYTHON ...] [--speed 256,1024] [--json]

Each environment paints the same pieces of T, R and StyleGAN2 models of 32 and 64 pixels, and of the
model that ships, in a process of its own. The baseline is the first one: one thread, nothing
forced. --other names a Python with another torch. Each row is also said when it is done.
--speed measures seconds per piece of untrained models with the published channels, canonical
against the float32 preview in the same process.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parent.parent
SIZES = (32, 64)
LOOKS: tuple[dict[str, Any], ...] = ({"trunc": 0.7}, {}, {"trunc": 0.5, "cutoff": 6})
MOVED: dict[str, Any] = {"trunc": 0.8, "translate": (0.1, -0.05), "rotate": 12.0}
BATCH = 4
ONE: dict[str, str] = {"OMP_NUM_THREADS": "1"}
ENVIRONMENTS: dict[str, tuple[dict[str, str], list[str]]] = {
    "no native kernels": ({"NFTGAN_KERNELS": "off"}, []),
    "ATEN_CPU_CAPABILITY=default": ({"ATEN_CPU_CAPABILITY": "default"}, []),
    "MKL_CBWR=COMPATIBLE": ({"MKL_CBWR": "COMPATIBLE"}, []),
    "two threads": ({"OMP_NUM_THREADS": "2"}, []),
    f"{BATCH} images at once": ({}, ["--batch"]),
    "all at their lowest": (
        {
            "ATEN_CPU_CAPABILITY": "default",
            "MKL_CBWR": "COMPATIBLE",
            "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
            "NFTGAN_KERNELS": "off",
            "ONEDNN_MAX_CPU_ISA": "SSE41",
        },
        ["--no-onednn"],
    ),
    "oneDNN off": ({}, ["--no-onednn"]),
    "ATEN_CPU_CAPABILITY=avx2": ({"ATEN_CPU_CAPABILITY": "avx2"}, []),
    "ATEN_CPU_CAPABILITY=avx512": ({"ATEN_CPU_CAPABILITY": "avx512"}, []),
    "ONEDNN_MAX_CPU_ISA=SSE41": ({"ONEDNN_MAX_CPU_ISA": "SSE41"}, []),
    "ONEDNN_MAX_CPU_ISA=AVX2": ({"ONEDNN_MAX_CPU_ISA": "AVX2"}, []),
    "MKL_CBWR=AVX2": ({"MKL_CBWR": "AVX2"}, []),
    "MKL_ENABLE_INSTRUCTIONS=SSE4_2": ({"MKL_ENABLE_INSTRUCTIONS": "SSE4_2"}, []),
    "MKL_ENABLE_INSTRUCTIONS=AVX2": ({"MKL_ENABLE_INSTRUCTIONS": "AVX2"}, []),
}


# ---- in a process of its own


def pieces(folder: Path, count: int) -> Iterator[tuple[Path, list[int], dict[str, Any]]]:
    """(model file, seeds, look): `count` seeds for each model, a third for large ones.

    No seed has two looks.
    """
    small = count
    for path in sorted(folder.glob("*.safetensors")):
        count = small if path.stem.endswith("-32") else math.ceil(small / 3)
        looks = LOOKS if path.name.startswith("StyleGAN2") else (*LOOKS, MOVED)
        for number, look in enumerate(looks):
            yield path, list(range(number, count, len(looks))), look


def paint(folder: Path, count: int, *, batch: bool, onednn: bool) -> Iterator[np.ndarray]:
    """The grey levels of every piece."""
    import torch

    from nftgan.ops import fused, winograd
    from nftgan.synthesis.canonical import grey_levels, upcast
    from nftgan.synthesis.latents import seeds_to_ws, synthesize
    from nftgan.synthesis.model import load_model

    # The native kernels, also for images that are too small to need them.
    fused.DOUBLE_FROM = winograd.DOUBLE_FROM = 0
    winograd.FEW_CHANNELS = winograd.FEW_TILES = 1
    torch.backends.mkldnn.enabled = onednn
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    opened: tuple[Path | None, Any, Any] = (None, None, None)
    for path, seeds, look in pieces(folder, count):
        if opened[0] != path:
            model = load_model(path)
            opened = (path, model, upcast(model.generator))
        recipe = opened[1].recipe(**look)
        if not batch:
            yield from (grey_levels(opened[2], seed, recipe) for seed in seeds)
            continue
        for start in range(0, len(seeds), BATCH):
            some = seeds[start : start + BATCH]
            x = synthesize(opened[2], seeds_to_ws(opened[2], some, recipe), recipe)
            yield from x.numpy().transpose(0, 2, 3, 1) * 127.5 + 128


def paint_with_numpy(folder: Path, count: int) -> Iterator[np.ndarray]:
    """The same by the renderer that knows nothing of ours."""
    from tests.synthesis import numpy_renderer as second

    for path, seeds, look in pieces(folder, count):
        opened = second.load(path)
        recipe = {"class": None, "trunc": 1.0, "cutoff": None, "translate": (0, 0), "rotate": 0}
        recipe |= look
        yield from (second.levels_of(*opened, seed, recipe) for seed in seeds)


def child(arguments: argparse.Namespace) -> None:
    started = time.perf_counter()
    if arguments.numpy:
        rows = paint_with_numpy(arguments.paint, arguments.pieces)
        version = f"NumPy {np.__version__}"
    else:
        import torch

        rows = paint(
            arguments.paint,
            arguments.pieces,
            batch=arguments.batch,
            onednn=not arguments.no_onednn,
        )
        version = f"torch {torch.__version__}"
    with arguments.to.open("wb") as file:
        for row in rows:
            np.save(file, row)
    print(json.dumps({"version": version, "seconds": time.perf_counter() - started}))


# ---- the comparison


def levels_in(path: Path) -> Iterator[np.ndarray]:
    with path.open("rb") as file:
        while file.tell() < path.stat().st_size:
            yield np.load(file)


def models(folder: Path) -> None:
    """T, R and StyleGAN2 of every size, and the model that ships."""
    import shutil

    from nftgan.networks.model_file import save_model
    from nftgan.networks.sources import base_model
    from tests.synthesis.filled import filled, kinds

    for size in SIZES:
        for name, config in kinds(size).items():
            path = folder / f"{name}-{size}.safetensors"
            save_model(path, generator=filled(config).generator, meta={})
    shutil.copy(base_model(), folder / "base-32.safetensors")


def compare(folder: Path, count: int, others: Sequence[str]) -> dict[str, Any]:
    from nftgan.pixels import pixel_hash, quantize

    models(folder)
    here = [sys.executable]
    runs: list[tuple[str, list[str], dict[str, str], list[str]]] = [
        ("one thread", here, {}, []),
        ("NumPy, written from the definition", here, {}, ["--numpy"]),
        *((other, other.split(), {}, []) for other in others),
        *((name, here, values, flags) for name, (values, flags) in ENVIRONMENTS.items()),
    ]
    base = folder / "base.levels"
    rows = []
    for name, python, environment, flags in runs:
        to = base if not rows else folder / "other.levels"
        command = [*python, "-m", "benchmarks.render", "--paint", str(folder), "--to", str(to)]
        done = subprocess.run(
            [*command, "--pieces", str(count), *flags],
            cwd=ROOT,
            env={**os.environ, **ONE, **environment},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        total = differing = 0
        furthest = 0.0
        digest = hashlib.sha256()
        for mine, theirs in zip(levels_in(base), levels_in(to), strict=True):
            total += 1
            image = np.ascontiguousarray(np.broadcast_to(quantize(theirs), (*mine.shape[:2], 3)))
            differing += int((quantize(mine) != quantize(theirs)).sum())
            furthest = max(furthest, float(np.abs(mine - theirs).max()))
            digest.update(pixel_hash(image).encode())
        rows.append(
            {
                "environment": name,
                **json.loads(done.stdout.splitlines()[-1]),
                "pieces": total,
                "differing_pixels": differing,
                "furthest_levels": furthest,
                "pixels": "sha256:" + digest.hexdigest(),
            }
        )
        print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
        if len(rows) == 1:
            print(json.dumps(edges(base)), file=sys.stderr, flush=True)
    return {"environments": rows, **edges(base)}


def edges(path: Path) -> dict[str, Any]:
    """How many values lie how near to a rounding step, by powers of ten."""
    bins = np.zeros(16, dtype=np.int64)
    total, nearest = 0, []
    for levels in levels_in(path):
        distance = np.abs(levels - np.clip(np.rint(levels), 1, 255))
        total += distance.size
        nearest.append(float(distance.min()))
        power = np.clip(np.ceil(-np.log10(np.maximum(distance, 1e-300))), 0, 15).astype(int)
        bins += np.bincount(power.ravel(), minlength=16)
    return {
        "values": total,
        "nearest_of_all": min(nearest),
        "median_nearest_of_a_piece": float(np.median(nearest)),
        # key k: values whose distance is in [10^-k, 10^(1-k))
        "values_by_distance": {f"1e-{power}": int(n) for power, n in enumerate(bins)},
        # chance that a value lies nearer than d, divided by d: where values spread evenly, 2
        "density": float(bins[4:].sum() / total / 1e-3),
    }


# ---- the price


def published(kind: str, size: int) -> Any:
    from nftgan.networks.architecture import StyleGAN2Config, StyleGAN3Config, stylegan3_r

    make = {"T": StyleGAN3Config, "R": stylegan3_r, "StyleGAN2": StyleGAN2Config}[kind]
    return make(size)


def speed(sizes: Sequence[int], kinds: Sequence[str], threads: int) -> list[dict[str, Any]]:
    import resource

    import torch

    from nftgan.networks import build_generator
    from nftgan.synthesis.model import Model

    torch.set_num_threads(threads)
    rows = []
    for size in sizes:
        for kind in kinds:
            model = Model(build_generator(published(kind, size), seed=0))
            recipe = model.recipe(truncation_psi=0.7)
            seconds = {}
            for name, paint_one in (
                ("float32", lambda seed: model.generate([seed], recipe)),  # noqa: B023
                ("canonical", lambda seed: model.render_checked(seed, recipe)),  # noqa: B023
            ):
                paint_one(0)  # opens, compiles, warms up
                times = []
                for seed in (1, 2):
                    started = time.perf_counter()
                    paint_one(seed)
                    times.append(time.perf_counter() - started)
                seconds[name] = min(times)
            rows.append(
                {
                    "model": f"{kind}-{size}",
                    "threads": threads,
                    "canonical_s": round(seconds["canonical"], 2),
                    "float32_s": round(seconds["float32"], 2),
                    "ratio": round(seconds["canonical"] / seconds["float32"], 1),
                    "most_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
                }
            )
            print(rows[-1], file=sys.stderr, flush=True)
    return rows


def show(result: dict[str, Any]) -> None:
    for row in result.get("environments", []):
        print(
            f"{row['environment'][:38]:38} {row['version'][:20]:20} {row['pieces']:6}"
            f" {row['differing_pixels']:3} pixels differ, values by {row['furthest_levels']:.1e}"
        )
    if "values" in result:
        print(f"{result['values']:,} values, nearest to a step {result['nearest_of_all']:.1e}")
        for distance, count in result["values_by_distance"].items():
            print(f"  from {distance}: {count:,}")
        print(f"density {result['density']:.2f}")
    for row in result.get("speed", []):
        print(
            f"{row['model']:16} {row['canonical_s']:8} s, float32 {row['float32_s']:8} s:"
            f" {row['ratio']} times"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pieces", type=int, default=100, help="of each 32-pixel model; 0: none")
    parser.add_argument("--other", action="append", default=[], metavar="PYTHON")
    parser.add_argument("--speed", default="", metavar="SIZES")
    parser.add_argument("--kinds", default="T,R,StyleGAN2")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    for hidden in ("--paint", "--to"):
        parser.add_argument(hidden, type=Path, help=argparse.SUPPRESS)
    for hidden in ("--batch", "--no-onednn", "--numpy"):
        parser.add_argument(hidden, action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.paint:
        child(arguments)
        return
    result: dict[str, Any] = {}
    if arguments.pieces:
        with tempfile.TemporaryDirectory() as folder:
            result |= compare(Path(folder), arguments.pieces, arguments.other)
    if sizes := [int(size) for size in arguments.speed.split(",") if size]:
        result["speed"] = speed(sizes, arguments.kinds.split(","), arguments.threads)
    if arguments.json:
        print(json.dumps(result, indent=2))
    else:
        show(result)


if __name__ == "__main__":
    main()
