"""The palette of a finish by its written description, slowly; it shares no line with nftgan."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

Colour = tuple[int, ...]


def slow_palette(image: np.ndarray, limit: int) -> np.ndarray:
    pixels = sorted(tuple(int(v) for v in p) for p in image.reshape(-1, 3))
    if len(set(pixels)) <= limit:
        return image
    entries = slow_entries(pixels, limit)
    flat = [entries[closest(pixel, entries)] for pixel in map(tuple, image.reshape(-1, 3).tolist())]
    return np.array(flat, dtype=np.uint8).reshape(image.shape)


def closest(colour: Colour, entries: list[Colour]) -> int:
    """The entry with the smallest squared distance, the earlier of equals."""
    away = [sum((a - b) ** 2 for a, b in zip(colour, one, strict=True)) for one in entries]
    return away.index(min(away))


def slow_entries(pixels: list[Colour], limit: int) -> list[Colour]:
    """Of the colours of all pixels, more than `limit` different ones, in rising order."""
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

    def mean(box: list[Colour]) -> Colour:
        n = len(box)
        return tuple((2 * sum(p[c] for p in box) + n) // (2 * n) for c in range(3))

    entries = [mean(box) for box in boxes]

    for _ in range(8):
        groups: dict[int, list[Colour]] = {}
        for p in pixels:
            groups.setdefault(closest(p, entries), []).append(p)
        entries = [mean(groups[k]) if k in groups else entry for k, entry in enumerate(entries)]
    return entries
