"""Upsampling without its zeros, in PyTorch: for processors where no compiler is found."""

from __future__ import annotations

from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from nftgan.ops.upfirdn import reference

SMALL = 48
"""Samples along an axis up to which one dense matrix is quicker than convolutions."""


def upsample_separable(x: Tensor, f: Tensor, up: int, padding: tuple[int, int, int, int]) -> Tensor:
    """`upfirdn2d` of x [N, C, H, W] with separable taps f [n], up, padding and a gain of up².

    Each of the `up` phases of the output is a convolution with its own taps alone, so that nothing
    is multiplied by an inserted zero.
    """
    if f.numel() < up:  # a phase without a tap
        return reference(x, f, up, 1, padding, gain=up * up)
    x = _upsample_axis(x, f, up, padding[0], padding[1], axis=3)
    return _upsample_axis(x, f, up, padding[2], padding[3], axis=2)


def _upsample_axis(x: Tensor, f: Tensor, up: int, before: int, after: int, *, axis: int) -> Tensor:
    size, n = x.shape[axis], f.numel()
    length = size * up + before + after - (n - 1)
    if size <= SMALL:
        matrix = _matrix(f.detach().numpy().tobytes(), f.dtype, size, up, before, after)
        return x @ matrix if axis == 3 else matrix.T @ x
    h = f.to(x.dtype).flip(0) * up
    count, c = -(-length // up), x.shape[1]
    parts = []
    for phase in range(up):
        first = (before - phase) % up
        start = (phase + first - before) // up
        taps = h[first::up]
        # Zeros where the taps reach outside; `start` may also lie inside, after a crop.
        pad = [0, 0, 0, 0]
        pad[0 if axis == 3 else 2] = max(-start, 0)
        pad[1 if axis == 3 else 3] = max(start + count - 1 + len(taps) - size, 0)
        part = F.pad(x, pad).narrow(axis, max(start, 0), count - 1 + len(taps))
        shape = (1, 1, 1, -1) if axis == 3 else (1, 1, -1, 1)
        weight = taps.view(shape)
        parts.append(F.conv2d(part, weight.expand(c, 1, *weight.shape[2:]), groups=c))
    return torch.stack(parts, dim=axis + 1).flatten(axis, axis + 1).narrow(axis, 0, length)


@lru_cache(maxsize=64)
def _matrix(data: bytes, dtype: torch.dtype, size: int, up: int, before: int, after: int) -> Tensor:
    """[size, length]: what one sample gives to each upsampled one, from the definition itself."""
    f = torch.frombuffer(bytearray(data), dtype=dtype)
    unit = torch.eye(size, dtype=dtype).view(size, 1, 1, size)
    return reference(unit, f[None], (up, 1), 1, (before, after, 0, 0), gain=up).reshape(size, -1)
