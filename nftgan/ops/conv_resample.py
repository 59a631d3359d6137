"""Convolution together with resampling by two, as StyleGAN2 orders the steps."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from nftgan.ops import winograd
from nftgan.ops.upfirdn import downsample2d, upfirdn2d, upsample2d


def conv2d_resample(
    x: Tensor, w: Tensor, f: Tensor | None = None, *, up: int = 1, down: int = 1, groups: int = 1
) -> Tensor:
    """x convolved with w at the same, twice or half the size, low-passed by f.

    x: [N, I, H, W]; w: [O, I/groups, k, k] with k 1 or 3; f: [4, 4].
    Returns [N, O, H*up/down, W*up/down].
    """
    k = int(w.shape[-1])
    if up == 1 and down == 1:
        if groups == 1 and winograd.usable(x, w):
            return winograd.convolve_with_gradient(x, w, padding=1)
        return F.conv2d(x, w, padding=k // 2, groups=groups)
    assert f is not None
    n = int(f.shape[-1])
    if down == 2:
        if k == 1:
            return F.conv2d(downsample2d(x, f), w, groups=groups)
        before, after = k // 2 + (n - 1) // 2, k // 2 + (n - 2) // 2
        x = upfirdn2d(x, f, padding=(before, after, before, after))
        return F.conv2d(x, w, stride=2, groups=groups)
    if k == 1:
        return upsample2d(F.conv2d(x, w, groups=groups), f)
    out_channels, in_channels = w.shape[0] // groups, w.shape[1]
    w = w.reshape(groups, out_channels, in_channels, k, k).transpose(1, 2)  # [G, I, O, k, k]
    x = F.conv_transpose2d(
        x, w.reshape(groups * in_channels, out_channels, k, k), stride=2, groups=groups
    )
    return upfirdn2d(x, f, padding=(1, 1, 1, 1), gain=4)
