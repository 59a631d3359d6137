"""The finish by its written description, slowly and literally; it shares no line with nftgan."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np

from tests.synthesis.slow_contour import slow_contour
from tests.synthesis.slow_palette import slow_palette


def slow_grid(image: np.ndarray, grid: int) -> np.ndarray:
    side = len(image)
    out = np.zeros((grid, grid, 3), dtype=np.uint8)

    def overlap(cell: int, pixel: int) -> int:
        span = set(range(cell * side, (cell + 1) * side))
        return len(span & set(range(pixel * grid, (pixel + 1) * grid)))

    for i in range(grid):
        for j in range(grid):
            for c in range(3):
                total = sum(
                    overlap(i, y) * overlap(j, x) * int(image[y, x, c])
                    for y in range(side)
                    for x in range(side)
                )
                out[i, j, c] = (2 * total + side**2) // (2 * side**2)
    return out


def slow_cubic(image: np.ndarray, factor: int) -> np.ndarray:
    """The filter in fractions, one value at a time: Keys' kernel at the taps' distances."""

    def kernel(x: Fraction) -> Fraction:
        x = abs(x)
        if x < 1:
            return Fraction(3, 2) * x**3 - Fraction(5, 2) * x**2 + 1
        return -(x**3) / 2 + Fraction(5, 2) * x**2 - 4 * x + 2 if x < 2 else Fraction(0)

    def line(values: list[Fraction]) -> list[Fraction]:
        out = []
        for place in range(len(values) * factor):
            centre = Fraction(2 * place + 1, 2 * factor) - Fraction(1, 2)
            first = centre.__floor__()
            taps = [values[min(max(first + k, 0), len(values) - 1)] for k in (-1, 0, 1, 2)]
            total = sum(
                (kernel(centre - first - k) * t for k, t in zip((-1, 0, 1, 2), taps, strict=True)),
                Fraction(0),
            )
            out.append(min(max(total, min(taps[1:3])), max(taps[1:3])))
        return out

    side = len(image)
    done = np.zeros((side * factor, side * factor, 3), dtype=np.uint8)
    for c in range(3):
        wide = [line([Fraction(int(v)) for v in row]) for row in image[:, :, c]]
        tall = [line(list(column)) for column in zip(*wide, strict=True)]
        for x, column in enumerate(tall):
            for y, value in enumerate(column):
                done[y, x, c] = (value + Fraction(1, 2)).__floor__()
    return done


def slow_oklab(colour: tuple[int, int, int]) -> tuple[int, ...]:
    """Of one colour, by fractions and whole roots alone; the constants are Ottosson's."""

    def linear(byte: int) -> int:
        v = byte / 255
        return round(65535 * (v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4))

    def scaled(numbers: str, unit: int) -> list[int]:
        return [round(Fraction(number) * unit) for number in numbers.split()]

    def root(value: int) -> int:
        low, high = 0, 8192
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if middle**3 <= value else (low, middle)
        return low

    light = [linear(byte) for byte in colour]
    cones = [
        scaled("0.4122214708 0.5363325363 0.0514459929", 2**20),
        scaled("0.2119034982 0.6806995451 0.1073969566", 2**20),
        scaled("0.0883024619 0.2817188376 0.6299787005", 2**20),
    ]
    roots = [root(sum(a * b for a, b in zip(row, light, strict=True))) for row in cones]
    axes = [
        scaled("0.2104542553 0.7936177850 -0.0040720468", 2**14),
        scaled("1.9779984951 -2.4285922050 0.4505937099", 2**14),
        scaled("0.0259040371 0.7827717662 -0.8086757660", 2**14),
    ]
    sums = [sum(a * b for a, b in zip(row, roots, strict=True)) for row in axes]
    return tuple((2 * total + 2**14) // 2**15 for total in sums)


def slow_colours(image: np.ndarray, colours: str) -> np.ndarray:
    raw = bytes.fromhex(colours)
    entries = [(raw[at], raw[at + 1], raw[at + 2]) for at in range(0, len(raw), 3)]
    values = [slow_oklab(one) for one in entries]

    def nearest(pixel: np.ndarray) -> tuple[int, int, int]:
        own = slow_oklab((int(pixel[0]), int(pixel[1]), int(pixel[2])))
        away = [sum((a - b) ** 2 for a, b in zip(own, one, strict=True)) for one in values]
        return entries[away.index(min(away))]

    flat = [nearest(pixel) for pixel in image.reshape(-1, 3)]
    return np.array(flat, dtype=np.uint8).reshape(image.shape)


def slow_finish(image: np.ndarray, finish: dict[str, Any]) -> np.ndarray:
    """All steps, of `finish` in a recipe's JSON, without effects."""
    if finish["grid"]:
        image = slow_grid(image, finish["grid"])
    contour = finish.get("filter") == "contour"
    if finish["palette"] and not contour:
        image = slow_palette(image, finish["palette"])
    if "colours" in finish and not contour:
        image = slow_colours(image, finish["colours"])
    if contour:
        colours = finish.get("colours", "")

        def drawn(plain: np.ndarray) -> np.ndarray:
            return slow_colours(plain, colours) if colours else plain

        return slow_contour(image, finish["upscale"], finish["palette"], drawn)
    if finish.get("filter") == "cubic":
        return slow_cubic(image, finish["upscale"])
    return np.kron(image, np.ones((finish["upscale"],) * 2 + (1,), dtype=np.uint8))


def slow_finish_rgba(image: np.ndarray, finish: dict[str, Any]) -> np.ndarray:
    """The same of straight RGBA [S, S, 4]."""
    if finish["grid"]:
        image = _over_premultiplied(image, lambda one: slow_grid(one, finish["grid"]))
    if finish["palette"] or "colours" in finish:
        shown = [place for place in np.ndindex(image.shape[:2]) if image[place][3] >= 128]
        colours = np.array([[image[place][:3] for place in shown]], dtype=np.uint8)
        if shown and finish["palette"]:
            colours = slow_palette(colours, finish["palette"])
        if shown and "colours" in finish:
            colours = slow_colours(colours, finish["colours"])
        image = np.zeros_like(image)
        for number, place in enumerate(shown):
            image[place] = [*colours[0, number], 255]
    if finish.get("filter") == "cubic":
        return _over_premultiplied(image, lambda one: slow_cubic(one, finish["upscale"]))
    return np.kron(image, np.ones((finish["upscale"],) * 2 + (1,), dtype=np.uint8))


def _over_premultiplied(image: np.ndarray, step: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """`step` on the colours times alpha, and on alpha, each as if it were RGB."""
    colour = np.zeros((*image.shape[:2], 3), dtype=np.uint8)
    for place in np.ndindex(image.shape[:2]):
        *own, alpha = (int(value) for value in image[place])
        colour[place] = [(2 * c * alpha + 255) // 510 for c in own]
    made, alphas = step(colour), step(np.stack([image[:, :, 3]] * 3, axis=2))[:, :, 0]
    done = np.zeros((*made.shape[:2], 4), dtype=np.uint8)
    for place in np.ndindex(made.shape[:2]):
        alpha = int(alphas[place])
        if alpha:
            capped = [min(int(c), alpha) for c in made[place]]
            done[place] = [*((255 * c + alpha // 2) // alpha for c in capped), alpha]
    return done
