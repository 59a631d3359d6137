"""A family of generators: an image of large flat squares, from w by one matrix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nftgan.networks.families import Family, GeneratorConfig, LayerCost, Shapes, TrainingRules


@dataclass(frozen=True)
class MosaicConfig(GeneratorConfig):
    kind: str = "mosaic"
    side: int = 4  # squares along a side


def shapes(config: MosaicConfig) -> Shapes:
    found: Shapes = {"mapping.w_avg": (config.w_dim,)}
    width = config.z_dim
    if config.c_dim:
        width += config.w_dim
        found |= {
            "mapping.embed.weight": (config.w_dim, config.c_dim),
            "mapping.embed.bias": (config.w_dim,),
        }
    for layer in range(config.mapping_layers):
        found[f"mapping.fc{layer}.weight"] = (config.w_dim, width)
        found[f"mapping.fc{layer}.bias"] = (config.w_dim,)
        width = config.w_dim
    numbers = config.img_channels * config.side**2
    found["synthesis.squares.weight"] = (numbers, config.w_dim)
    found["synthesis.squares.bias"] = (numbers,)
    return found


def costs(config: MosaicConfig, shapes: Shapes) -> list[LayerCost]:
    numbers, width = shapes["synthesis.squares.weight"]
    return [(numbers * width, 0, 8 * config.img_channels * config.img_resolution**2)]


def build(config: MosaicConfig) -> Any:
    import torch
    from torch import nn

    from nftgan.networks.layers import MappingNetwork

    class Synthesis(nn.Module):
        recompute = False

        def __init__(self) -> None:
            super().__init__()
            self.squares = nn.Linear(config.w_dim, config.img_channels * config.side**2)

        def forward(
            self,
            ws: torch.Tensor,
            update_emas: bool = False,
            noise_mode: str = "const",
            force_fp32: bool = False,
            generator: torch.Generator | None = None,
            transform: torch.Tensor | None = None,
        ) -> torch.Tensor:
            x = self.squares(ws[:, 0].to(self.squares.weight.dtype))
            x = x.reshape(len(ws), config.img_channels, config.side, config.side)
            times = config.img_resolution // config.side
            return x.repeat_interleave(times, 2).repeat_interleave(times, 3)

    class Mosaic(nn.Module):
        movable = False

        def __init__(self) -> None:
            super().__init__()
            self.config, self.num_ws = config, 1
            self.z_dim, self.c_dim, self.w_dim = config.z_dim, config.c_dim, config.w_dim
            self.img_resolution, self.img_channels = config.img_resolution, config.img_channels
            self.synthesis = Synthesis()
            self.mapping = MappingNetwork(
                z_dim=config.z_dim,
                c_dim=config.c_dim,
                w_dim=config.w_dim,
                num_ws=1,
                num_layers=config.mapping_layers,
            )

        def forward(
            self,
            z: torch.Tensor,
            c: torch.Tensor | None = None,
            truncation_psi: float = 1.0,
            truncation_cutoff: int | None = None,
            update_emas: bool = False,
            *words: Any,
            **more: Any,
        ) -> torch.Tensor:
            ws = self.mapping(z, c, truncation_psi, truncation_cutoff, update_emas)
            return self.synthesis(ws, update_emas, *words, **more)

    return Mosaic()


MOSAIC = Family(MosaicConfig, build, shapes, lambda config: 1, costs, TrainingRules(gamma=0.0005))
