"""How fast a StyleGAN3-T generator paints on the CPU, and in how much memory, ours and PyTorch's.

    python benchmarks/networks.py [--sizes 256,1024] [--repeat 3] [--json]

The baseline is the same generator on the PyTorch formulation of its operators alone, that is with
NFTGAN_KERNELS=off. Every way runs in a process of its own, in turn, so that its peak memory is
its own; full default configuration, float32, one picture at a time, the first one not counted.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time

BASELINE = "PyTorch operators"
WAYS = {BASELINE: {"NFTGAN_KERNELS": "off"}, "native kernels": {"NFTGAN_KERNELS": "on"}}


def paint(size: int, pictures: int) -> dict[str, float]:
    """Seconds of the first and of the best later picture of this process, and its peak memory."""
    import torch

    from nftgan.networks import build_generator
    from nftgan.networks.architecture import StyleGAN3Config

    G = build_generator(StyleGAN3Config(size), seed=0).eval().requires_grad_(False)
    loaded_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    seconds = []
    for seed in range(pictures + 1):
        z = torch.randn(1, G.z_dim, generator=torch.Generator().manual_seed(seed))
        start = time.perf_counter()
        image = G(z)
        seconds.append(time.perf_counter() - start)
    assert image.shape == (1, 3, size, size)
    return {
        "first_seconds": seconds[0],
        "seconds": min(seconds[1:]),
        "loaded_mb": loaded_mb,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "threads": torch.get_num_threads(),
    }


def in_own_process(size: int, pictures: int, environment: dict[str, str]) -> dict[str, float]:
    command = [sys.executable, __file__, "--worker", f"{size},{pictures}"]
    done = subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, check=True
    )
    answer: dict[str, float] = json.loads(done.stdout)
    return answer


def measure(size: int, repeat: int) -> list[dict[str, float | str]]:
    """One row a way: the best picture of `repeat` alternating processes, the worst peak."""
    runs: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
    pictures = 1 if size > 512 else 4
    for _ in range(repeat):  # alternating, so that other load hits all alike
        for way, environment in WAYS.items():
            runs[way].append(in_own_process(size, pictures, environment))
    best = {way: min(run["seconds"] for run in done) for way, done in runs.items()}
    return [
        {
            "picture": f"{size} px",
            "way": way,
            "ms_per_image": round(best[way] * 1000),
            "first_ms": round(min(run["first_seconds"] for run in done) * 1000),
            "peak_mb": round(max(run["peak_mb"] for run in done)),
            "loaded_mb": round(max(run["loaded_mb"] for run in done)),
            "threads": int(done[0]["threads"]),
            "times_baseline": round(best[way] / best[BASELINE], 2),
        }
        for way, done in runs.items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default="256,1024")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        size, pictures = map(int, arguments.worker.split(","))
        print(json.dumps(paint(size, pictures)))
        return
    rows = [
        row
        for size in map(int, arguments.sizes.split(","))
        for row in measure(size, arguments.repeat)
    ]
    if arguments.json:
        print(json.dumps({"rows": rows}, indent=2))
        return
    print(f"StyleGAN3-T, default channels, {rows[0]['threads']} threads")
    print(f"{'picture':9} {'way':18} {'ms':>7} {'first':>7} {'peak MB':>8} {'x baseline':>11}")
    for row in rows:
        print(
            f"{row['picture']:9} {row['way']:18} {row['ms_per_image']:7} {row['first_ms']:7}"
            f" {row['peak_mb']:8} {row['times_baseline']:11}"
        )


if __name__ == "__main__":
    main()
