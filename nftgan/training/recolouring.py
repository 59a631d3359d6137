"""The colours of augmentation: one matrix for each image, whatever operations were drawn for it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np
from torch import Tensor

from nftgan.training.augmentation import Array

LUMA = np.array([1.0, 1.0, 1.0, 0.0]) / math.sqrt(3)
ALONG_LUMA = np.outer(LUMA, LUMA)


def colour_matrices(values: Mapping[str, Array], channels: int) -> Array:
    """[N, 4, 4] on homogeneous RGB; hue and saturation only where there is colour."""
    matrix = np.broadcast_to(np.eye(4), (len(next(iter(values.values()))), 4, 4))
    for name, change in _RECOLOUR.items():
        if name in values and (channels > 1 or name not in ("hue", "saturation")):
            matrix = change(values[name]) @ matrix
    return np.asarray(matrix)


def premultiplied_matrices(matrices: Array) -> Array:
    """[N, 5, 5] on homogeneous premultiplied RGBA of [N, 4, 4] on homogeneous straight RGB.

    All in [-1, 1]. With p = (x + 1) / 2 and alpha likewise, a straight colour is 2 p / alpha - 1,
    so that x -> M x + t becomes p -> M p + alpha (1 - M 1 + t) / 2: what is transparent stays so.
    """
    factor, added = matrices[:, :3, :3], matrices[:, :3, 3]
    whole = factor.sum(axis=2)  # M 1
    by_alpha = (1 - whole + added) / 2
    result = np.tile(np.eye(5), (len(matrices), 1, 1))
    result[:, :3, :3], result[:, :3, 3] = factor, by_alpha
    result[:, :3, 4] = whole + by_alpha - 1
    return result


def _brightness(value: Array) -> Array:
    matrix = np.tile(np.eye(4), (len(value), 1, 1))
    matrix[:, :3, 3] = value[:, None]
    return matrix


def _contrast(value: Array) -> Array:
    matrix = np.tile(np.eye(4), (len(value), 1, 1))
    matrix[:, [0, 1, 2], [0, 1, 2]] = value[:, None]
    return matrix


def _lumaflip(value: Array) -> Array:
    return np.asarray(np.eye(4) - 2 * ALONG_LUMA * value[:, None, None])


def _saturation(value: Array) -> Array:
    return np.asarray(ALONG_LUMA + (np.eye(4) - ALONG_LUMA) * value[:, None, None])


def _rotation_about_luma(angle: Array) -> Array:
    """Right-handed rotation about the grey axis (Rodrigues' formula); [N, 4, 4]."""
    x, y, z = LUMA[:3]
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    matrix = np.tile(np.eye(4), (len(angle), 1, 1))
    sine, cosine = np.sin(angle)[:, None, None], np.cos(angle)[:, None, None]
    matrix[:, :3, :3] = np.eye(3) + sine * cross + (1 - cosine) * (cross @ cross)
    return matrix


_RECOLOUR: dict[str, Callable[[Array], Array]] = {
    "brightness": _brightness,
    "contrast": _contrast,
    "lumaflip": _lumaflip,
    "hue": _rotation_about_luma,
    "saturation": _saturation,
}
"""In the order in which they are applied."""
COLOUR = tuple(_RECOLOUR)


def recolour(images: Tensor, colour: Tensor) -> Tensor:
    """Each pixel through its image's matrix [N, C + 1, C + 1], of one channel through factors
    [N, 4]; not clamped.
    """
    count, channels, height, width = images.shape
    if channels == 1:
        gain, offset = colour[:, :3].sum(1), colour[:, 3]
        return images * gain[:, None, None, None] + offset[:, None, None, None]
    pixels = images.reshape(count, channels, height * width)
    pixels = colour[:, :channels, :channels] @ pixels + colour[:, :channels, channels:]
    return pixels.reshape(count, channels, height, width)
