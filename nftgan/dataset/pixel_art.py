"""Find the grid of pixel art: as it was drawn, enlarged, or enlarged and slightly compressed."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
from PIL import Image

from nftgan.alpha import cleared
from nftgan.dataset.raster import Raster, part, size_of

MAX_COLOURS = 64  # of one image that counts as pixel art
MAX_GRID = 256  # art pixels along a side
LARGEST_SET = 64  # art pixels along a side, up to which a set is trained at its own size
_LOSSY_GRIDS = range(8, 129)  # looked for in compressed art
_MIN_BLOCK = 6  # pixels of the file to an art pixel, below which compression hides the grid
_FAINT = 48  # a step between two pixels, summed over channels, that compression may have made
_GLANCE_ROWS = 96  # at least so many, spread over the image, show whether to look closer
_ON_GRID = 0.75  # share of the edges on the grid, above chance
_LEVELS = 28  # a compressed flat square strays so far from its colour in each channel
_CLEAN = 0.96  # share of the pixels inside squares that must stray no further
_SAME_COLOUR = 26  # RGB distance below which two squares of compressed art had one colour
_AGREE = 0.75  # share of a set's images with one grid, from which on the set is pixel art


def native(image: Image.Image) -> Image.Image | None:
    """The square `image`, RGB or RGBA, with a pixel for each art pixel; None if it is no pixel art.

    Equal squares are found exactly. Where compression has blurred them, the grid is the smallest
    whose lines carry the edges; each square then takes the median of its inner part, and colours
    that compression has split become one again.
    """
    grid = image.width // block_size(image)
    if grid <= MAX_GRID:
        small = image.resize((grid, grid), Image.Resampling.NEAREST)
        if small.getcolors(MAX_COLOURS) is not None:
            return small
    return _lossy(np.asarray(image))


def grid_of_set(grids: Sequence[int]) -> int:
    """The grid of a set from those of its images (0: no pixel art); 0 when they do not agree."""
    if not grids:
        return 0
    grid, count = Counter(grids).most_common(1)[0]
    return grid if count >= _AGREE * len(grids) else 0


def may_agree(grids: Sequence[int], images: int) -> bool:
    """Whether a set of so many images can still be of one grid, when the first have these."""
    others = Counter(grid for grid in grids if grid)
    most = max(others.values(), default=0)
    return most + images - len(grids) >= _AGREE * images


def side_for(grid: int) -> int:
    """The side that a network needs for art of `grid` squares: the power of two from 16 up."""
    return max(16, 1 << (grid - 1).bit_length())


def framed(small: Image.Image, side: int) -> Image.Image:
    """`small` in the middle of a square of `side` pixels, its outermost pixels repeated outwards.

    Art of 24 squares keeps them whole on a network of 32.
    """
    missing = side - small.width
    before = missing // 2
    pixels = np.asarray(small)
    edges = ((before, missing - before), (before, missing - before), (0, 0))
    return Image.fromarray(np.pad(pixels, edges, mode="edge"))


def block_size(image: Raster) -> int:
    """Side in pixels of the equal squares that `image` consists of; 1 when it has none."""
    # A row or a few settle it for all but pixel art, at a hundredth of the cost.
    if _common_boundary(np.asarray(part(image, (0, 0, size_of(image)[0], 1)))) == 1:
        return 1
    pixels = np.asarray(image)  # [h, w, 3]
    if _common_boundary(pixels[:: max(1, len(pixels) // 8)]) == 1:
        return 1
    return math.gcd(_common_boundary(pixels), _common_boundary(pixels.transpose(1, 0, 2)))


def _common_boundary(pixels: np.ndarray) -> int:
    """Largest number dividing the width and each column that differs from its left neighbour."""
    changes = (pixels[:, 1:] != pixels[:, :-1]).any(axis=(0, 2))
    return int(np.gcd.reduce(np.flatnonzero(changes) + 1, initial=pixels.shape[1]))


def _lossy(pixels: np.ndarray) -> Image.Image | None:
    """uint8 [S, S, C] → its art pixels, when the edges lie on a grid and the squares are flat."""
    side = len(pixels)
    if side < _MIN_BLOCK * _LOSSY_GRIDS[0]:
        return None
    grids = [grid for grid in _LOSSY_GRIDS if grid * _MIN_BLOCK <= side]
    rows = pixels[:: max(1, side // _GLANCE_ROWS)].astype(np.int16)
    glance = _steps(rows).sum(axis=0)
    if max(_on_grid(glance, grid) for grid in grids) < _ON_GRID / 2:
        return None  # a few rows settle it for nearly all that is no pixel art
    values = pixels.astype(np.int16)
    across = _steps(values).sum(axis=0)
    scores = [_on_grid(across, grid) for grid in grids]
    if max(scores) < _ON_GRID:
        return None  # no need to look down
    down = _steps(values.transpose(1, 0, 2)).sum(axis=0)
    scores = [min(one, _on_grid(down, grid)) for one, grid in zip(scores, grids, strict=True)]
    best = max(scores)
    if best < _ON_GRID:
        return None
    grid = next(g for g, score in zip(grids, scores, strict=True) if score >= 0.95 * best)
    small, flat = _medians(values, grid)
    if flat < _CLEAN:
        return None
    merged = _merged(small)
    if len(np.unique(merged.reshape(-1, merged.shape[2]), axis=0)) > MAX_COLOURS:
        return None
    return Image.fromarray(cleared(merged) if merged.shape[2] == 4 else merged)


def _steps(values: np.ndarray) -> np.ndarray:
    """int64 [h, w - 1]: how far each pixel is from its left neighbour, without faint steps."""
    steps = np.abs(np.diff(values, axis=1)).sum(axis=2, dtype=np.int64)
    return np.where(steps > _FAINT, steps, 0)


def _on_grid(edges: np.ndarray, grid: int) -> float:
    """Share of `edges` [S - 1] within a pixel of a grid's lines: 0 by chance, 1 all of them.

    0 also when few lines carry any: two colours side by side are no grid.
    """
    side = len(edges) + 1
    lines = np.rint(np.arange(1, grid) * side / grid).astype(np.int64)
    near = np.zeros(side + 1, dtype=bool)  # near[p]: the edge between pixels p - 1 and p
    for shift in (-1, 0, 1):
        near[lines + shift] = True
    near = near[1:side]
    total = edges.sum()
    if total == 0:
        return 0.0
    carried = np.add.reduceat(edges, np.clip(lines - 2, 0, None)) if len(lines) else edges
    if (carried > total / (8 * grid)).sum() < max(4, grid // 4):
        return 0.0
    chance = near.mean()
    return float((edges[near].sum() / total - chance) / (1 - chance))


def _medians(values: np.ndarray, grid: int) -> tuple[np.ndarray, float]:
    """uint8 [grid, grid, C], the medians of the squares' inner parts, and how flat those are."""
    side = len(values)
    bounds = np.rint(np.arange(grid + 1) * side / grid).astype(np.int64)
    channels = values.shape[2]
    small = np.empty((grid, grid, channels), dtype=np.uint8)
    inside = flat = 0
    for i in range(grid):
        top, bottom = _inner(bounds[i], bounds[i + 1])
        for j in range(grid):
            left, right = _inner(bounds[j], bounds[j + 1])
            square = values[top:bottom, left:right].reshape(-1, channels)
            small[i, j] = np.median(square, axis=0)
            inside += len(square)
            flat += int((np.abs(square - small[i, j]) <= _LEVELS).all(axis=1).sum())
    return small, flat / inside


def _inner(first: int, last: int) -> tuple[int, int]:
    """The middle half of [first, last), at least one pixel."""
    quarter = (last - first) // 4
    return first + quarter, last - quarter


def _merged(small: np.ndarray) -> np.ndarray:
    """The same art where each colour near a more frequent one has become that one."""
    colours, index, counts = np.unique(
        small.reshape(-1, small.shape[2]), axis=0, return_inverse=True, return_counts=True
    )
    kept: list[int] = []
    target = np.zeros(len(colours), dtype=np.int64)
    for number in np.argsort(-counts, kind="stable"):
        gaps = ((colours[kept].astype(np.int64) - colours[number]) ** 2).sum(axis=1)
        if len(kept) and gaps.min() <= _SAME_COLOUR**2:
            target[number] = kept[int(gaps.argmin())]
        else:
            target[number] = number
            kept.append(int(number))
    return np.asarray(colours[target][index.reshape(-1)].reshape(small.shape), dtype=np.uint8)
