"""How fast StyleGAN3 is on a CUDA device: its activations layer by layer, and training.

    python benchmarks/gpu.py [--sizes 256] [--cfg stylegan3-t] [--batch 16] [--presets 256]
                             [--no-compile] [--tune] [--json]

Every layer's fused activation (float16 in the finest layers, as in training) is timed against our
PyTorch formulation, as it is and under torch.compile, forward and with backward. `share` is what
it moves at least, input and output and in training two bits an upsampled sample, over its time, of
what a plain copy reaches on the same device. --tune tries other numbers of warps and stages, and
float32 without tensor cores.

Training is one G and D step of a preset, each way in a process of its own (the baseline is in
published.py), beside what was published for one A100 (sec/kimg, default settings). Where no CUDA
device is, it says so and ends with 0.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from published import PUBLISHED, WAYS, in_own_process
from torch import Tensor

from nftgan.networks import build_generator
from nftgan.networks.architecture import StyleGAN3Config
from nftgan.ops import choices, filtered_lrelu, gpu
from nftgan.ops.filtered_lrelu import reference

PUBLISHED_A100 = {
    ("stylegan3-t", "128"): 27.2,
    ("stylegan3-t", "256"): 49.8,
    ("stylegan3-t", "512"): 90.3,
    ("stylegan3-t", "1024"): 156.9,
    ("stylegan3-r", "128"): 34.2,
    ("stylegan3-r", "256"): 56.7,
    ("stylegan3-r", "512"): 110.1,
    ("stylegan3-r", "1024"): 184.8,
}
"""Seconds a thousand images on one A100."""

REPEAT = 20
TUNED_WARPS, TUNED_STAGES = (1, 2, 4), (1, 2, 3)


def synchronize(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def seconds(way: Callable[[], Any], device: torch.device, repeat: int = REPEAT) -> float:
    """Of one call: the median of five rounds of `repeat` calls in a row, after two calls."""
    for _ in range(2):
        way()
    rounds = []
    for _ in range(5):
        synchronize(device)
        start = time.perf_counter()
        for _ in range(repeat):
            way()
        synchronize(device)
        rounds.append((time.perf_counter() - start) / repeat)
    return statistics.median(rounds)


def copy_rate(device: torch.device, size: int = 1 << 30) -> float:
    """Bytes a second, read and written, of a copy that no cache holds."""
    source = torch.zeros(size, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    return 2 * size / seconds(lambda: target.copy_(source), device)


def layers(cfg: str, size: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and options of each activation of the generator, with its input's channels and side."""
    radial = cfg == "stylegan3-r"
    config = StyleGAN3Config(
        size,
        channel_base=(16384 if size <= 256 else 32768) * (2 if radial else 1),
        channel_max=1024 if radial else 512,
        conv_kernel=1 if radial else 3,
        use_radial_filters=radial,
    )
    synthesis = build_generator(config, seed=0).synthesis
    side = synthesis.input.size
    for name in synthesis.layer_names:
        layer = getattr(synthesis, name)
        channels, _, kernel, _ = layer.weight.shape
        yield (
            name,
            {
                "half": layer.fp16,
                "shape": (channels, side + kernel - 1, side + kernel - 1),
                "fu": layer.up_filter,
                "fd": layer.down_filter,
                "up": layer.up,
                "down": layer.down,
                "padding": layer.padding,
                "gain": 1.0 if layer.is_torgb else math.sqrt(2),
                "slope": 1.0 if layer.is_torgb else 0.2,
                "clamp": layer.conv_clamp,
            },
        )
        side = int(name.split("_")[1])


def with_gradient(way: Callable[[Tensor], Tensor], x: Tensor) -> Callable[[], Tensor]:
    """The call and its backward pass."""

    def run() -> Tensor:
        own = x.detach().requires_grad_()
        y = way(own)
        return torch.autograd.grad(y, own, torch.ones_like(y))[0]

    return run


@contextmanager
def kernel_with(**changes: Any) -> Iterator[None]:
    """The GPU kernel launched with other warps, stages or products of float32."""
    module = gpu.kernel()
    now = choices.current()
    with choices.using(replace(now, exact=changes.get("exact", now.exact))):
        if module is None or "warps" not in changes:
            yield
            return
        warps, stages = changes["warps"], changes["stages"]
        with (
            mock.patch.object(module, "warps_for", lambda half: warps),
            mock.patch.object(module, "STAGES", stages),
        ):
            yield


