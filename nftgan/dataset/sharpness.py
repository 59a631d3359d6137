"""Does an image have the detail its size promises, or was it enlarged or blurred before?"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageChops

from nftgan.dataset import kernels

_SMALLEST = 64  # pixels; below, there is too little detail to judge by
# What is lost by going through half the size, against a quarter of the size: 0.44 to 0.61 for
# sharp drawings and renderings, 0.18 to 0.39 for the same ones enlarged from half or 3/8.
_RATIO = 0.40
# The same loss against the image's contrast: 0.04 to 0.20 when sharp, under 0.02 when enlarged
# from a quarter (then JPEG noise hides the ratio).
_SHARE = 0.02


def is_soft(image: Image.Image) -> bool:
    """Whether the square RGB image has next to no detail in its finest octave.

    A hint, not a verdict: an image that is meant to be blurred looks the same. False below 64
    pixels.
    """
    if image.width < _SMALLEST:
        return False
    grey = image.convert("L")
    levels, counts = np.arange(256), np.array(grey.histogram())
    mean = counts @ levels / counts.sum()
    contrast = float(np.sqrt(counts @ (levels - mean) ** 2 / counts.sum()))
    fine, coarse = _loss(grey, image.width // 2), _loss(grey, image.width // 4)
    return fine < _RATIO * coarse or fine < _SHARE * contrast


def _loss(grey: Image.Image, side: int) -> float:
    """RMS difference, in levels, after going down to `side` pixels and up again."""
    back = _resized(_resized(grey, side), grey.width)
    counts = np.array(ImageChops.difference(grey, back).histogram())
    return float(np.sqrt(counts @ np.arange(256) ** 2 / counts.sum()))


def _resized(grey: Image.Image, side: int) -> Image.Image:
    pixels = kernels.resized(np.asarray(grey), side)
    if pixels is not None:
        return Image.fromarray(pixels)
    return grey.resize((side, side), Image.Resampling.LANCZOS)
