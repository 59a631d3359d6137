"""The finish, in whole numbers only: pixel-art grid, palette, colours of the art, enlargement.

Whoever follows these steps gets the same bytes. All divisions are floor divisions of integers.

1. Grid g > 0 (image [S, S] → [g, g]). Cell i covers [i S, (i+1) S) of an axis on which pixel p
   covers [p g, (p+1) g); the overlap is the pixel's weight w. A cell's channel value is
   (2 sum(wy wx v) + S^2) // (2 S^2): the area average, halves rounded up.

2. Palette N > 0. Colours are the distinct RGB triples in rising order of 65536 R + 256 G + B, each
   with its number of pixels.
   a. Start with one box of all colours. While there are fewer than N boxes: for each box and
      channel let n, s, q be the sums of 1, v and v^2 over its pixels; its spread is the fraction
      (n q - s^2) / n. Take the largest spread (ties: the earlier box, then R before G before B);
      stop when it is 0. Colours with v <= s // n stay in the box, the others become a new last box.
   b. A box's entry is (2 s + n) // (2 n) for each channel.
   c. Eight times: each colour goes to the entry with the smallest squared RGB distance (ties: the
      earlier entry); an entry with colours becomes their mean as in b; one without stays.
   d. Each pixel takes the nearest entry, as in c. An image of at most N colours is unchanged.

3. Colours, a list in rising order of 65536 R + 256 G + B. Each pixel takes the one with the
   smallest squared distance in OKLab as `nftgan.oklab` has it (ties: the earlier one).

4. Upscale u > 1, by the filter of the recipe.
   nearest: every pixel becomes u x u equal pixels.
   cubic (u at most 64): first all columns, then all rows, by cubic convolution (Keys 1981,
   a = -1/2) kept within its two inner taps, so that no edge gets a halo. For output line u j + r
   let p = 2 r + 1 - u and i = j; if p < 0, add 2 u to p and take 1 from i. With q = 2 u the taps
   are lines i - 1, i, i + 1, i + 2, those outside being the nearest line inside, with weights
     -p^3 + 2 p^2 q - p q^2,   3 p^3 - 5 p^2 q + 2 q^3,   -3 p^3 + 4 p^2 q + p q^2,   p^3 - p^2 q
   whose sum is D = 2 q^3. The value is the sum of weight times tap, but at least D times the
   smaller and at most D times the larger of taps i and i + 1. Rows are made of the columns' values,
   so a result t is a colour times D^2: the colour is (2 t + D^2) // (2 D^2). No number on the way
   reaches 2^53.
   contour (u at most 64, the palette at most 64 colours): plain colours with smooth borders, for
   flat art. `nftgan.synthesis.contour` describes it; 2 and 3 are then a part of it.

Between 3 and 4 an effect of a plugin may come; see `nftgan.synthesis.effects`.

Of RGBA, steps 1 and 4 go over premultiplied colours, all four channels alike, and make them
straight again (`nftgan.alpha`). Before step 2 or 3 alpha becomes 255 from 128 on and 0 below, so
that pixel art has hard edges, and a pixel of alpha 0 becomes (0, 0, 0, 0); the steps then see the
colours of the pixels that show, and no others. An effect of a plugin and the contour see opaque
images only.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nftgan.alpha import SHOWS, premultiplied, straight
from nftgan.errors import UsageError
from nftgan.oklab import oklab
from nftgan.synthesis.contour import upscale_contour
from nftgan.synthesis.effects import Effect
from nftgan.synthesis.palette import distinct, nearest, to_palette
from nftgan.synthesis.recipe import Finish
from nftgan.synthesis.taps import taps


def apply_finish(image: np.ndarray, finish: Finish | None) -> np.ndarray:
    """uint8 [S, S, 3] → uint8 [T, T, 3], RGBA to RGBA; without a finish the image itself.

    Raises UsageError for an effect of a plugin, and for the contour, on RGBA.
    """
    if finish is None:
        return image
    if image.shape[2] == 4:
        return _finish_rgba(image, finish)
    image = _before_enlargement(image, finish)
    if finish.filter == "contour":
        return _contour(image, finish)
    if finish.filter == "cubic":
        return upscale_cubic(image, finish.upscale)
    return upscale(image, finish.upscale)


def _before_enlargement(image: np.ndarray, finish: Finish) -> np.ndarray:
    if finish.grid:
        image = to_grid(image, finish.grid)
    if finish.palette and finish.filter != "contour":
        image = to_palette(image, finish.palette)
    if finish.colours and finish.filter != "contour":
        image = to_colours(image, finish.colours)
    return image if finish.effect is None else finish.effect.apply(image)


def _finish_rgba(image: np.ndarray, finish: Finish) -> np.ndarray:
    """The same of straight RGBA [S, S, 4]."""
    image = _rgba_before_enlargement(image, finish)
    if finish.filter == "cubic" and finish.upscale > 1:
        return straight(upscale_cubic(premultiplied(image), finish.upscale))
    return upscale(image, finish.upscale)


def refuse_opaque_steps(finish: Finish | None) -> None:
    """Raises UsageError for a finish with a step that takes no RGBA."""
    if finish is None:
        return
    refused = None if finish.effect is None else f"the effect {finish.effect.name}"
    if finish.filter == "contour":
        refused = "the filter contour"
    if refused:
        raise UsageError(
            f"{refused} takes opaque images, and the model makes RGBA",
            hint="leave it out, or take the filter cubic",
        )


def _rgba_before_enlargement(image: np.ndarray, finish: Finish) -> np.ndarray:
    refuse_opaque_steps(finish)
    if finish.grid:
        image = straight(to_grid(premultiplied(image), finish.grid))
    if finish.palette or finish.colours:
        shown = image[..., 3] >= SHOWS
        colours = image[shown][None, :, :3]  # [1, pixels that show, 3]
        if finish.palette and colours.size:
            colours = to_palette(colours, finish.palette)
        if finish.colours and colours.size:
            colours = to_colours(colours, finish.colours)
        image = np.zeros_like(image)
        image[shown, :3], image[shown, 3] = colours[0], 255
    return image


def to_grid(image: np.ndarray, grid: int) -> np.ndarray:
    """Step 1: uint8 [S, S, 3] → uint8 [grid, grid, 3] of area averages."""
    side = image.shape[0]
    cell, pixel = np.arange(grid)[:, None] * side, np.arange(side)[None] * grid
    overlap = np.minimum(cell + side, pixel + grid) - np.maximum(cell, pixel)
    weight = np.maximum(overlap, 0)  # [grid, S], rows sum to S
    rows = np.einsum("gs,swc->gwc", weight, image.astype(np.int64))
    total = np.einsum("gw,swc->sgc", weight, rows)
    result: np.ndarray = ((2 * total + side * side) // (2 * side * side)).astype(np.uint8)
    return result


def to_colours(image: np.ndarray, colours: str) -> np.ndarray:
    """Step 3: the same shape with colours of the list alone, six hex digits each."""
    entries = np.frombuffer(bytes.fromhex(colours), dtype=np.uint8).reshape(-1, 3)
    triples, index, _ = distinct(image)
    taken = nearest(oklab(triples), oklab(entries))
    result: np.ndarray = entries[taken][index].reshape(image.shape)
    return result


def upscale(image: np.ndarray, factor: int) -> np.ndarray:
    """Step 4, nearest: uint8 [H, W, 3] → uint8 [factor H, factor W, 3]."""
    return image.repeat(factor, axis=0).repeat(factor, axis=1)


def upscale_cubic(image: np.ndarray, factor: int) -> np.ndarray:
    """Step 4, cubic: uint8 [H, W, 3] → uint8 [factor H, factor W, 3]; factor from 1 to 64."""
    values = image.astype(np.int64).transpose(1, 0, 2)
    values = _lines(_lines(values, factor).transpose(1, 0, 2), factor)
    square = (2 * (2 * factor) ** 3) ** 2  # D^2; 255 times it stays below 2^53
    return ((2 * values + square) // (2 * square)).astype(np.uint8)


def art_pixels(image: np.ndarray, factor: int) -> np.ndarray:
    """An enlarged uint8 [factor H, factor W, 3] → [H, W, 3]: the middle of each block.

    That is the pixel in the middle of an odd block, else the mean of the four, halves rounded up.
    Enlarged by nearest, or by an odd factor, an image comes back as it was. RGBA [factor H,
    factor W, 4], as a finish makes it, → [H, W, 4]: the mean is that of premultiplied colours.
    """
    if image.shape[2] == 4:
        return straight(_middles(premultiplied(image), factor))
    return _middles(image, factor)


def _middles(image: np.ndarray, factor: int) -> np.ndarray:
    low, high = (factor - 1) // 2, factor // 2
    wide = image.astype(np.int64)
    total = sum(
        (wide[a::factor, b::factor] for a in (low, high) for b in (low, high)),
        start=np.zeros((), dtype=np.int64),
    )
    return ((total + 2) // 4).astype(np.uint8)


def art_pixels_after(image: np.ndarray, finish: Finish | None) -> np.ndarray:
    """`art_pixels` of a uint8 [S, S, 3 or 4] after `finish`, without enlarging it whole."""
    if finish is None:
        return image
    clear = image.shape[2] == 4
    image = (_rgba_before_enlargement if clear else _before_enlargement)(image, finish)
    u = finish.upscale
    middle = sorted({(u - 1) // 2, u // 2})
    if finish.filter == "contour":
        return art_pixels(_contour(image, finish, middle), len(middle))
    if finish.filter != "cubic" or u % 2:
        return image
    image = premultiplied(image) if clear else image
    values = image.astype(np.int64).transpose(1, 0, 2)
    values = _lines(_lines(values, u, middle).transpose(1, 0, 2), u, middle)
    square = (2 * (2 * u) ** 3) ** 2
    image = ((2 * values + square) // (2 * square)).astype(np.uint8)
    return art_pixels(straight(image) if clear else image, 2)


def _contour(image: np.ndarray, finish: Finish, places: Sequence[int] | None = None) -> np.ndarray:
    def drawn(plain: np.ndarray) -> np.ndarray:
        return to_colours(plain, finish.colours) if finish.colours else plain

    return upscale_contour(image, finish.upscale, finish.palette, drawn=drawn, places=places)


def _lines(values: np.ndarray, u: int, places: Sequence[int] | None = None) -> np.ndarray:
    """int64 [N, ...] → [u N, ...] along the first axis, times D = 2 (2 u)^3.

    places: of the u lines that each becomes, only these are made.
    """
    lines = list(taps(u))
    lines = lines if places is None else [lines[r] for r in places]
    count, scale = len(values), 2 * (2 * u) ** 3
    out = np.empty((count * len(lines), *values.shape[1:]), dtype=np.int64)
    for number, (p, q, first) in enumerate(lines):
        weights = (
            -(p**3) + 2 * p**2 * q - p * q**2,
            3 * p**3 - 5 * p**2 * q + 2 * q**3,
            -3 * p**3 + 4 * p**2 * q + p * q**2,
            p**3 - p**2 * q,
        )
        around = [
            values[np.clip(np.arange(count) + first + k, 0, count - 1)] for k in range(len(weights))
        ]
        total = sum(weight * tap for weight, tap in zip(weights, around, strict=True))
        low, high = np.minimum(around[1], around[2]), np.maximum(around[1], around[2])
        out[number :: len(lines)] = np.clip(total, scale * low, scale * high)
    return out


# ---- the core's own steps, as a plugin's would be ----------------------------------------------

GRID = Effect(
    1, to_grid, {7: "sha256:3d59b74019254288341ee3d22de208a304c9e676984b4fa33dc46f24d4445a2b"}
)
PALETTE = Effect(
    1, to_palette, {8: "sha256:67f29762c81c6680fc9643e6845aa652ba55c833760305d9e7c87a09c63bf7fe"}
)
NEAREST = Effect(
    1, upscale, {3: "sha256:5f9882cf18c99506930327765892a6efdb5c50496198c6d26e304987caf915ca"}
)
CUBIC = Effect(
    1, upscale_cubic, {5: "sha256:c2e4785936f456614562cc053ce4cb12dbd04494d91c58bae2f44769770801be"}
)
CONTOUR = Effect(
    1,
    upscale_contour,
    {5: "sha256:22bdad128929e61a5c18573c9e07058d9c0f782f5718c4dc90497bcc0f3aa3b1"},
)
