"""What the generators of all families share: a mapping network before a synthesis network."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nftgan.errors import UsageError
from nftgan.networks.families import GeneratorConfig


class MappingSynthesisGenerator(nn.Module):
    """z (and a class) to w, w to an image (Karras et al. 2019, section 2)."""

    movable = False
    """Whether the synthesis takes a transform."""

    def __init__(
        self, config: GeneratorConfig, synthesis: nn.Module, mapping: nn.Module, num_ws: int
    ) -> None:
        super().__init__()
        self.config, self.num_ws = config, num_ws
        self.z_dim, self.c_dim, self.w_dim = config.z_dim, config.c_dim, config.w_dim
        self.img_resolution, self.img_channels = config.img_resolution, config.img_channels
        # The order of the parameters, which the states of an optimizer go by.
        self.synthesis = synthesis
        self.mapping = mapping

    def forward(
        self,
        z: Tensor,
        c: Tensor | None = None,
        truncation_psi: float = 1.0,
        truncation_cutoff: int | None = None,
        update_emas: bool = False,
        noise_mode: str = "const",
        force_fp32: bool = False,
        generator: torch.Generator | None = None,
        transform: Tensor | None = None,
    ) -> Tensor:
        """z: [N, z_dim], c: one-hot [N, c_dim] or None → image [N, C, R, R], about [-1, 1]."""
        ws = self.mapping(z, c, truncation_psi, truncation_cutoff, update_emas)
        image: Tensor = self.synthesis(
            ws, update_emas, noise_mode, force_fp32, generator, transform
        )
        return image


def refuse_transform(transform: Tensor | None) -> None:
    """UsageError where a synthesis that has no input to move is given a transform."""
    if transform is not None:
        raise UsageError("only StyleGAN3 models can be moved or turned")
