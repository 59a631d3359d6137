"""Bias, activation, gain, clamp, in this order."""

from __future__ import annotations

import math

import torch.nn.functional as F
from torch import Tensor

from nftgan.ops import gpu_planes, native_activation
from nftgan.ops.gpu_slopes import Act

SLOPE = 0.2
DEFAULT_GAIN = {"linear": 1.0, "lrelu": math.sqrt(2)}


def bias_act(
    x: Tensor,
    b: Tensor | None = None,
    *,
    act: str = "linear",
    gain: float | None = None,
    clamp: float | None = None,
    scale: Tensor | None = None,
    noise: Tensor | None = None,
    strength: Tensor | None = None,
) -> Tensor:
    """clamp(gain * act(x * scale + strength * noise + b), -c, c); b: [C] over dimension 1 of x.

    act: "linear" or "lrelu" (slope 0.2); gain None: 1 and the square root of 2. scale: [N, C];
    noise: [H, W] or [N, 1, H, W], without a gradient; strength: []. One launch on a
    GPU, one pass on a processor.
    """
    factor = DEFAULT_GAIN[act] if gain is None else gain
    how = Act(SLOPE if act == "lrelu" else 1.0, factor, clamp)
    if gpu_planes.takes(x):
        return gpu_planes.activate(x, b, how, scale=scale, noise=noise, strength=strength)
    if scale is not None:
        x = x * scale.to(x.dtype)[:, :, None, None]
    if native_activation.usable(x, how, b, noise, strength):
        return native_activation.activate(x, b, how, noise, strength)
    if noise is not None:
        assert strength is not None
        x = x + (noise * strength).to(x.dtype)
    if b is not None:
        x = x + b.to(x.dtype).reshape(1, -1, *[1] * (x.ndim - 2))
    if act == "lrelu":
        x = F.leaky_relu(x, SLOPE)
    if factor != 1:
        x = x * factor
    return x if clamp is None else x.clamp(-clamp, clamp)
