"""Bias, activation, gain, clamp, in this order."""

from __future__ import annotations

import math

import torch.nn.functional as F
from torch import Tensor

SLOPE = 0.2
DEFAULT_GAIN = {"linear": 1.0, "lrelu": math.sqrt(2)}


def bias_act(
    x: Tensor,
    b: Tensor | None = None,
    *,
    act: str = "linear",
    gain: float | None = None,
    clamp: float | None = None,
) -> Tensor:
    """clamp(gain * act(x + b), -c, c); b: [C] over dimension 1 of x.

    act: "linear" or "lrelu" (slope 0.2); gain None: 1 and the square root of 2.
    """
    if b is not None:
        x = x + b.to(x.dtype).reshape(1, -1, *[1] * (x.ndim - 2))
    if act == "lrelu":
        x = F.leaky_relu(x, SLOPE)
    factor = DEFAULT_GAIN[act] if gain is None else gain
    if factor != 1:
        x = x * factor
    return x if clamp is None else x.clamp(-clamp, clamp)
