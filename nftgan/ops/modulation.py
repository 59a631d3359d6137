"""Convolution whose weights each sample scales (Karras et al. 2020, equations 1 and 3)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from nftgan.ops import choices, gpu_demodulation, gpu_scales, winograd
from nftgan.ops.gradients import needs_gradient

EPSILON = 1e-8
TINY = 1e-30
"""Keeps a kernel or a style of zeros a number."""


def modulated_weights(weight: Tensor, styles: Tensor, *, demodulate: bool) -> Tensor:
    """weight [O, I, k, k], styles [N, I] → each sample's own weights [N, O, I, k, k]."""
    weights = weight[None] * styles[:, None, :, None, None]
    if demodulate:
        weights = weights * (weights.square().sum(dim=(2, 3, 4), keepdim=True) + EPSILON).rsqrt()
    return weights


def whole_weights(
    weight: Tensor,
    styles: Tensor,
    *,
    demodulate: bool,
    normalize: bool,
    input_gain: Tensor | float = 1.0,
) -> Tensor:
    """[N, O, I, k, k]: what `modulated_conv2d` of these convolves each sample with."""
    if normalize:
        styles = styles * styles.square().mean(dim=1, keepdim=True).rsqrt()
        weight = weight * weight.square().mean(dim=(1, 2, 3), keepdim=True).rsqrt()
    return modulated_weights(weight, styles, demodulate=demodulate) * input_gain


Convolution = Callable[[Tensor, Tensor, int], Tensor]
"""(x, weight, groups) → y"""


def grouped_conv(x: Tensor, weights: Tensor, convolution: Convolution) -> Tensor:
    """x [N, I, H, W], weights [N, O, I, k, k] → [N, O, H', W'], each sample with its own."""
    n, out_channels, in_channels, k, _ = weights.shape
    x = x.reshape(1, n * in_channels, *x.shape[2:])
    y = convolution(x, weights.reshape(n * out_channels, in_channels, k, k), n)
    return y.reshape(n, out_channels, *y.shape[2:])


def grouped_conv2d(x: Tensor, weights: Tensor, *, padding: int) -> Tensor:
    """`grouped_conv` with a plain convolution."""
    return grouped_conv(x, weights, lambda x, w, n: F.conv2d(x, w, padding=padding, groups=n))


def modulated_conv2d(
    x: Tensor,
    weight: Tensor,
    styles: Tensor,
    *,
    demodulate: bool,
    padding: int,
    normalize: bool = False,
    input_gain: Tensor | float = 1.0,
) -> Tensor:
    """x [N, I, H, W] with weight [O, I, k, k] as styles [N, I] scale it, times input_gain.

    normalize: first bring each kernel and each sample's styles to unit mean square (Karras et al.
    2021); per sample, so that no image depends on the others of its batch. Where Winograd's way
    is the faster one, the channels are scaled before and after a convolution with the same weights
    for all, which comes to the same.
    """
    if not winograd.usable(x, weight):
        weights = whole_weights(
            weight, styles, demodulate=demodulate, normalize=normalize, input_gain=input_gain
        )
        return grouped_conv2d(x, weights.to(x.dtype), padding=padding)
    if normalize:
        styles = styles * styles.square().mean(dim=1, keepdim=True).rsqrt()
    differentiable = needs_gradient(x, weight, styles)
    kernels = None if differentiable else winograd.transformed(weight)
    energy = weight.square().sum(dim=(2, 3)) if kernels is None else kernels.energy  # [O, I]
    unit = styles.new_ones(len(weight))
    if normalize:
        unit = (energy.sum(dim=1) / weight[0].numel()).rsqrt()
    after = unit.expand(len(styles), -1)
    if demodulate:
        power = (styles.square() @ energy.T) * unit.square()
        after = unit * (power + EPSILON).rsqrt()
    after = after * input_gain
    if kernels is not None:
        return winograd.convolve(x, kernels, padding=padding, scale_in=styles, scale_out=after)
    return winograd.convolve_scaled(x, weight, styles, after, padding=padding)


def dense(x: Tensor) -> bool:
    """Whether a convolution of x shares its weights between scaled channels, and leaves the scales
    to the activations before and after it: on a GPU, unless measuring has chosen otherwise.
    """
    kinds = (torch.float16, torch.bfloat16, torch.float32)
    return x.is_cuda and x.dtype in kinds and choices.current().convolution == choices.DENSE


@dataclass(frozen=True)
class Shared:
    """A modulated convolution as one with shared weights: scale_in [N, I] multiplies its input's
    channels, scale_out [N, O], never 0, its output's; None where there is nothing to scale.
    """

    weight: Tensor  # [O, I, k, k]
    scale_in: Tensor
    scale_out: Tensor | None


def shared(
    weight: Tensor,
    styles: Tensor,
    *,
    demodulate: bool,
    normalize: bool = False,
    magnitude: Tensor | None = None,
    dtype: torch.dtype | None = None,
) -> Shared:
    """What `modulated_conv2d` of these computes, in a form that keeps inside half's range.

    With demodulation kernels have unit norm and each sample's styles unit mean square, so that
    what is between them is as large as the input. One over the root of magnitude [], the gain of
    the input, rides in scale_out. dtype: that of the weights, by default as they are.
    """
    kind = weight.dtype if dtype is None else dtype
    if not demodulate:
        out = None
        if magnitude is not None:
            out = magnitude.rsqrt().expand(len(styles), len(weight))
        return Shared(weight.to(kind), styles, out)
    least = EPSILON / weight[0].numel() if normalize else EPSILON
    how = gpu_demodulation.Demodulation(least, TINY, normalize, kind)
    if gpu_scales.takes(weight, styles):
        return Shared(*gpu_demodulation.demodulated(weight, styles, magnitude, how))
    gain = None if magnitude is None else magnitude.rsqrt()
    return Shared(*gpu_demodulation.definition(weight, styles, gain, how))
