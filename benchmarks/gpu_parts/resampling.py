"""upfirdn2d and bias_act at the sizes of StyleGAN2, the discriminator and the augmentation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from gpu_parts.common import Bench, Row, noted
from nftgan.ops import bias_act, setup_filter, upfirdn2d
from nftgan.ops.upfirdn import reference


def rows(bench: Bench) -> Iterator[Row]:
    for name, shape, dtype, ours, plain in cases(bench):
        if bench.left() < 1.5:
            return
        found: list[Row] = []
        with noted(found, name):
            x = torch.randn(shape, device=bench.device).to(dtype).requires_grad_()
            row: Row = {"what": name, "dtype": str(dtype).removeprefix("torch.")}
            for key, way in (("", ours), ("pytorch_", plain)):
                with torch.no_grad():
                    row[f"{key}ms"] = bench.seconds(lambda way=way, x=x: way(x), most=0.2) * 1e3
                v = torch.ones_like(way(x))

                def both(way: Any = way, x: Tensor = x, v: Tensor = v) -> Any:
                    return torch.autograd.grad(way(x), x, v)

                row[f"{key}both_ms"] = bench.seconds(both, most=0.2) * 1e3
            moved = (x.numel() + v.numel()) * x.element_size()
            row["gb_per_s"] = moved / (row["ms"] / 1e3) / 1e9
            yield row
        yield from found


Case = tuple[
    str, tuple[int, ...], torch.dtype, Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]
]


def cases(bench: Bench) -> Iterator[Case]:
    n, c, side = (2, 4, 16) if bench.tiny else (16, 64, 256)
    half = torch.float16 if bench.on_gpu else torch.float32
    blur = setup_filter((1, 3, 3, 1)).to(bench.device)
    long = torch.hann_window(14, periodic=False)[1:-1].to(bench.device)
    long = long / long.sum()
    doubling = {"up": 2, "padding": (2, 1, 2, 1), "gain": 4.0}
    for name, f, shape, dtype, options in (
        ("D, blur before a step of 2", blur, (n, c, side, side), half, {"padding": 2}),
        ("D, skip halved", blur, (n, c, side, side), half, {"down": 2, "padding": 1}),
        ("G, after doubling", blur, (n, c, side + 1, side + 1), half, {"padding": 1, "gain": 4.0}),
        ("ToRGB doubled", blur, (n, 3, side // 2, side // 2), torch.float32, doubling),
        (
            "augmentation doubled",
            long,
            (n, 3, side + side // 2, side + side // 2),
            torch.float32,
            {"up": 2, "padding": (6, 5, 6, 5), "gain": 4.0},
        ),
        (
            "augmentation halved",
            long,
            (n, 3, 2 * side + 12, 2 * side + 12),
            torch.float32,
            {"down": 2, "padding": -1, "flip_filter": True},
        ),
    ):
        yield (
            name,
            shape,
            dtype,
            lambda x, f=f, o=options: upfirdn2d(x, f, **o),
            lambda x, f=f, o=options: reference(x, f, **o),
        )
    b = torch.randn(c, device=bench.device)

    def plain(x: Tensor) -> Tensor:
        y = torch.nn.functional.leaky_relu(x + b.to(x.dtype)[:, None, None], 0.2) * 2**0.5
        return y.clamp(-256, 256)

    yield (
        "bias_act",
        (n, c, side, side),
        half,
        lambda x: bias_act(x, b, act="lrelu", clamp=256),
        plain,
    )
