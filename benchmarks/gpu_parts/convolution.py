"""Convolutions of T-256, layer by layer: each sample's own weights against shared ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor
from torch.nn import functional as F

from gpu_parts.common import Bench, Row, layers, noted


def rows(bench: Bench) -> Iterator[Row]:
    size, batch = (16, 2) if bench.tiny else (256, 16)
    torch.backends.cudnn.benchmark = True
    for name, layer, side, _ in layers(bench, "stylegan3-t", size):
        if bench.left() < 1.5:
            return
        found: list[Row] = []
        with noted(found, name):
            yield measured(bench, name, layer, side, batch)
        yield from found


def measured(bench: Bench, name: str, layer: torch.nn.Module, side: int, batch: int) -> Row:
    out, inner, kernel, _ = layer.weight.shape
    half = bool(layer.fp16) and bench.on_gpu
    dtype = torch.float16 if half else torch.float32
    x = torch.randn(batch, inner, side, side, device=bench.device).to(dtype).requires_grad_()
    w = torch.randn(out, inner, kernel, kernel, device=bench.device).to(dtype).requires_grad_()
    own = w.detach().repeat(batch, 1, 1, 1).requires_grad_()
    near = x.detach().to(memory_format=torch.channels_last).requires_grad_()
    near_w = w.detach().to(memory_format=torch.channels_last).requires_grad_()
    pad = kernel - 1

    def grouped() -> Tensor:
        flat = x.reshape(1, batch * inner, side, side)
        return F.conv2d(flat, own, padding=pad, groups=batch)

    ways: dict[str, tuple[Callable[[], Tensor], tuple[Tensor, Tensor]]] = {
        "grouped": (grouped, (x, own)),
        "dense": (lambda: F.conv2d(x, w, padding=pad), (x, w)),
        "dense_last": (lambda: F.conv2d(near, near_w, padding=pad), (near, near_w)),
    }
    row: Row = {"what": name, "dtype": "float16" if half else "float32"}
    for key, (way, inputs) in ways.items():
        with torch.no_grad():
            row[f"{key}_ms"] = bench.seconds(way, most=0.15) * 1e3
        v = torch.ones_like(way())
        row[f"{key}_both"] = (
            bench.seconds(lambda way=way, i=inputs, v=v: torch.autograd.grad(way(), i, v), most=0.2)
            * 1e3
        )
    work = 2 * batch * out * inner * kernel**2 * (side + pad) ** 2
    row["tflops"] = work / (min(row["dense_ms"], row["dense_last_ms"]) / 1e3) / 1e12
    return row
