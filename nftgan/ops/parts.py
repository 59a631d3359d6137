"""Wide tensors in parts of their channels: what is upsampled need never be there as a whole."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from nftgan.ops.gradients import needs_gradient
from nftgan.ops.modulation import grouped_conv2d

PART_BYTES = 16 << 20
"""On the CPU, of upsampled samples at once: faster than gigabytes, which 1024 pixels would need."""
GPU_PART_BYTES = 128 << 20
"""Likewise on a GPU, which wants larger pieces: canonical images are in float64, for which it has
no kernel, and would take 9 GB at 1024 pixels."""


def most_bytes(x: Tensor) -> int:
    """Of what is upsampled at once, where x is."""
    return PART_BYTES if x.device.type == "cpu" else GPU_PART_BYTES


def joined(parts: Iterable[Tensor], channels: int) -> Tensor:
    """[N, channels, H, W] of tensors with some of the channels each, as they come.

    Joined at the end they would all be there twice.
    """
    out, place = None, 0
    for part in parts:
        if out is None:
            out = part.new_empty(len(part), channels, *part.shape[2:])
        out[:, place : place + part.shape[1]] = part
        place += part.shape[1]
        del part
    assert out is not None and place == channels
    return out


def in_parts(x: Tensor, *rest: Tensor) -> bool:
    """Whether a layer is computed in parts from its convolution on: in float64 on a GPU, for which
    there are no kernels, where nothing has a gradient. A processor has the memory, and there the
    numbers of a convolution stay what they are.
    """
    wide = x.device.type != "cpu" and x.dtype == torch.float64
    return wide and not needs_gradient(x, *rest)


def convolved_in_parts(
    x: Tensor, weights: Tensor, padding: int, activate: Callable[[Tensor, slice], Tensor], up: int
) -> Tensor:
    """`grouped_conv2d` of x [N, I, H, W] and weights [N, O, I, k, k], and what `activate` makes of
    it, for so many output channels at once that neither what is convolved nor what is upsampled is
    ever whole. activate: takes [N, o, H', W'] and their place
    among the channels. up: of the activation.
    """
    side = 2 * padding - weights.shape[-1] + 1
    height, width = x.shape[2] + side, x.shape[3] + side
    channels = weights.shape[1]
    upsampled_bytes = len(x) * channels * height * width * up * up * x.element_size()
    step = max(1, channels // math.ceil(upsampled_bytes / most_bytes(x)))
    places = [slice(at, min(at + step, channels)) for at in range(0, channels, step)]
    return joined(
        (activate(grouped_conv2d(x, weights[:, at], padding=padding), at) for at in places),
        channels,
    )
