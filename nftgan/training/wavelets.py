"""Filters of the augmentations, from the Daubechies least-asymmetric wavelets (symlets)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

SYM2 = np.array([-0.12940952255092145, 0.22414386804185735, 0.836516303737469, 0.48296291314469025])
SYM6 = np.array(
    [
        0.015404109327027373,
        0.0034907120842174702,
        -0.11799011114819057,
        -0.048311742585633,
        0.4910559419267466,
        0.787641141030194,
        0.3379294217276218,
        -0.07263752278646252,
        -0.021060292512300564,
        0.04472490177066578,
        0.0017677118642428036,
        -0.007800708325034148,
    ]
)
SYM6_LOW: Array = SYM6 / SYM6.sum()
"""Low-pass [12] of sum 1 for doubling and halving an image."""


def _spread(taps: Array, step: int) -> Array:
    """taps(z^step): zeros between the taps."""
    spread = np.zeros((len(taps) - 1) * step + 1)
    spread[::step] = taps
    return spread


def _filter_bank() -> Array:
    """Four zero-phase bands [4, 43] that add up to the identity, coarse to fine, an octave each.

    The symlet's autocorrelation L and its complement H = 1 - L split a band in two; splitting the
    low half again with L(z^2), then L(z^4), gives L L2 L4, L L2 H4, L H2 and H.
    """
    low = np.convolve(SYM2, SYM2[::-1]) / 2  # [7], sum 1: a half-band filter
    high = -low
    high[3] += 1
    bands = [
        _product(low, _spread(low, 2), _spread(low, 4)),
        _product(low, _spread(low, 2), _spread(high, 4)),
        _product(low, _spread(high, 2)),
        high,
    ]
    length = max(len(band) for band in bands)
    return np.stack([np.pad(band, (length - len(band)) // 2) for band in bands])


def _product(*filters: Array) -> Array:
    result = np.ones(1)
    for taps in filters:
        result = np.convolve(result, taps)
    return result


FILTER_BANK: Array = _filter_bank()