def measure_layer(
    name: str, options: dict[str, Any], batch: int, device: torch.device, copy: float, chosen: Any
) -> dict[str, Any]:
    own = dict(options)
    half, shape = own.pop("half"), own.pop("shape")
    dtype = torch.float16 if half else torch.float32
    fu, fd = (None if f is None else f.to(device) for f in (own.pop("fu"), own.pop("fd")))
    x = torch.randn((batch, *shape), device=device).to(dtype)
    b = torch.randn(shape[0], device=device)

    def ours(t: Tensor) -> Tensor:
        return filtered_lrelu(t, fu, fd, b, **own)

    def plain(t: Tensor) -> Tensor:
        return reference(t, fu, fd, b, **own)

    exact = reference(x[:1, :2].double(), fu, fd, b[:2].to(dtype).double(), **own)
    y = ours(x)
    planned = gpu.plan(x, fu, fd, *(own[key] for key in OPTION_ORDER))
    moved = (x.numel() + y.numel()) * x.element_size()
    signs = 0 if planned is None else gpu.new_signs(x, planned).numel()
    row: dict[str, Any] = {
        "layer": name,
        "dtype": "float16" if half else "float32",
        "native": planned is not None,
        "error": float((y[:1, :2] - exact).abs().max() / exact.abs().max()),
    }
    ways: dict[str, Callable[[Tensor], Tensor]] = {"": ours, "pytorch_": plain}
    if chosen.compile:
        ways["compiled_"] = torch.compile(plain)
    for prefix, way in ways.items():
        with torch.no_grad():
            row[f"{prefix}ms"] = seconds(lambda way=way: way(x), device) * 1e3
        row[f"{prefix}both_ms"] = seconds(with_gradient(way, x), device) * 1e3
    row["share"] = moved / (row["ms"] / 1e3) / copy
    row["both_share"] = 2 * (moved + signs) / (row["both_ms"] / 1e3) / copy
    if chosen.tune and planned is not None:
        row["tuned"] = tuned(lambda: ours(x), device, half)
    return row


OPTION_ORDER = ("up", "down", "padding", "gain", "slope", "clamp")


def tuned(way: Callable[[], Any], device: torch.device, half: bool) -> dict[str, float]:
    """Milliseconds of the forward pass with each choice."""
    found = {}
    with torch.no_grad():
        for warps in TUNED_WARPS:
            for stages in TUNED_STAGES:
                with kernel_with(warps=warps, stages=stages):
                    found[f"{warps} warps, {stages} stages"] = seconds(way, device) * 1e3
        if not half:
            with kernel_with(exact=choices.IEEE):
                found["ieee"] = seconds(way, device) * 1e3
    return found


def training(cfg: str, presets: list[str]) -> Iterator[dict[str, Any]]:
    for preset in presets:
        given = ["--presets", preset, "--cfg", cfg, "--device", "cuda"]
        script = str(Path(__file__).with_name("train_step.py"))
        found = {way: in_own_process(script, way, given) for way in WAYS}
        for way, answer in found.items():
            base = found[PUBLISHED]["seconds_per_kimg"]
            yield {
                "preset": preset,
                "way": way,
                "batch": answer["batch"],
                "seconds_per_kimg": answer["seconds_per_kimg"],
                "published_a100": PUBLISHED_A100.get((cfg, preset)),
                "gpu_mb": answer["gpu_mb"],
                "times_faster": base / answer["seconds_per_kimg"],
            }


def show(rows: list[dict[str, Any]]) -> None:
    """A table; columns as the first row has them."""
    names = [name for name in rows[0] if name != "tuned"]
    print("  ".join(f"{name:>15}" for name in names))
    for row in rows:
        cells = (row[name] for name in names)
        print("  ".join(f"{c:15.4g}" if isinstance(c, float) else f"{c!s:>15}" for c in cells))
        for choice, ms in row.get("tuned", {}).items():
            print(f"{'':17}{choice}: {ms:.3f} ms")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", default="256")
    parser.add_argument("--cfg", default="stylegan3-t", choices=["stylegan3-t", "stylegan3-r"])
    parser.add_argument("--batch", type=int, default=16, help="of the layers")
    parser.add_argument("--presets", default="256", help="to train; empty for none")
    parser.add_argument("--no-compile", dest="compile", action="store_false")
    parser.add_argument("--tune", action="store_true")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    if not torch.cuda.is_available():
        print("PyTorch finds no CUDA device here, so there is nothing to measure.")
        return
    device = torch.device("cuda", torch.cuda.current_device())
    copy = copy_rate(device)
    answer: dict[str, Any] = {
        "device": torch.cuda.get_device_name(device),
        "torch": torch.__version__,
        "copy_gb_per_second": copy / 1e9,
        "layers": {
            size: [
                measure_layer(name, options, chosen.batch, device, copy, chosen)
                for name, options in layers(chosen.cfg, int(size))
            ]
            for size in chosen.sizes.split(",")
        },
        "training": list(training(chosen.cfg, [p for p in chosen.presets.split(",") if p])),
    }
    if chosen.json:
        print(json.dumps(answer, indent=2))
        return
    print(f"{answer['device']}, torch {answer['torch']}, copy {copy / 1e9:.0f} GB/s")
    for size, rows in answer["layers"].items():
        print(f"\n{chosen.cfg} {size} px, batch {chosen.batch}")
        show(rows)
    if answer["training"]:
        print()
        show(answer["training"])


if __name__ == "__main__":
    main()
