"""The pixel-art finish against its description, followed slowly and literally."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nftgan.synthesis.finish import (
    apply_finish,
    to_colours,
    to_grid,
    to_palette,
    upscale,
    upscale_cubic,
)
from nftgan.synthesis.recipe import Finish

SQUARES = st.integers(1, 9).flatmap(lambda n: arrays(np.uint8, (n, n, 3)))
FEW_LEVELS = st.integers(1, 6).flatmap(
    lambda n: arrays(np.uint8, (n, n, 3), elements=st.sampled_from([0, 1, 2, 90, 91, 255]))
)


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


def slow_palette(image: np.ndarray, limit: int) -> np.ndarray:
    pixels = sorted(tuple(int(v) for v in p) for p in image.reshape(-1, 3))
    if len(set(pixels)) <= limit:
        return image
    boxes = [pixels]
    while len(boxes) < limit:
        found: tuple[Fraction, int, int] | None = None
        for b, box in enumerate(boxes):
            for c in range(3):
                values = [p[c] for p in box]
                n, s, q = len(values), sum(values), sum(v * v for v in values)
                spread = Fraction(n * q - s * s, n)
                if found is None or spread > found[0]:
                    found = (spread, b, c)
        assert found is not None
        spread, b, c = found
        if spread == 0:
            break
        cut = sum(p[c] for p in boxes[b]) // len(boxes[b])
        boxes.append([p for p in boxes[b] if p[c] > cut])
        boxes[b] = [p for p in boxes[b] if p[c] <= cut]

    def mean(box: list[tuple[int, ...]]) -> tuple[int, ...]:
        n = len(box)
        return tuple((2 * sum(p[c] for p in box) + n) // (2 * n) for c in range(3))

    entries = [mean(box) for box in boxes]

    def nearest(p: tuple[int, ...]) -> int:
        return min(
            range(len(entries)),
            key=lambda k: (sum((p[c] - entries[k][c]) ** 2 for c in range(3)), k),
        )

    for _ in range(8):
        groups: dict[int, list[tuple[int, ...]]] = {}
        for p in pixels:
            groups.setdefault(nearest(p), []).append(p)
        entries = [mean(groups[k]) if k in groups else entry for k, entry in enumerate(entries)]
    flat = [entries[nearest(tuple(int(v) for v in p))] for p in image.reshape(-1, 3)]
    return np.array(flat, dtype=np.uint8).reshape(image.shape)


@settings(deadline=None, max_examples=40)
@given(SQUARES, st.data())
def test_the_grid_follows_its_description(image: np.ndarray, data: st.DataObject) -> None:
    grid = data.draw(st.integers(1, len(image)))
    assert np.array_equal(to_grid(image, grid), slow_grid(image, grid))


@settings(deadline=None, max_examples=60)
@given(SQUARES | FEW_LEVELS, st.integers(2, 9))
def test_the_palette_follows_its_description(image: np.ndarray, limit: int) -> None:
    assert np.array_equal(to_palette(image, limit), slow_palette(image, limit))


@settings(deadline=None, max_examples=40)
@given(SQUARES | FEW_LEVELS, st.integers(2, 9), st.integers(1, 3))
def test_a_finish_keeps_to_its_palette_and_a_second_palette_changes_nothing(
    image: np.ndarray, limit: int, factor: int
) -> None:
    small = to_palette(image, limit)
    assert len(np.unique(small.reshape(-1, 3), axis=0)) <= limit
    assert np.array_equal(to_palette(small, limit), small)
    done = apply_finish(image, Finish(0, limit, factor))
    assert done.shape == (len(image) * factor, len(image) * factor, 3)
    assert np.array_equal(done[::factor, ::factor], small)


@settings(deadline=None)
@given(SQUARES)
def test_a_grid_as_fine_as_the_image_changes_nothing(image: np.ndarray) -> None:
    assert np.array_equal(to_grid(image, len(image)), image)
    assert np.array_equal(to_grid(upscale(image, 3), len(image)), image)


@settings(deadline=None, max_examples=30)
@given(FEW_LEVELS)
def test_mirroring_the_image_mirrors_the_result(image: np.ndarray) -> None:
    # Colours and their counts decide the palette, not their places.
    done = apply_finish(image, Finish(0, 3, 2))
    assert np.array_equal(apply_finish(image[:, ::-1], Finish(0, 3, 2)), done[:, ::-1])


def test_a_photograph_sized_palette_has_the_asked_for_colours_and_small_errors() -> None:
    y, x = np.mgrid[:200, :200]
    image = np.stack([x, y, (x + y) // 2], axis=2).astype(np.uint8)
    small = to_palette(image, 64)
    assert len(np.unique(small.reshape(-1, 3), axis=0)) > 50
    assert np.abs(small.astype(int) - image).mean() < 8


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


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 4).flatmap(lambda n: arrays(np.uint8, (n, n, 3))), st.integers(1, 4))
def test_the_cubic_enlargement_follows_its_description(image: np.ndarray, factor: int) -> None:
    assert np.array_equal(upscale_cubic(image, factor), slow_cubic(image, factor))


def test_the_cubic_enlargement_keeps_flat_colours_and_makes_no_halo_at_its_limits() -> None:
    image = np.zeros((4, 4, 3), dtype=np.uint8)
    image[:, 2:] = 255
    large = upscale_cubic(image, 64)
    assert large.shape == (256, 256, 3)
    assert (large[:, :96] == 0).all() and (large[:, 160:] == 255).all()
    assert (np.diff(large[0, :, 0].astype(int)) >= 0).all()
    assert np.array_equal(apply_finish(image, Finish(0, 0, 64, "cubic")), large)


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


def slow_colours(image: np.ndarray, entries: list[tuple[int, int, int]]) -> np.ndarray:
    def nearest(pixel: np.ndarray) -> tuple[int, int, int]:
        own = slow_oklab((int(pixel[0]), int(pixel[1]), int(pixel[2])))
        away = [
            sum((a - b) ** 2 for a, b in zip(own, slow_oklab(one), strict=True)) for one in entries
        ]
        return entries[away.index(min(away))]

    flat = [nearest(pixel) for pixel in image.reshape(-1, 3)]
    return np.array(flat, dtype=np.uint8).reshape(image.shape)


COLOURS = st.sets(st.integers(0, 2**24 - 1), min_size=2, max_size=12).map(
    lambda found: "".join(f"{one:06x}" for one in sorted(found))
)


@settings(deadline=None, max_examples=25)
@given(SQUARES | FEW_LEVELS, COLOURS)
def test_the_colours_follow_their_description(image: np.ndarray, colours: str) -> None:
    raw = bytes.fromhex(colours)
    entries = [(raw[at], raw[at + 1], raw[at + 2]) for at in range(0, len(raw), 3)]
    done = to_colours(image, colours)
    assert np.array_equal(done, slow_colours(image, entries))
    assert {tuple(map(int, pixel)) for pixel in done.reshape(-1, 3)} <= set(entries)
    assert np.array_equal(to_colours(done, colours), done)


@settings(deadline=None, max_examples=25)
@given(SQUARES, COLOURS, st.integers(2, 6))
def test_a_finished_piece_has_few_colours_of_the_art_and_finished_again_is_itself(
    image: np.ndarray, colours: str, palette: int
) -> None:
    finish = Finish(len(image), palette, 2, colours=colours)
    done = apply_finish(image, finish)
    seen = {pixel.tobytes().hex() for pixel in done.reshape(-1, 3)}
    listed = {colours[at : at + 6] for at in range(0, len(colours), 6)}
    assert len(seen) <= palette and seen <= listed
    assert np.array_equal(apply_finish(done, finish), done)


def test_of_two_colours_as_near_the_first_is_taken() -> None:
    # In whole numbers these two have one OKLab value, so both are as near to anything.
    pair = next(
        (f"{one:06x}", f"{one + 1:06x}")
        for one in range(0xFFFF00, 0xFFFFFF)
        if slow_oklab((255, 255, one & 255)) == slow_oklab((255, 255, (one & 255) + 1))
    )
    image = np.array([[[255, 255, int(pair[1][4:], 16)]]], dtype=np.uint8)
    assert to_colours(image, "".join(pair)).tobytes().hex() == pair[0]
