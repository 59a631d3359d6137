"""How fast generators paint on the CPU, and in how much memory: ours and the published formulation.

    python benchmarks/generate.py [--pictures T-256,R-256,T-1024,SG2-256] [--repeat 2] [--json]

Full default configurations, float32, one image at a time; the baseline is in published.py. Every
way runs in processes of its own, in turn; the best image counts, the first one not. Errors are
the largest difference from the same image in float64. `floor` is the seconds that the
multiply-adds of the convolutions alone would take at the rate of a matrix product: Winograd's
convolutions need fewer, so that they can be below it.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from typing import Any

from published import NATIVE, PUBLISHED, WAYS, in_own_process, prepare_way


def build(case: str) -> Any:
    from nftgan.networks import build_generator
    from nftgan.networks.architecture import StyleGAN2Config, StyleGAN3Config, stylegan3_r

    kind, side = case.split("-")
    config = {"T": StyleGAN3Config, "R": stylegan3_r, "SG2": StyleGAN2Config}[kind](int(side))
    return build_generator(config, seed=0).eval().requires_grad_(False)


def paint(case: str, images: int) -> dict[str, Any]:
    """Seconds of the best of this process's images after the first, and its peak memory."""
    import torch

    G = build(case)
    seconds = []
    for seed in range(images + 1):
        z = torch.randn(1, G.z_dim, generator=torch.Generator().manual_seed(seed))
        start = time.perf_counter()
        image = G(z)
        seconds.append(time.perf_counter() - start)
    return {
        "first_seconds": seconds[0],
        "seconds": min(seconds[1:]),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "threads": torch.get_num_threads(),
        "picture": image[0, :, ::4, ::4].tolist(),
    }


def exact(case: str, images: int) -> dict[str, Any]:
    """The last image in float64, and the work of all convolutions."""
    import torch
    import torch.nn.functional as F

    G = build(case).double()
    z = torch.randn(1, G.z_dim, generator=torch.Generator().manual_seed(images)).double()
    start = time.perf_counter()
    image = G(z)
    seconds = time.perf_counter() - start
    a = torch.randn(1024, 1024)
    times = []
    for _ in range(10):
        start = time.perf_counter()
        F.linear(a, a)
        times.append(time.perf_counter() - start)
    return {
        "picture": image[0, :, ::4, ::4].tolist(),
        "float64_seconds": seconds,
        "gemm_g_per_second": 1024**3 / min(times) / 1e9,
        "convolutions_g": convolution_work(build(case)),
    }


def convolution_work(G: Any) -> float:
    """Multiply-adds of the convolutions of one image, in billions."""
    import torch

    from nftgan.networks import stylegan2, stylegan3

    total = 0.0

    def count(layer: Any, inputs: tuple[Any, ...], output: Any) -> None:
        nonlocal total
        side = (
            inputs[0].shape[2] * getattr(layer, "up", 1)
            if hasattr(layer, "resolution")
            else (inputs[0].shape[2] + layer.weight.shape[2] - 1)
        )
        total += layer.weight.numel() * side**2 / 1e9

    for module in G.synthesis.modules():
        if isinstance(module, stylegan2.SynthesisLayer | stylegan3.SynthesisLayer):
            module.register_forward_hook(count)
    G(torch.zeros(1, G.z_dim))
    return total


def largest_difference(a: Any, b: Any) -> float:
    if isinstance(a, list):
        return max(largest_difference(x, y) for x, y in zip(a, b, strict=True))
    return abs(float(a) - float(b))


def measure(case: str, repeat: int) -> list[dict[str, Any]]:
    """One row a way."""
    images = 1 if case.endswith("1024") else 3
    runs: dict[str, list[dict[str, Any]]] = {way: [] for way in WAYS}
    for _ in range(repeat):  # alternating, so that other load hits all alike
        for way, done in runs.items():
            done.append(in_own_process(__file__, way, [case, str(images)]))
    truth = in_own_process(__file__, NATIVE, [case, str(images), "exact"])
    best = {way: min(run["seconds"] for run in done) for way, done in runs.items()}
    return [
        {
            "picture": case,
            "way": way,
            "seconds": round(best[way], 3),
            "first_seconds": round(min(run["first_seconds"] for run in done), 3),
            "peak_mb": round(max(run["peak_mb"] for run in done)),
            "ratio": round(best[PUBLISHED] / best[way], 2),
            "error": largest_difference(done[0]["picture"], truth["picture"]),
            "threads": done[0]["threads"],
            "floor_seconds": round(truth["convolutions_g"] / truth["gemm_g_per_second"], 3),
            "gemm_g_per_second": round(truth["gemm_g_per_second"], 1),
            "float64_seconds": round(truth["float64_seconds"], 2),
        }
        for way, done in runs.items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", default="T-256,R-256,T-1024,SG2-256")
    parser.add_argument("--repeat", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--worker", nargs="+", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        way, image, images, *task = arguments.worker
        prepare_way(way)
        print(json.dumps((exact if task else paint)(image, int(images))))
        return
    rows = [r for name in arguments.pictures.split(",") for r in measure(name, arguments.repeat)]
    if arguments.json:
        print(json.dumps({"rows": rows}, indent=1))
        return
    print(f"{rows[0]['threads']} threads, matrix product {rows[0]['gemm_g_per_second']:.0f} G/s")
    print(
        f"{'picture':9} {'way':15} {'s':>7} {'first':>7} {'ratio':>6} {'error':>6}"
        f" {'peak MB':>8} {'floor':>6} {'f64 s':>6}"
    )
    for row in rows:
        print(
            f"{row['picture']:9} {row['way']:15} {row['seconds']:7.2f} {row['first_seconds']:7.2f}"
            f" {row['ratio']:5.2f}x {row['error']:6.0e} {row['peak_mb']:8}"
            f" {row['floor_seconds']:6.2f} {row['float64_seconds']:6.2f}"
        )


if __name__ == "__main__":
    main()
