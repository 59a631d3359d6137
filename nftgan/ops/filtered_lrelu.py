"""Upsample, leaky ReLU, downsample: StyleGAN3's alias-free activation (Karras et al. 2021, 3.2)."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from nftgan.ops import fused, gpu, upfirdn
from nftgan.ops.gradients import needs_gradient
from nftgan.ops.parts import joined, most_bytes
from nftgan.ops.polyphase import upsample_separable
from nftgan.ops.upfirdn import Pair, padding_of


def filtered_lrelu(
    x: Tensor,
    fu: Tensor | None = None,
    fd: Tensor | None = None,
    b: Tensor | None = None,
    up: int = 1,
    down: int = 1,
    padding: Pair = 0,
    gain: float = math.sqrt(2),
    slope: float = 0.2,
    clamp: float | None = None,
) -> Tensor:
    """x + b, upsampled through fu, gain * leaky ReLU, clamped, downsampled through fd.

    x: [N, C, H, W]; b: [C]; fu, fd: [n], [n, n] or None (one tap); padding as in `upfirdn2d`.
    Returns [N, C, H', W'] with W' = (W*up + x0 + x1 - (nu-1) - (nd-1) + down-1) // down.
    A native kernel does it in one pass where it can, on the CPU and on CUDA devices; `reference` is
    the definition.
    """
    pads = padding_of(padding)
    planner = gpu if x.is_cuda else fused
    planned = planner.plan(x, fu, fd, up, down, pads, gain, slope, clamp)
    if planned is not None:
        return fused.run(planned, x, b)
    plain = _plain if x.device.type == "cpu" and x.dtype == torch.float32 else reference
    parts = _parts(x, up, b)
    if parts == 1:
        return plain(x, fu, fd, b, up, down, pads, gain, slope, clamp)
    biases = [None] * parts if b is None else b.chunk(parts)
    chunks = zip(x.chunk(parts, dim=1), biases, strict=False)
    return joined(
        (plain(part, fu, fd, bias, up, down, pads, gain, slope, clamp) for part, bias in chunks),
        x.shape[1],
    )


def _plain(
    x: Tensor,
    fu: Tensor | None,
    fd: Tensor | None,
    b: Tensor | None,
    up: int,
    down: int,
    padding: tuple[int, int, int, int],
    gain: float,
    slope: float,
    clamp: float | None,
) -> Tensor:
    """The same as `reference` in less time, for processors without a compiler."""
    if b is not None:
        x = x + b.to(x.dtype)[:, None, None]
    if fu is None or fu.ndim > 1 or up == 1:
        x = upfirdn.reference(x, fu, up=up, padding=padding, gain=up * up)
    else:
        x = upsample_separable(x, fu, up, padding)
    if needs_gradient(x):
        x = F.leaky_relu(x, slope) * gain
        x = x if clamp is None else x.clamp(-clamp, clamp)
    else:
        # In place: what was upsampled is a tensor of its own.
        x = F.leaky_relu_(x, slope).mul_(gain)
        x = x if clamp is None else x.clamp_(-clamp, clamp)
    return upfirdn.reference(x, fd, down=down)


def _parts(x: Tensor, up: int, b: Tensor | None) -> int:
    """Into how many groups of channels to cut x; one where a gradient keeps everything anyway."""
    if needs_gradient(x, b):
        return 1
    upsampled_bytes = x.numel() * up * up * x.element_size()
    return max(1, min(x.shape[1], math.ceil(upsampled_bytes / most_bytes(x))))


def reference(
    x: Tensor,
    fu: Tensor | None,
    fd: Tensor | None,
    b: Tensor | None,
    up: int,
    down: int,
    padding: Pair,
    gain: float,
    slope: float,
    clamp: float | None,
) -> Tensor:
    """The same as `filtered_lrelu`, step by step in PyTorch on any device and dtype."""
    if b is not None:
        x = x + b.to(x.dtype)[:, None, None]
    x = upfirdn.reference(x, fu, up=up, padding=padding, gain=up * up)
    x = F.leaky_relu(x, slope) * gain
    if clamp is not None:
        x = x.clamp(-clamp, clamp)
    return upfirdn.reference(x, fd, down=down)
