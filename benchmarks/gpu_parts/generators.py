"""Whole generators: pictures a second and peak memory."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from gpu_parts.common import Bench, Row, built_generator, noted

SIZES = (
    ("stylegan3-t", 256, 16),
    ("stylegan3-r", 256, 16),
    ("stylegan2", 256, 16),
    ("stylegan3-t", 1024, 4),
    ("stylegan3-t", 1024, 1),
    ("stylegan3-t", 512, 8),
    ("stylegan2", 1024, 4),
)


def rows(bench: Bench) -> Iterator[Row]:
    for kind, size, batch in SIZES[:3] if bench.tiny else SIZES:
        if bench.left() < 2:
            return
        found: list[Row] = []
        side, count = (16, 2) if bench.tiny else (size, batch)
        with noted(found, f"{kind} {size}"):
            bench.reset_memory()
            G = built_generator(bench, kind, side)
            z = torch.randn(count, G.z_dim, device=bench.device)
            with torch.inference_mode():
                seconds = bench.seconds(lambda G=G, z=z: G(z), most=1.5)
            yield {
                "what": kind,
                "size": side,
                "batch": count,
                "per_second": count / seconds,
                "memory_mb": bench.memory_mb(),
            }
            del G
        yield from found
