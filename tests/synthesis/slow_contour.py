"""The contour filter by its written description, slowly and literally, a pixel at a time.

It shares no line with nftgan.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from fractions import Fraction

import numpy as np

from tests.synthesis.slow_palette import Colour, closest, slow_entries

Place = tuple[int, int]


def apart(x: Colour, y: Colour) -> int:
    return sum((a - b) ** 2 for a, b in zip(x, y, strict=True))


class Picture:
    def __init__(self, image: np.ndarray) -> None:
        self.height, self.width = image.shape[:2]
        self.pixels = [[tuple(int(v) for v in pixel) for pixel in row] for row in image]
        self.places = [(y, x) for y in range(self.height) for x in range(self.width)]

    def inside(self, y: int, x: int) -> Place:
        return min(max(y, 0), self.height - 1), min(max(x, 0), self.width - 1)

    def at(self, place: Place) -> Colour:
        return self.pixels[place[0]][place[1]]

    def around(self, place: Place) -> list[Place]:
        y, x = place
        steps = [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if (dy, dx) != (0, 0)]
        return [self.inside(y + dy, x + dx) for dy, dx in steps]

    def near(self, place: Place) -> list[Place]:
        y, x = place
        return [(j, i) for j, i in self.places if abs(j - y) <= 3 and abs(i - x) <= 3]


def plain_colours(picture: Picture, limit: int) -> list[Colour]:
    def is_flat(place: Place) -> bool:
        own = picture.at(place)
        return sum(apart(own, picture.at(other)) <= 400 for other in picture.around(place)) >= 6

    found = [place for place in picture.places if is_flat(place)] or picture.places
    colours = [picture.at(place) for place in found]
    entries = sorted(set(colours))
    if len(entries) > limit:
        entries = slow_entries(sorted(colours), limit)
    counts = Counter(closest(colour, entries) for colour in colours)
    kept = [(entry, counts[k]) for k, entry in enumerate(entries) if counts[k]]
    while len(kept) > 1:
        pairs = [(i, j) for i in range(len(kept)) for j in range(i + 1, len(kept))]
        i, j = min(pairs, key=lambda pair: apart(kept[pair[0]][0], kept[pair[1]][0]))
        (one, n), (other, m) = kept[i], kept[j]
        if apart(one, other) > 400:
            break
        mean = tuple(
            (2 * (n * c + m * e) + n + m) // (2 * (n + m)) for c, e in zip(one, other, strict=True)
        )
        kept[i] = (mean, n + m)
        del kept[j]
    return [entry for entry, _ in kept]


def pair_of(x: Colour, labels: set[int], entries: list[Colour]) -> tuple[int, int, int, int]:
    """Error, a, b and the share of b; error 2^40 without labels."""
    best = (2**40, 0, 0, 0)
    for a in sorted(labels):
        for b in sorted(labels):
            if b < a:
                continue
            step = [v - w for v, w in zip(entries[b], entries[a], strict=True)]
            d = sum(v * v for v in step)
            t = sum((v - w) * s for v, w, s in zip(x, entries[a], step, strict=True))
            if t <= 0:
                error, share = apart(x, entries[a]), 0
            elif t >= d:
                error, share = apart(x, entries[b]), 64
            else:
                error = (apart(x, entries[a]) * d - t * t) // d
                share = (Fraction(64 * t, d) + Fraction(1, 2)).__floor__()
            if error < best[0]:
                best = (error, a, b, share)
    return best


def shares(image: np.ndarray, limit: int) -> tuple[list[Colour], dict[Place, dict[int, int]]]:
    """Steps a to d: the entries, and how many of 64 each pixel has of each."""
    picture = Picture(image)
    entries = plain_colours(picture, limit)
    own = {place: closest(picture.at(place), entries) for place in picture.places}

    def is_sure(place: Place) -> bool:
        same = [other for other in picture.around(place) if own[other] == own[place]]
        exact = [other for other in same if apart(picture.at(other), entries[own[other]]) <= 3]
        away = apart(picture.at(place), entries[own[place]])
        return (away <= 1600 and len(same) >= 6) or (away <= 3 and len(exact) >= 2)

    sure = {place: own[place] for place in picture.places if is_sure(place)}

    def looked() -> dict[Place, tuple[int, int, int, int]]:
        return {
            place: pair_of(
                picture.at(place),
                {sure[other] for other in picture.near(place) if other in sure},
                entries,
            )
            for place in picture.places
            if place not in sure
        }

    pairs = looked()
    for _ in range(8):
        details = []
        for place in picture.places:
            if place in sure or pairs[place][0] <= 1600:
                continue
            rivals = {other: pairs[other][0] for other in picture.near(place) if other not in sure}
            if place == min(other for other in rivals if rivals[other] == max(rivals.values())):
                details.append(place)
        if not details:
            break
        for place in details:
            colour = picture.at(place)
            label = closest(colour, entries)
            if apart(colour, entries[label]) > 2304 and len(entries) < limit:
                label = len(entries)
                entries.append(colour)
            sure[place] = label
        pairs = looked()
    result: dict[Place, dict[int, int]] = {}
    for place in picture.places:
        if place in sure:
            result[place] = {sure[place]: 64}
        elif pairs[place][0] == 2**40:
            result[place] = {closest(picture.at(place), entries): 64}
        else:
            _, a, b, share = pairs[place]
            result[place] = {a: 64} if share == 0 else {a: 64 - share, b: share}
    return entries, result


def kernel(distance: Fraction) -> Fraction:
    """Equation 8 of Mitchell and Netravali (1988)."""
    x, b, c = abs(distance), Fraction(1, 2), Fraction(1, 2)
    if x < 1:
        return ((12 - 9 * b - 6 * c) * x**3 + (-18 + 12 * b + 6 * c) * x**2 + 6 - 2 * b) / 6
    if x < 2:
        outer = (-b - 6 * c) * x**3 + (6 * b + 30 * c) * x**2
        return (outer + (-12 * b - 48 * c) * x + 8 * b + 24 * c) / 6
    return Fraction(0)


def slow_contour(
    image: np.ndarray,
    factor: int,
    palette: int = 0,
    drawn: Callable[[np.ndarray], np.ndarray] = lambda plain: plain,
) -> np.ndarray:
    entries, parts = shares(image, palette or 32)
    height, width = image.shape[:2]
    shown = drawn(np.array([entries], dtype=np.uint8))[0].tolist()

    def taps(place: int, length: int) -> list[tuple[int, int]]:
        centre = Fraction(2 * place + 1, 2 * factor) - Fraction(1, 2)
        first = centre.__floor__() - 1
        return [
            (
                min(max(first + k, 0), length - 1),
                (2048 * kernel(centre - first - k) + Fraction(1, 2)).__floor__(),
            )
            for k in range(4)
        ]

    out = np.zeros((height * factor, width * factor, 3), dtype=np.uint8)
    rows = [taps(y, height) for y in range(height * factor)]
    columns = [taps(x, width) for x in range(width * factor)]
    for y, row in enumerate(rows):
        for x, column in enumerate(columns):
            sums = [0] * len(entries)
            for j, down in row:
                for i, across in column:
                    for label, share in parts[j, i].items():
                        sums[label] += down * across * share
            order = sorted(range(len(entries)), key=lambda label: (-sums[label], label))
            a, b = order[0], order[min(1, len(order) - 1)]
            lead = sums[a] if a == b else sums[a] - sums[b]
            g = min(lead * factor // 2**20, 256)
            for c in range(3):
                out[y, x, c] = ((256 + g) * shown[a][c] + (256 - g) * shown[b][c] + 256) // 512
    return out
