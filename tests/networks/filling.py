"""Weights that anyone can make again: each tensor is drawn from a seed that is its name's CRC."""

from __future__ import annotations

import zlib

import numpy as np
import torch
from torch import nn

DESIGNED = ("up_filter", "down_filter", "resample_filter", "transform")


def fill(network: nn.Module) -> None:
    """Overwrite every tensor but the designed filters, by the golden data's rule."""
    with torch.no_grad():
        for key, tensor in network.state_dict(keep_vars=True).items():
            leaf = key.rsplit(".", 1)[-1]
            if leaf not in DESIGNED:
                values = _values(key, leaf, tuple(tensor.shape))
                tensor.copy_(torch.as_tensor(np.asarray(values, dtype=np.float32)))


def _values(key: str, leaf: str, shape: tuple[int, ...]) -> np.ndarray | float:
    r = np.random.RandomState(zlib.crc32(key.encode()))
    if leaf == "magnitude_ema":
        return 0.5 + r.random_sample()
    if leaf == "phases":
        return r.random_sample(shape) - 0.5
    if leaf == "w_avg":
        return 0.1 * r.standard_normal(shape)
    if leaf == "noise_strength":
        return 0.1 * r.standard_normal()
    if leaf == "weight" and "mapping.fc" in key:
        return 100 * r.standard_normal(shape)
    if leaf == "bias":
        one = ".affine." in key and not key.startswith("synthesis.input")
        return 0.1 * r.standard_normal(shape) + one
    return r.standard_normal(shape)
