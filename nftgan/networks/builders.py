"""From a config to a network with fresh, seeded weights."""

from __future__ import annotations

import torch
from torch import nn

from nftgan.networks import discriminator
from nftgan.networks.architecture import DiscriminatorConfig, check
from nftgan.networks.families import GeneratorConfig, of_family
from nftgan.networks.protocols import Discriminator, Generator
from nftgan.ops.memory import keep_freed_memory


def build_generator(config: GeneratorConfig, *, seed: int | None = None) -> Generator:
    """A generator in training mode, float32, on the CPU; `seed` decides the weights.

    Raises UsageError for a config that no network can have.
    """
    check(config)
    keep_freed_memory()
    with seeded(seed):
        generator: Generator = of_family(config, "build")
        return generator


def build_discriminator(config: DiscriminatorConfig, *, seed: int | None = None) -> Discriminator:
    """A discriminator in training mode, float32, on the CPU; `seed` decides the weights."""
    check(config)
    keep_freed_memory()
    with seeded(seed):
        return discriminator.Discriminator(config)


class seeded:
    """Inside, torch draws from `seed`; afterwards the caller's random state is as it was."""

    def __init__(self, seed: int | None) -> None:
        self.seed = seed

    def __enter__(self) -> None:
        if self.seed is not None:
            self.state = torch.get_rng_state()
            torch.manual_seed(self.seed)

    def __exit__(self, *exc: nn.Module | object) -> None:
        if self.seed is not None:
            torch.set_rng_state(self.state)
