"""What all who use a generator share: z of a seed, uint8 of its output."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from nftgan.errors import UsageError
from nftgan.seeds import MAX_SEED


def latent(seed: int, z_dim: int) -> np.ndarray:
    """float64 [1, z_dim] of NumPy's legacy generator: seed N is every StyleGAN user's image N.

    Raises UsageError for a seed that is not in [0, 2**32 - 1].
    """
    if not 0 <= seed <= MAX_SEED:
        raise UsageError(f"seed {seed} is not from 0 to {MAX_SEED}")
    return np.random.RandomState(seed).randn(1, z_dim)


def latents(seeds: Sequence[int], z_dim: int) -> np.ndarray:
    """float64 [N, z_dim], one row a seed."""
    rows = [latent(int(seed), z_dim) for seed in seeds]
    return np.concatenate(rows) if rows else np.empty((0, z_dim))


def to_uint8(x: Tensor) -> Tensor:
    """A generator's output of about -1 to 1, any shape, as uint8: floor(127.5 x + 128)."""
    return (x.float() * 127.5 + 128).clamp(0, 255).to(torch.uint8)  # the cast truncates
