"""How exactly generators follow a moved and a turned input, in dB, against StyleGAN2 in one run.

    python benchmarks/equivariance.py [--sizes 32] [--samples 16] [--model FILE ...] [--json]

Untrained, seeded StyleGAN3-T and -R with the published layers, margins and filters and few
channels; with --model also models of yours. The baseline is a StyleGAN2 of the same size, which
has no input to move: what it scores is what ignoring the move scores, for its contrast.
An image of low contrast scores high for nothing, so `std` says how far pixels spread.
"""

from __future__ import annotations

import argparse
import json
from typing import Any

import torch

from nftgan.metrics.equivariance import eq_r, eq_t
from nftgan.networks import build_generator
from nftgan.networks.architecture import (
    GeneratorConfig,
    StyleGAN2Config,
    StyleGAN3Config,
    stylegan3_r,
)
from nftgan.networks.model_file import load_networks


def untrained(size: int) -> dict[str, GeneratorConfig]:
    few: dict[str, Any] = {"channel_base": 2048, "channel_max": 64}
    return {
        f"stylegan2, {size} px": StyleGAN2Config(size, **few),
        f"stylegan3-t, {size} px": StyleGAN3Config(size, **few),
        f"stylegan3-r, {size} px": stylegan3_r(size, channel_base=4096, channel_max=128),
    }


class Still:
    """A generator that is told of a move and does not follow it."""

    movable = True

    def __init__(self, generator: Any) -> None:
        self.generator = generator

    def __getattr__(self, name: str) -> Any:
        return getattr(self.generator, name)

    def synthesis(self, ws: torch.Tensor, *, transform: torch.Tensor, **options: Any) -> Any:
        return self.generator.synthesis(ws, **options)


def measure(name: str, generator: Any, samples: int) -> dict[str, Any]:
    generator.eval().requires_grad_(False)
    if not generator.movable:
        generator = Still(generator)
    own = next(generator.parameters())
    z = torch.randn(8, generator.z_dim, generator=torch.Generator().manual_seed(0)).to(own)
    c = torch.eye(generator.c_dim)[[0] * 8].to(own) if generator.c_dim else None
    return {
        "model": name,
        "std": round(float(generator.synthesis(generator.mapping(z, c), transform=None).std()), 3),
        "eq_t": round(eq_t(generator, samples=samples), 1),
        "eq_t_frac": round(eq_t(generator, samples=samples, fractional=True), 1),
        "eq_r": round(eq_r(generator, samples=samples), 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default="32")
    parser.add_argument("--samples", type=int, default=16)
    parser.add_argument("--model", action="append", default=[], metavar="FILE")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    rows = []
    for size in map(int, filter(None, arguments.sizes.split(","))):
        for name, config in untrained(size).items():
            rows.append(measure(name, build_generator(config, seed=0), arguments.samples))
    for path in arguments.model:
        rows.append(measure(path, load_networks(path).generator, arguments.samples))
    if arguments.json:
        print(json.dumps({"samples": arguments.samples, "rows": rows}, indent=2))
        return
    print(f"{arguments.samples} images each, in dB")
    print(f"{'model':28} {'std':>7} {'EQ-T':>7} {'EQ-T frac':>10} {'EQ-R':>7}")
    for row in rows:
        print(
            f"{row['model'][-28:]:28} {row['std']:7} {row['eq_t']:7} {row['eq_t_frac']:10}"
            f" {row['eq_r']:7}"
        )


if __name__ == "__main__":
    main()
