"""filtered_lrelu, layer by layer: milliseconds forward and with backward, and their sums."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from gpu_parts.common import Bench, Row, layers, noted
from nftgan.ops import filtered_lrelu


def rows(bench: Bench, kind: str) -> Iterator[Row]:
    size, batch = (16, 2) if bench.tiny else (256, 16)
    sums = {"ms": 0.0, "both_ms": 0.0}
    whole = True
    for name, layer, side, _ in layers(bench, kind, size):
        found: list[Row] = []
        if bench.left() < 1:
            whole = False
            break
        with noted(found, name):
            row = measured(bench, name, layer, side, batch)
            for key in sums:
                sums[key] += row[key]
            yield row
        whole = whole and not found
        yield from found
    yield {"what": "sum" if whole else "sum of those above", **sums}


def measured(bench: Bench, name: str, layer: torch.nn.Module, side: int, batch: int) -> Row:
    channels, _, kernel, _ = layer.weight.shape
    half = bool(layer.fp16) and bench.on_gpu
    wide = side + kernel - 1
    dtype = torch.float16 if half else torch.float32
    x = torch.randn(batch, channels, wide, wide, device=bench.device).to(dtype)
    b = torch.randn(channels, device=bench.device)

    def activate(x: Tensor) -> Tensor:
        return filtered_lrelu(
            x,
            layer.up_filter,
            layer.down_filter,
            b,
            layer.up,
            layer.down,
            layer.padding,
            gain=1.0 if layer.is_torgb else math.sqrt(2),
            slope=1.0 if layer.is_torgb else 0.2,
            clamp=layer.conv_clamp,
        )

    with torch.no_grad():
        forward = bench.seconds(lambda: activate(x), most=0.3)
    own = x.requires_grad_()
    v = torch.ones_like(activate(own))
    both = bench.seconds(lambda: torch.autograd.grad(activate(own), own, v), most=0.3)
    moved = (x.numel() + v.numel()) * x.element_size()
    return {
        "what": name,
        "dtype": "float16" if half else "float32",
        "ms": forward * 1e3,
        "both_ms": both * 1e3,
        "gb_per_s": moved / forward / 1e9,
    }
