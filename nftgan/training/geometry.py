"""The geometry of augmentation: one warp for each image, whatever operations were drawn for it."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from nftgan.ops.upfirdn import downsample2d, upsample2d
from nftgan.training import wavelets
from nftgan.training.augmentation import Array
from nftgan.training.warp import reflected, sample_bilinear


def inverse_matrices(values: Mapping[str, Array], width: int, height: int) -> Array:
    """[N, 3, 3] from output pixel positions to input positions, the origin at the centre."""
    matrix = np.broadcast_to(np.eye(3), (len(next(iter(values.values()))), 3, 3))
    for name, inverse in _INVERSE.items():
        if name in values:
            matrix = matrix @ inverse(values[name], width, height)
    return np.asarray(matrix)


def _integer_shift(shares: Array, width: int, height: int) -> Array:
    return _translation(-np.round(shares[:, 0] * width), -np.round(shares[:, 1] * height))


_INVERSE: dict[str, Callable[[Array, int, int], Array]] = {
    "xflip": lambda value, w, h: _scaling(1 - 2 * value, np.ones(len(value))),
    "rotate90": lambda value, w, h: _rotation(value * (math.pi / 2)),
    "xint": _integer_shift,
    "scale": lambda value, w, h: _scaling(1 / value, 1 / value),
    "rotate": lambda value, w, h: _rotation(value),
    "aniso": lambda value, w, h: _scaling(1 / value, value),
    "rotate_after": lambda value, w, h: _rotation(value),
    "xfrac": lambda value, w, h: _translation(-value[:, 0] * w, -value[:, 1] * h),
}
"""In the order in which they are applied."""
GEOMETRIC = tuple(_INVERSE)


def _reach() -> int:
    """What the low-pass of the warp sees beyond an edge, in pixels."""
    return len(wavelets.SYM6_LOW) // 4


def placed(
    values: Mapping[str, Array], width: int, height: int, *, fixed: bool = False
) -> tuple[tuple[int, ...], Array]:
    """What `warp` takes for images of this size: margins in pixels, and theta [N, 2, 3].

    fixed: margins as wide as they can be asked for, so that the shapes of all batches are the same.
    """
    matrix = inverse_matrices(values, width, height)
    margins: tuple[int, ...] = (width - 1, height - 1) * 2
    if not fixed:
        margins = _margins(matrix, width, height, 2 * _reach())
    return margins, _theta(matrix, width, height, margins)


def _theta(matrix: Array, width: int, height: int, margins: Sequence[int]) -> Array:
    """[N, 2, 3] of PyTorch's grids, for the doubled image with margins, of `matrix` [N, 3, 3]."""
    left, top, right, bottom = margins
    matrix = _shift((left - right) / 2, (top - bottom) / 2) @ matrix
    matrix = _zoom(2, 2) @ matrix @ _zoom(0.5, 0.5)
    matrix = _shift(-0.5, -0.5) @ matrix @ _shift(0.5, 0.5)
    out_width, out_height = (2 * (size + 2 * _reach()) for size in (width, height))
    in_width, in_height = 2 * (width + left + right), 2 * (height + top + bottom)
    matrix = _zoom(2 / in_width, 2 / in_height) @ matrix @ _zoom(out_width / 2, out_height / 2)
    return np.asarray(matrix[:, :2])


def warp(images: Tensor, theta: Tensor, margins: Sequence[int]) -> Tensor:
    """Each image sampled where `theta` says, mirrored at its edges, without aliasing.

    The image is doubled with a symlet low-pass, sampled bilinearly, and halved again. margins:
    pixels to add left, above, right, below so that no sample falls outside.
    """
    count, channels, height, width = images.shape
    left, top, right, bottom = margins
    taps = _lowpass(images.device, images.dtype)
    images = upsample2d(reflected(images, [left, right, top, bottom]), taps)
    reach = _reach()
    shape = [count, channels, (height + 2 * reach) * 2, (width + 2 * reach) * 2]
    images = sample_bilinear(images, F.affine_grid(theta, shape, align_corners=False))
    return downsample2d(images, taps, padding=-2 * reach, flip_filter=True)


@functools.cache
def _lowpass(device: torch.device, dtype: torch.dtype) -> Tensor:
    """One tensor for all calls: resampling prepares a filter that it has not seen."""
    with torch.inference_mode(False):
        return torch.as_tensor(wavelets.SYM6_LOW, dtype=dtype, device=device)


def _margins(matrix: Array, width: int, height: int, slack: int) -> tuple[int, ...]:
    """Pixels to add left, above, right, below so that no sample falls outside."""
    x, y = (width - 1) / 2, (height - 1) / 2
    corners = np.array([[-x, -y, 1], [x, -y, 1], [x, y, 1], [-x, y, 1]]).T  # [3, 4]
    reached = matrix @ corners  # [N, 3, 4]
    sides = []
    for sign in (-1, 1):
        for axis, half, size in ((0, x, width), (1, y, height)):
            beyond = (sign * reached[:, axis]).max() + slack - half
            sides.append(math.ceil(min(max(beyond, 0), size - 1)))
    return tuple(sides)


def _scaling(x: Array, y: Array) -> Array:
    matrix = np.zeros((len(x), 3, 3))
    matrix[:, 0, 0], matrix[:, 1, 1], matrix[:, 2, 2] = x, y, 1
    return matrix


def _translation(x: Array, y: Array) -> Array:
    matrix = np.tile(np.eye(3), (len(x), 1, 1))
    matrix[:, 0, 2], matrix[:, 1, 2] = x, y
    return matrix


def _rotation(angle: Array) -> Array:
    matrix = np.tile(np.eye(3), (len(angle), 1, 1))
    matrix[:, 0, 0] = matrix[:, 1, 1] = np.cos(angle)
    matrix[:, 1, 0] = np.sin(angle)
    matrix[:, 0, 1] = -matrix[:, 1, 0]
    return matrix


def _shift(x: float, y: float) -> Array:
    return np.array([[1, 0, x], [0, 1, y], [0, 0, 1]], np.float64)


def _zoom(x: float, y: float) -> Array:
    return np.diag([x, y, 1]).astype(np.float64)
