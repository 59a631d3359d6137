"""Are the numbers right: golden pictures, canonical pixels, gradients, second derivatives."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gpu_parts.common import KINDS, Bench, Row, generator_config, noted

GOLDEN = Path(__file__).resolve().parents[2] / "tests" / "golden"


def rows(bench: Bench) -> Iterator[Row]:
    for part in (operators, golden, discriminators, canonical):
        found: list[Row] = []
        with noted(found, part.__name__):
            for row in part(bench):
                yield row
                if bench.left() < 1:
                    break
        yield from found


# ---- operators -----------------------------------------------------------------------------------


def derivatives(way: Callable[..., Tensor], inputs: list[Tensor]) -> list[Tensor]:
    """Value, the gradient of each input, and of the first one's gradient by what came in."""
    own = [one.detach().clone().requires_grad_() for one in inputs]
    y = way(*own)
    random = torch.Generator().manual_seed(1)
    v = torch.randn(y.shape, generator=random).to(y).requires_grad_()
    u = torch.randn(own[0].shape, generator=random).to(y)
    gradients = torch.autograd.grad((y * v).sum(), own, create_graph=True)
    (second,) = torch.autograd.grad((gradients[0] * u).sum(), v)
    return [one.detach() for one in (y, *gradients, second)]


def operators(bench: Bench) -> Iterator[Row]:
    """Each against itself in float64 on the processor; errors as shares of the largest value."""
    for name, way, inputs in cases(bench):
        for dtype in (torch.float32, torch.float16):
            if dtype == torch.float16 and not bench.on_gpu:
                continue
            found: list[Row] = []
            with noted(found, f"{name} {dtype}"):
                rounded = [one.to(dtype) for one in inputs]
                exact = derivatives(way, [one.double() for one in rounded])
                mine = derivatives(way, [one.to(bench.device) for one in rounded])
                errors = [
                    float((a.double().cpu() - b).norm() / b.norm().clamp(min=1e-9))
                    for a, b in zip(mine, exact, strict=True)
                ]
                yield {
                    "what": name,
                    "dtype": str(dtype).removeprefix("torch."),
                    "value": errors[0],
                    "gradient": max(errors[1:-1]),
                    "second": errors[-1],
                }
            yield from found


def cases(bench: Bench) -> Iterator[tuple[str, Callable[..., Tensor], list[Tensor]]]:
    from nftgan.ops import bias_act, filtered_lrelu, modulated_conv2d, setup_filter, upfirdn2d
    from nftgan.ops.filters import design_lowpass
    from nftgan.training.warp import sample_bilinear

    random = torch.Generator().manual_seed(0)
    side = 12 if bench.tiny else 40

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=random)

    x, b = normal(2, 8, side, side), normal(8)
    low = torch.hann_window(14, periodic=False)[1:-1]
    low = low / low.sum()
    radial = design_lowpass(12, cutoff=16, half_width=6, rate=64, radial=True)
    for name, fd in (("filtered_lrelu T", low), ("filtered_lrelu R", radial)):
        yield (
            name,
            lambda x, b, fd=fd: filtered_lrelu(
                x, low.to(x.device), fd.to(x.device), b, 2, 2, (9, 8, 9, 8), clamp=2.0
            ),
            [x, b],
        )
    blur = setup_filter((1, 3, 3, 1))
    for name, options in {
        "upfirdn2d up": {"up": 2, "padding": (2, 1, 2, 1), "gain": 4},
        "upfirdn2d down": {"down": 2, "padding": 1},
        "upfirdn2d same": {"padding": (2, 1, 2, 1)},
    }.items():
        yield name, lambda x, o=options: upfirdn2d(x, blur.to(x.device), **o), [x]
    yield (
        "upfirdn2d sym6",
        lambda x: upfirdn2d(x, low.to(x.device), up=2, padding=(6, 5, 6, 5), gain=4),
        [x],
    )
    yield "bias_act", lambda x, b: bias_act(x, b, act="lrelu", clamp=1.5), [x, b]
    weight, styles = normal(8, 8, 3, 3), normal(2, 8) + 1
    yield (
        "modulated_conv2d",
        lambda x, w, s: modulated_conv2d(x, w, s, demodulate=True, padding=1, normalize=True),
        [x, weight, styles],
    )
    grid = torch.rand(2, side, side, 2, generator=random) * 1.8 - 0.9
    yield "warp", lambda x: sample_bilinear(x, grid.to(x)), [x[:, :3].contiguous()]


