"""Multi-scale sliced Wasserstein distance: textures compared at every size, without any network.

After Karras et al. 2018 (section 5): 7x7 patches from each level of a Laplacian pyramid, along
random directions; there each channel is normalised within its own set, here both sets by the real
one, so that wrong colours count. Figures are multiplied by 1000. The distance of finite sets
is never 0 and falls as they grow: compare it only with one of as many images.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from nftgan.alpha import seen
from nftgan.errors import UsageError
from nftgan.metrics.estimate import Estimate, spread

SIDE = 7  # pixels of a patch
COARSEST = 16  # pixels: the last level of the pyramid
PATCHES = 32  # of each image and level
IMAGES = 2000  # of a set, at most
DIRECTIONS = 256
GROUPS = 4  # disjoint parts of a set, for the error
SCALE = 1000.0
_KERNEL = torch.tensor([1.0, 4.0, 6.0, 4.0, 1.0]) / 16


class Patches:
    """Takes images batch by batch and keeps a few patches of each, for `swd`."""

    def __init__(self, *, seed: int = 0) -> None:
        self._seed = seed
        self._parts: list[list[np.ndarray]] = []  # by level; of [N, PATCHES, C * SIDE * SIDE]
        self.images = 0

    def add(self, images: np.ndarray) -> None:
        """uint8 [N, 1, 3 or 4, S, S], S a power of two from 16 on; beyond IMAGES they are left out.

        Raises UsageError for smaller images or another shape than before.
        """
        self.extend(self.cut(images, self.images))

    def cut(self, images: np.ndarray, first: int) -> list[np.ndarray]:
        """The patches of images from number `first` on, by level, for `extend`; see `add`."""
        images = images[: max(IMAGES - first, 0)]
        if not len(images):
            return []
        images = seen(images)
        if images.shape[1] == 1:
            images = images.repeat(3, axis=1)
        levels = pyramid(torch.from_numpy(np.ascontiguousarray(images)).float())
        return [self._cut(level.numpy(), first) for level in levels]

    def extend(self, levels: Sequence[np.ndarray]) -> None:
        """Keep what `cut` gave for the next images, by level. Raises UsageError as `add`."""
        if not levels:
            return
        if self._parts and len(levels) != len(self._parts):
            raise UsageError("all images of a set must have one size")
        self._parts = self._parts or [[] for _ in levels]
        for parts, level in zip(self._parts, levels, strict=True):
            parts.append(level)
        self.images += len(levels[0])

    def _cut(self, level: np.ndarray, first: int) -> np.ndarray:
        windows = np.lib.stride_tricks.sliding_window_view(level, (SIDE, SIDE), axis=(2, 3))
        positions = windows.shape[2]  # [N, C, positions, positions, SIDE, SIDE]
        found = []
        for index, image in enumerate(windows, first):
            random = np.random.default_rng((self._seed, index, level.shape[2]))
            y, x = random.integers(positions, size=(2, PATCHES))
            found.append(image[:, y, x].transpose(1, 0, 2, 3).reshape(PATCHES, -1))
        return np.stack(found)

    def level(self, index: int) -> np.ndarray:
        """float32 [N, PATCHES, 3 * SIDE * SIDE], finest level first."""
        return np.concatenate(self._parts[index])

    @property
    def levels(self) -> int:
        return len(self._parts)


def pyramid(x: Tensor) -> list[Tensor]:
    """Laplacian pyramid of [N, C, S, S]: the details of each size down to 16, and what is left."""
    side = x.shape[-1]
    if x.shape[-2] != side or side < COARSEST or side & (side - 1):
        raise UsageError(f"images of {side} pixels have no texture to compare: 16 is the least")
    levels = []
    while x.shape[-1] > COARSEST:
        small = _smooth(x, 1)[:, :, ::2, ::2]
        n, c, h, w = small.shape
        wide = torch.zeros(n, c, 2 * h, 2 * w)
        wide[:, :, ::2, ::2] = small
        levels.append(x - _smooth(wide, 2))
        x = small
    return [*levels, x]


def _smooth(x: Tensor, gain: int) -> Tensor:
    """Binomial filter of 5 taps along both axes; `gain` makes up for zeros between pixels."""
    n, c, h, w = x.shape
    x = x.reshape(n * c, 1, h, w)
    taps = _KERNEL * gain
    # Even distances must stay even: reflect about the first pixel.
    x = F.conv2d(F.pad(x, (2, 2, 0, 0), mode="reflect"), taps.view(1, 1, 1, 5))
    x = F.conv2d(F.pad(x, (0, 0, 2, 2), mode="reflect"), taps.view(1, 1, 5, 1))
    return x.reshape(n, c, h, w)


def swd(fakes: Patches, reals: Patches, *, seed: int = 0) -> Estimate:
    """The mean over levels of `level_distances`; its error from disjoint quarters of both sets.

    Raises UsageError for fewer than 8 images in a set or images of different sizes.
    """
    if min(fakes.images, reals.images) < 2 * GROUPS:
        raise UsageError(f"textures need at least {2 * GROUPS} images in each set")
    if fakes.levels != reals.levels:
        raise UsageError("textures can only be compared between images of one size")
    whole = 0.0
    quarters = np.zeros(GROUPS)
    for index in range(fakes.levels):
        a, b = _projected(fakes.level(index), reals.level(index), seed)
        whole += _distance(a, b) / fakes.levels
        for group in range(GROUPS):
            part = _distance(a[group::GROUPS], b[group::GROUPS])
            quarters[group] += part / fakes.levels
    return Estimate(whole, spread(quarters.tolist()))


def level_distances(fakes: Patches, reals: Patches, *, seed: int = 0) -> list[float]:
    """1000 times the mean Wasserstein distance along random directions, finest level first."""
    pairs = (
        _projected(fakes.level(index), reals.level(index), seed) for index in range(fakes.levels)
    )
    return [_distance(a, b) for a, b in pairs]


def _projected(fakes: np.ndarray, reals: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Patches [N, P, C * 49] along random directions: [N, P, DIRECTIONS]."""
    n, p, size = reals.shape
    by_channel = reals.reshape(n * p, -1, SIDE * SIDE)
    mean = by_channel.mean(axis=(0, 2)).repeat(SIDE * SIDE)
    deviation = by_channel.std(axis=(0, 2)).repeat(SIDE * SIDE) + 1e-8
    directions = np.random.default_rng(seed).standard_normal((size, DIRECTIONS))
    directions /= np.linalg.norm(directions, axis=0)
    along = (directions / deviation[:, None]).astype(np.float32)
    centre = mean.astype(np.float32)
    return (fakes - centre) @ along, (reals - centre) @ along


def _distance(a: np.ndarray, b: np.ndarray) -> float:
    """Of [N, P, DIRECTIONS] and [M, P, DIRECTIONS]: sorted values at equal ranks."""
    x, y = (np.sort(s.reshape(-1, s.shape[-1]), axis=0) for s in (a, b))
    if len(x) > len(y):
        x, y = y, x
    if len(x) < len(y):
        places = (np.arange(len(x)) + 0.5) / len(x) * len(y) - 0.5
        low = np.floor(places).astype(int)
        part = (places - low)[:, None].astype(np.float32)
        y = y[low] * (1 - part) + y[np.minimum(low + 1, len(y) - 1)] * part
    return float(np.abs(x - y).mean(dtype=np.float64)) * SCALE
