"""How fast the operators are on this CPU: each against the published formulation, in one run.

    python benchmarks/ops.py [--repeat 5] [--json]

The baseline is our own reference (zero-insert, pad, depthwise convolution; for the convolution,
PyTorch's own), with the same allocator settings as ours. The two are timed in turn, the best time
of each counts. Errors are against float64, of the largest value. G/s are multiply-adds that the
method cannot avoid, in billions a second; `share` is what that is of a matrix product's.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch
import torch.nn.functional as F
from torch import Tensor

from nftgan.ops import design_lowpass, filtered_lrelu, fused, winograd
from nftgan.ops.filtered_lrelu import reference
from nftgan.ops.memory import keep_freed_memory

LAYERS = (
    # name, channels, side of the input, up, taps up, down, taps down, radial
    ("T, same rate", 512, 38, 2, 12, 2, 12, False),
    ("T, same rate", 256, 86, 2, 12, 2, 12, False),
    ("T, same rate", 128, 150, 2, 12, 2, 12, False),
    ("T, same rate", 64, 278, 2, 12, 2, 12, False),
    ("T, doubling", 128, 86, 4, 24, 2, 12, False),
    ("R, same rate", 256, 84, 2, 12, 2, 12, True),
    ("R, same rate", 128, 148, 2, 12, 2, 12, True),
    ("R, doubling", 128, 84, 4, 24, 2, 12, True),
)
CONVOLUTIONS = ((512, 512, 36), (512, 512, 52), (512, 406, 84), (256, 161, 148), (128, 128, 276))


def alternating(ways: dict[str, Callable[[], Any]], repeat: int) -> dict[str, float]:
    """Seconds of the best of `repeat` calls of each; other load hits all alike."""
    best = dict.fromkeys(ways, math.inf)
    for way in ways.values():
        way()
    for _ in range(repeat):
        for name, way in ways.items():
            start = time.perf_counter()
            way()
            best[name] = min(best[name], time.perf_counter() - start)
    return best


def gemm_rate() -> float:
    """Multiply-adds a second of a float32 matrix product, in billions."""
    a = torch.randn(1024, 1024)
    return 1024**3 / alternating({"": lambda: a @ a}, 10)[""] / 1e9


def fused_work(x: Tensor, y: Tensor, up: int, n1: int, down: int, n2: int, separable: int) -> float:
    """Multiply-adds without zeros and twice-computed samples, in billions."""
    mid = x.shape[3] * up
    planes, side, out = x.shape[0] * x.shape[1], x.shape[2], y.shape[2]
    upsampling = n1 / up * (side * mid + mid * mid)
    downsampling = separable * n2 * (mid * out + out * out)
    return planes * (upsampling + downsampling) / 1e9


def measure_layer(layer: tuple[Any, ...], repeat: int, gemm: float) -> dict[str, Any]:
    name, channels, side, up, n1, down, n2, radial = layer
    torch.manual_seed(0)
    rate = 2.0 * up
    fu = design_lowpass(n1, cutoff=0.4, half_width=0.6, rate=rate)
    fd = design_lowpass(n2, cutoff=0.5, half_width=0.5, rate=2.0 * down, radial=radial)
    x = torch.randn(1, channels, side, side)
    b = torch.randn(channels)
    low = (n1 + n2 - 2 - 2 * (up // 2)) // 2
    options: dict[str, Any] = {"up": up, "down": down, "padding": (low,) * 4, "clamp": 256.0}
    slow: dict[str, Any] = {**options, "gain": math.sqrt(2), "slope": 0.2}

    def ours(t: Tensor) -> Tensor:
        return filtered_lrelu(t, fu, fd, b.to(t), **options)

    def published(t: Tensor) -> Tensor:
        return reference(t, fu, fd, b.to(t), **slow)

    def derived(way: Callable[[Tensor], Tensor]) -> Callable[[], Tensor]:
        def run() -> Tensor:
            t = x.detach().requires_grad_()
            return torch.autograd.grad(way(t).square().sum(), t)[0]

        return run

    wide = x.double().requires_grad_()
    exact = published(wide)
    slope = torch.autograd.grad(exact.square().sum(), wide)[0]
    with torch.no_grad():
        forward = alternating({"ours": lambda: ours(x), "published": lambda: published(x)}, repeat)
        error = (ours(x) - exact).abs().max() / exact.abs().max()
    both = alternating({"ours": derived(ours), "published": derived(published)}, repeat)
    found = derived(ours)()
    separable = fused.separable_decomposition(fd)
    assert separable is not None
    work = fused_work(x, exact, up, n1, down, n2, len(separable.x))
    return {
        "what": name,
        "channels": channels,
        "side": side,
        "ms": forward["ours"] * 1e3,
        "published_ms": forward["published"] * 1e3,
        "ratio": forward["published"] / forward["ours"],
        "ratio_with_backward": both["published"] / both["ours"],
        "error": float(error),
        "gradient_error": float((found - slope).abs().max() / slope.abs().max()),
        "g_per_second": work / forward["ours"],
        "share": work / forward["ours"] / gemm,
    }


def measure_convolution(shape: tuple[int, int, int], repeat: int, gemm: float) -> dict[str, Any]:
    in_channels, out, side = shape
    torch.manual_seed(0)
    x, weight = (
        torch.randn(1, in_channels, side, side),
        torch.randn(out, in_channels, 3, 3) / (3 * in_channels**0.5),
    )
    kernels = winograd.transformed(weight)
    with torch.no_grad():
        exact = F.conv2d(x.double(), weight.double(), padding=2)
        times = alternating(
            {
                "ours": lambda: winograd.convolve(x, kernels, padding=2),
                "published": lambda: F.conv2d(x, weight, padding=2),
            },
            repeat,
        )
        error = (winograd.convolve(x, kernels, padding=2) - exact).abs().max() / exact.abs().max()
    tiles = math.ceil(exact.shape[2] / 4) * math.ceil(exact.shape[3] / 4)
    work = winograd.PRODUCTS * in_channels * out * tiles / 1e9
    return {
        "what": f"conv {in_channels} to {out}",
        "channels": in_channels,
        "side": side,
        "ms": times["ours"] * 1e3,
        "published_ms": times["published"] * 1e3,
        "ratio": times["published"] / times["ours"],
        "ratio_with_backward": None,
        "error": float(error),
        "gradient_error": None,
        "g_per_second": work / times["ours"],
        "share": work / times["ours"] / gemm,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    keep_freed_memory()
    gemm = gemm_rate()
    rows = [measure_layer(layer, arguments.repeat, gemm) for layer in LAYERS]
    rows += [measure_convolution(shape, arguments.repeat, gemm) for shape in CONVOLUTIONS]
    if arguments.json:
        threads = torch.get_num_threads()
        print(json.dumps({"threads": threads, "gemm_g_per_second": gemm, "rows": rows}, indent=1))
        return
    print(f"{torch.get_num_threads()} threads, matrix product {gemm:.0f} G/s")
    print(
        f"{'':17} {'side':>4} {'published':>9} {'ours ms':>8} {'ratio':>6} {'+backward':>9}"
        f" {'error':>8} {'gradient':>8} {'G/s':>5} {'share':>5}"
    )
    for row in rows:
        back, slope = row["ratio_with_backward"], row["gradient_error"]
        print(
            f"{row['what']:17} {row['side']:4} {row['published_ms']:9.1f} {row['ms']:8.2f}"
            f" {row['ratio']:5.1f}x {f'{back:.1f}x' if back else '':>9} {row['error']:8.0e}"
            f" {f'{slope:.0e}' if slope else '':>8} {row['g_per_second']:5.0f} {row['share']:5.0%}"
        )


if __name__ == "__main__":
    main()
