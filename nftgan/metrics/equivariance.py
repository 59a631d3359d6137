"""How exactly a generator's image follows its moved input (Karras et al. 2021, appendix E).

Each measure generates the same latents twice, once still and once with the input moved, moves the
still images by resampling, and compares: EQ = 10 log10(I_max^2 / mean squared error) in dB,
with I_max = 2 for images in [-1, 1]. Only pixels whose every tap lies on both canvases count.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from nftgan.errors import UsageError
from nftgan.networks.protocols import Generator

Sampler = Callable[[np.ndarray], Tensor]
"""From a transform [3, 3], the inverse of the move one sees, to images [N, C, S, S]."""

RANGE = 2.0
LARGEST_SHIFT = 1 / 8  # of the width
LANCZOS = 3  # lobes of a translation's filter
RADIUS = 2 * LANCZOS  # pixels, of a rotation's filter: two filters, one after the other
PIXELS_AT_ONCE = 4096


def eq_t(
    generator: Generator,
    *,
    samples: int = 64,
    seed: int = 0,
    fractional: bool = False,
    batch: int = 4,
) -> float:
    """EQ-T in dB over `samples` seeded images; EQ-T_frac when `fractional`.

    Shifts are uniform in +-1/8 of the width and height, whole pixels unless `fractional`;
    `batch` images share one. Truncation is off, float32 at least. `generator`: a StyleGAN3
    in evaluation mode. Infinite when no pixel differs.
    Raises UsageError for a generator whose input cannot be moved.
    """
    error = _Mean()
    random = np.random.default_rng(seed)
    for sample in _samplers(generator, samples, batch, random):
        shift = random.uniform(-LARGEST_SHIFT, LARGEST_SHIFT, 2)
        error.add(*translation_error(sample, shift, fractional=fractional))
    return error.decibels()


def eq_r(generator: Generator, *, samples: int = 64, seed: int = 0, batch: int = 4) -> float:
    """EQ-R in dB over `samples` seeded images, angles uniform in a full turn; else as `eq_t`."""
    error = _Mean()
    random = np.random.default_rng(seed)
    for sample in _samplers(generator, samples, batch, random):
        error.add(*rotation_error(sample, random.uniform(-math.pi, math.pi)))
    return error.decibels()


def translation_error(sample: Sampler, shift: np.ndarray, *, fractional: bool) -> tuple[float, int]:
    """Sum of squared differences and their number for one shift (appendix E.1 and E.2).

    shift: [2], right and down, in image widths; rounded to whole pixels unless `fractional`.
    """
    still = sample(np.eye(3))
    size = still.shape[-1]
    pixels = np.asarray(shift, float) * size
    if not fractional:
        pixels = np.rint(pixels)
    transform = np.eye(3)
    transform[:2, 2] = -pixels / size
    moved, reference = sample(transform).double(), still.double()
    for axis, distance in ((3, float(pixels[0])), (2, float(pixels[1]))):
        reference, first, last = _shifted(reference, axis, distance)
        moved = moved.narrow(axis, first, last - first)
    return _squared(moved - reference)


def _shifted(x: Tensor, axis: int, distance: float) -> tuple[Tensor, int, int]:
    """x moved along `axis`, and the half-open range of pixels that the result holds."""
    size = x.shape[axis]
    whole = math.floor(distance)
    part = distance - whole
    if part == 0:
        offsets, taps = [0], [1.0]
    else:
        # Pixel p of the result is x at p - distance: taps at p - whole - k.
        offsets = list(range(1 - LANCZOS, LANCZOS + 1))
        taps = [float(np.sinc(k - part) * np.sinc((k - part) / LANCZOS)) for k in offsets]
        taps = [tap / sum(taps) for tap in taps]
    first = max(0, whole + offsets[-1])
    last = min(size, size + whole + offsets[0])
    if last <= first:
        raise _too_small(size)
    parts = zip(offsets, taps, strict=True)
    total = sum(x.narrow(axis, first - whole - k, last - first) * tap for k, tap in parts)
    assert isinstance(total, Tensor)
    return total, first, last


def rotation_error(sample: Sampler, angle: float) -> tuple[float, int]:
    """Sum of squared differences and their number for one rotation (appendix E.3).

    angle: radians, counter-clockwise on an image. A rotated image keeps only frequencies
    that both pixel grids hold, so the still image is rotated and the moved one is filtered
    with one kernel: `octagon`, under a radial Lanczos window.
    """
    still = sample(np.eye(3)).double()
    cos, sin = math.cos(angle), math.sin(angle)
    turn = np.array([[cos, -sin], [sin, cos]])  # from a pixel of the moved image to the still
    transform = np.eye(3)
    transform[:2, :2] = turn
    moved = sample(transform).double()
    n, c, size, _ = still.shape
    corners = octagon(turn)

    reach = RADIUS - 1
    if size <= 2 * reach:
        raise _too_small(size)
    steps = np.arange(-reach, reach + 1)
    grid = np.stack(np.meshgrid(steps, steps), axis=-1)  # [k, k, (x, y)]
    kernel = torch.from_numpy(_kernel(grid, corners)).to(moved)
    filtered = F.conv2d(moved.reshape(n * c, 1, size, size), kernel[None, None])
    filtered = filtered.reshape(n, c, *filtered.shape[2:])

    inner = np.arange(reach, size - reach)
    rows, columns = (a.ravel() for a in np.meshgrid(inner, inner, indexing="ij"))
    source = (np.stack([columns, rows], axis=1) - (size - 1) / 2) @ turn.T + (size - 1) / 2
    corner = np.floor(source).astype(int) - reach  # [V, (x, y)], of the taps of each pixel
    taps = 2 * RADIUS
    valid = ((corner >= 0) & (corner + taps <= size)).all(axis=1)
    rows, columns, source, corner = rows[valid], columns[valid], source[valid], corner[valid]
    if not len(rows):
        raise _too_small(size)

    offsets = np.stack(np.meshgrid(np.arange(taps), np.arange(taps)), axis=-1).reshape(-1, 2)
    flat, total, count = still.reshape(n, c, -1), 0.0, 0
    for start in range(0, len(rows), PIXELS_AT_ONCE):
        part = slice(start, start + PIXELS_AT_ONCE)
        places = corner[part, None] + offsets  # [P, taps^2, 2]
        # From a tap to its pixel, seen in the moved image.
        weights = _kernel((source[part, None] - places) @ turn, corners, axis=1)
        index = torch.from_numpy(places[..., 1] * size + places[..., 0]).to(still.device)
        reference = torch.einsum(
            "ncpt,pt->ncp", flat[:, :, index], torch.from_numpy(weights).to(still)
        )
        seen = filtered[:, :, rows[part] - reach, columns[part] - reach]
        squares, number = _squared(seen - reference)
        total, count = total + squares, count + number
    return total, count


def octagon(turn: np.ndarray) -> np.ndarray:
    """Frequencies f, cycles per pixel, with |f| <= 1/2 and |turn f| <= 1/2 on both axes.

    turn: rotation [2, 2] → corners [K, 2] of the convex region, in circular order.
    """
    corners = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]])
    for normal in (*turn, *-turn):
        depth = 0.5 - corners @ normal  # negative outside this side
        kept: list[np.ndarray] = []
        for i in range(len(corners)):
            j = (i + 1) % len(corners)
            if depth[i] >= 0:
                kept.append(corners[i])
            if (depth[i] > 0 > depth[j]) or (depth[i] < 0 < depth[j]):
                cut = depth[i] / (depth[i] - depth[j])
                kept.append(corners[i] + cut * (corners[j] - corners[i]))
        corners = np.array(kept)
    return corners


def band_kernel(offsets: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """The ideal filter that passes a convex region symmetric about 0.

    offsets: [..., 2], pixels. The integral of cos(2 pi f.v) over the region, by the divergence
    theorem a sum over its sides: d the side, m its middle, n its outward normal times its length,
    sum of (n.v) sin(2 pi m.v) sinc(d.v) / (2 pi |v|^2); the area at v = 0.
    """
    ends = np.roll(corners, -1, axis=0)
    area = 0.5 * np.sum(corners[:, 0] * ends[:, 1] - corners[:, 1] * ends[:, 0])
    squares = np.square(offsets).sum(axis=-1)
    total = np.zeros(offsets.shape[:-1])
    for d, m in zip(ends - corners, (ends + corners) / 2, strict=True):
        normal = np.array([d[1], -d[0]])
        total += (offsets @ normal) * np.sin(2 * math.pi * (offsets @ m)) * np.sinc(offsets @ d)
    centre = squares < 1e-16
    return np.where(centre, area, total / np.where(centre, 1, 2 * math.pi * squares))


def _kernel(
    offsets: np.ndarray, corners: np.ndarray, axis: tuple[int, ...] | int | None = None
) -> np.ndarray:
    """`band_kernel` under a radial Lanczos window, normalised along `axis` to keep flat areas."""
    radius = np.sqrt(np.square(offsets).sum(axis=-1)) / RADIUS
    taps = band_kernel(offsets, corners) * np.where(radius < 1, np.sinc(radius), 0)
    normalised: np.ndarray = taps / taps.sum(axis=axis, keepdims=axis is not None)
    return normalised


def _samplers(
    generator: Generator, samples: int, batch: int, random: np.random.Generator
) -> Iterator[Sampler]:
    """Functions that generate `batch` images each, `samples` in all; classes, if any, are drawn
    evenly.
    """
    if not generator.movable:
        raise UsageError("only StyleGAN3 models can be moved, so only they have an equivariance")
    if samples < 1 or batch < 1:
        raise UsageError(f"{samples} samples in batches of {batch} measure nothing")
    own = next(generator.parameters())
    for start in range(0, samples, batch):
        n = min(batch, samples - start)
        z = torch.from_numpy(random.standard_normal((n, generator.z_dim))).to(own)
        c = None
        if generator.c_dim:
            classes = random.integers(generator.c_dim, size=n)
            c = torch.eye(generator.c_dim)[torch.from_numpy(classes)].to(own)
        with torch.no_grad():
            ws = generator.mapping(z, c)

        def sample(transform: np.ndarray, ws: Tensor = ws) -> Tensor:
            move = torch.from_numpy(transform)
            with torch.no_grad():
                return generator.synthesis(ws, noise_mode="const", force_fp32=True, transform=move)

        yield sample


def _too_small(size: int) -> UsageError:
    return UsageError(f"an image of {size} pixels is too small to be moved and compared")


def _squared(difference: Tensor) -> tuple[float, int]:
    return float(difference.square().sum()), difference.numel()


class _Mean:
    """A mean squared error over everything that was added."""

    def __init__(self) -> None:
        self.total, self.count = 0.0, 0

    def add(self, total: float, count: int) -> None:
        self.total, self.count = self.total + total, self.count + count

    def decibels(self) -> float:
        """Peak signal to noise ratio for images in [-1, 1] (Karras et al. 2021, eq. 17)."""
        mean = self.total / self.count
        return math.inf if mean == 0 else 10 * math.log10(RANGE**2 / mean)