# ---- networks ------------------------------------------------------------------------------------


def golden(bench: Bench) -> Iterator[Row]:
    """Generators against numbers of the published reference programs."""
    from nftgan.networks import build_generator
    from nftgan.networks.architecture import StyleGAN2Config, StyleGAN3Config
    from tests.networks.filling import fill

    cases = json.loads((GOLDEN / "networks.json").read_text())
    expected = np.load(GOLDEN / "networks.npz")
    for name, case in cases.items():
        if "psi" not in case:
            continue
        options = dict(case["kwargs"])
        depth = options.pop("mapping_kwargs")["num_layers"]
        if "num_fp16_res" in options:
            config: Any = StyleGAN2Config(**options | {"num_fp16_res": 4}, mapping_layers=depth)
        else:
            kind = "stylegan3-r" if options.get("use_radial_filters") else "stylegan3-t"
            config = StyleGAN3Config(**options, kind=kind, mapping_layers=depth)
        G = build_generator(config)
        fill(G)
        if case["transform"] is not None:
            G.synthesis.input.transform.copy_(torch.as_tensor(case["transform"]))
        G = G.to(bench.device).eval().requires_grad_(False)
        z = torch.from_numpy(np.random.RandomState(5).randn(2, G.z_dim)).to(bench.device)
        c = torch.eye(G.c_dim, device=bench.device)[[1, 2]] if G.c_dim else None
        row: Row = {"what": f"golden {name}"}
        for way, force in (("float32", True), ("default", False)):
            image = G(z, c, case["psi"], case["cutoff"], force_fp32=force)
            row[way] = float(np.abs(image.cpu().numpy() - expected[f"{name}/img"]).max())
        yield row


def discriminators(bench: Bench) -> Iterator[Row]:
    """D's logits and the gradient of the R1 penalty in its weights, against float64."""
    from nftgan.networks import build_discriminator
    from nftgan.networks.architecture import DiscriminatorConfig
    from nftgan.training.losses import r1_penalty

    side = 16 if bench.tiny else 64
    base, most = (64, 8) if bench.tiny else (2048, 64)
    images = torch.rand(4, 3, side, side, generator=torch.Generator().manual_seed(0)) * 2 - 1

    def measured(half: int, dtype: torch.dtype, device: torch.device) -> tuple[Tensor, Tensor]:
        config = DiscriminatorConfig(
            img_resolution=side, channel_base=base, channel_max=most, num_fp16_res=half
        )
        D = build_discriminator(config, seed=0).to(device, dtype)
        x = images.to(device, dtype).requires_grad_()
        logits = D(x)
        r1_penalty(logits, x).sum().backward()
        found = [p.grad.flatten() for p in D.parameters() if p.grad is not None]
        return logits.detach().double().cpu(), torch.cat(found).double().cpu()

    exact = measured(0, torch.float64, torch.device("cpu"))
    for name, half in (("float32", 0), ("default", 4)):
        mine = measured(half, torch.float32, bench.device)
        errors = [float((a - b).norm() / b.norm()) for a, b in zip(mine, exact, strict=True)]
        yield {"what": f"D {name}", "logits": errors[0], "r1_gradient": errors[1]}


def canonical(bench: Bench) -> Iterator[Row]:
    """Float64 pictures on the card against the processor: no pixel may differ."""
    from nftgan.networks import build_generator
    from nftgan.synthesis import canonical as renderer
    from nftgan.synthesis.model import Model

    size = 16 if bench.tiny else 64
    for kind in KINDS:
        config = generator_config(kind, size, True)
        levels = []
        recipe = None
        for device in (torch.device("cpu"), bench.device):
            model = Model(build_generator(config, seed=0))
            recipe = recipe or model.recipe(truncation_psi=0.7)
            G = renderer.upcast(model.generator).to(device)
            levels.append([renderer.grey_levels(G, seed, recipe) for seed in range(4)])
        here, there = (np.stack(one) for one in levels)
        pixels = int((renderer.quantize(here) != renderer.quantize(there)).sum())
        yield {
            "what": f"canonical {kind}",
            "pixels_differ": pixels,
            "grey_levels": float(np.abs(here - there).max()),
        }
