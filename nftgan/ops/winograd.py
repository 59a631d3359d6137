"""3x3 convolution by Winograd's F(4x4, 3x3) (Lavin and Gray 2016), natively on the CPU."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

from nftgan.ops.kernels import address, library

PRODUCTS = 36
"""Matrix products of [O, I] with the tiles, for 16 outputs of 9 taps each."""

FEW_CHANNELS = {torch.float32: 48, torch.float64: 16}
"""Below, the transforms cost more than the multiplications that they save."""

DOUBLE_FROM = 1 << 26
"""Multiplications of a float64 convolution: small ones are not worth compiling the kernels for."""

_SUFFIX = {torch.float32: "f32", torch.float64: "f64"}


@dataclass(frozen=True)
class Kernels:
    """The kernels of a weight [O, I, 3, 3] as `convolve` takes them."""

    products: Tensor  # [36, O * I]: four times as large
    energy: Tensor  # [O, I]: the sum of the squares of each kernel


_transformed: Any = WeakTensorKeyDictionary()  # weight → (what it was then, its transform)


def usable(x: Tensor, weight: Tensor, *others: Tensor) -> bool:
    """Whether `convolve` can do x [N, I, H, W] with weight [O, I, k, k], and is the faster way.

    It can on the CPU, without a gradient for these or the other tensors that scale them.
    """
    out, inner, height, width = weight.shape
    if (height, width) != (3, 3) or x.device.type != "cpu" or x.dtype not in _SUFFIX:
        return False
    if torch.is_grad_enabled() and any(one.requires_grad for one in (x, weight, *others)):
        return False
    if weight.dtype != x.dtype or min(out, inner) < FEW_CHANNELS[x.dtype] or min(x.shape[2:]) < 3:
        return False
    work = x.shape[0] * x.shape[2] * x.shape[3] * out * inner * 9
    if x.dtype == torch.float64 and work < DOUBLE_FROM:
        return False
    return library() is not None


def transformed(weight: Tensor) -> Kernels:
    """Kept for as long as the weight lives and stays the same."""
    if weight.is_inference():
        return _transform(weight)
    state = weight._version, weight.data_ptr(), weight.dtype
    known = _transformed.get(weight)
    if known is None or known[0] != state:
        known = state, _transform(weight)
        _transformed[weight] = known
    made: Kernels = known[1]
    return made


def _transform(weight: Tensor) -> Kernels:
    out, inner = weight.shape[:2]
    weight = weight.detach().contiguous()
    u = weight.new_empty(PRODUCTS, out * inner)
    routine: Any = getattr(library(), f"nftgan_winograd_weight_{_SUFFIX[weight.dtype]}")
    routine(address(weight), address(u), out, inner)
    return Kernels(u, weight.square().sum(dim=(2, 3)))


def convolve(
    x: Tensor,
    kernels: Kernels,
    *,
    padding: int,
    scale_in: Tensor | None = None,
    scale_out: Tensor | None = None,
) -> Tensor:
    """x [N, I, H, W] correlated with the `transformed` kernels, without a gradient.

    scale_in [N, I] multiplies the input, scale_out [N, O] the output; padding: 0 to 2.
    Returns [N, O, H + 2 * padding - 2, W + 2 * padding - 2]. In float32 the error is about five
    times that of a direct convolution.
    """
    n, inner, h, w = x.shape
    out = len(kernels.energy)
    x = x.detach().contiguous()
    before, after = (
        None if scale is None else scale.detach().to(x.dtype).contiguous()
        for scale in (scale_in, scale_out)
    )
    y = x.new_empty(n, out, h + 2 * padding - 2, w + 2 * padding - 2)
    routine: Any = getattr(library(), f"nftgan_winograd_{_SUFFIX[x.dtype]}")
    tensors = [address(one) for one in (x, kernels.products, before, after, y)]
    failed = routine(*tensors, *(ctypes.c_int(size) for size in (n, inner, out, h, w, padding)))
    assert not failed
    return y
