"""Low-pass filters: preparing taps for resampling and designing those of StyleGAN3."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor


def setup_filter(taps: Sequence[float] | Tensor | None, *, gain: float = 1.0) -> Tensor:
    """Taps of sum `gain`, float32: [n] when separable with 8 taps or more, else [n, n]."""
    f = torch.as_tensor([1.0] if taps is None else taps, dtype=torch.float32)
    if f.ndim == 0:
        f = f[None]
    if f.ndim == 1 and f.numel() < 8:
        f = f.outer(f)
    result: Tensor = f / f.sum() * gain ** (f.ndim / 2)
    return result


def design_lowpass(
    taps: int, *, cutoff: float, half_width: float, rate: float, radial: bool = False
) -> Tensor | None:
    """Kaiser-windowed low-pass filter (Karras et al. 2021, appendix C), unit sum, float32.

    cutoff, half_width, rate: in samples per unit of the same length; half_width is half of the
    transition band. Returns [taps], [taps, taps] when radial, None for a single tap.
    """
    if taps == 1:
        return None
    attenuation = 2.285 * (taps - 1) * math.pi * (2 * half_width / (rate / 2)) + 7.95
    window = np.kaiser(taps, _kaiser_beta(attenuation))
    offsets = np.arange(taps) - (taps - 1) / 2
    if radial:
        r = np.hypot(*np.meshgrid(offsets / rate, offsets / rate))
        bessel = torch.special.bessel_j1(torch.as_tensor(2 * math.pi * cutoff * r)).numpy()
        f = bessel / (math.pi * r) * np.outer(window, window)
    else:
        relative = cutoff / (rate / 2)
        f = relative * np.sinc(relative * offsets) * window
    return torch.as_tensor(f / f.sum(), dtype=torch.float32)


def _kaiser_beta(attenuation: float) -> float:
    """Kaiser's window parameter for a stop-band attenuation in dB."""
    if attenuation > 50:
        return 0.1102 * (attenuation - 8.7)
    if attenuation > 21:
        result: float = 0.5842 * (attenuation - 21) ** 0.4 + 0.07886 * (attenuation - 21)
        return result
    return 0.0
