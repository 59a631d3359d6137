"""The palette of a finish (steps 2a to 2d of `nftgan.synthesis.finish`), in whole numbers."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

ROUNDS = 8


def to_palette(image: np.ndarray, colours: int) -> np.ndarray:
    """Step 2: the same shape with at most `colours` different RGB triples."""
    triples, index, counts = distinct(image)
    if len(triples) <= colours:
        return image
    entries = entries_of(triples, counts, colours)
    chosen = entries[nearest(triples, entries)]
    result: np.ndarray = chosen[index].astype(np.uint8).reshape(image.shape)
    return result


def distinct(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """uint8 [..., 3] → its K colours in rising order int64 [K, 3], each pixel's, their counts."""
    packed = pixels.reshape(-1, 3).astype(np.int64) @ (1 << 16, 1 << 8, 1)
    found, index, counts = np.unique(packed, return_inverse=True, return_counts=True)
    triples = np.stack([found >> 16, (found >> 8) & 255, found & 255], axis=1)
    return triples, index.reshape(-1), counts


def entries_of(triples: np.ndarray, counts: np.ndarray, colours: int) -> np.ndarray:
    """Steps 2a to 2c of distinct colours: int64 [at most `colours`, 3]; few stay as they are."""
    if len(triples) <= colours:
        return triples
    entries = _split(triples, counts, colours)
    for _ in range(ROUNDS):
        taken = nearest(triples, entries)
        weights = np.bincount(taken, counts, len(entries)).astype(np.int64)
        for channel in range(3):
            sums = np.bincount(taken, counts * triples[:, channel], len(entries))
            mean = (2 * sums.astype(np.int64) + weights) // np.maximum(2 * weights, 1)
            entries[:, channel] = np.where(weights > 0, mean, entries[:, channel])
    return entries


def nearest(triples: np.ndarray, entries: np.ndarray) -> np.ndarray:
    """int64 [K]: the entry closest to each colour, the earlier of equals."""
    best = np.zeros(len(triples), dtype=np.int64)
    least = np.full(len(triples), np.iinfo(np.int64).max)
    for number, entry in enumerate(entries):
        distance = ((triples - entry) ** 2).sum(axis=1)
        closer = distance < least
        best[closer], least[closer] = number, distance[closer]
    return best


def _split(triples: np.ndarray, counts: np.ndarray, colours: int) -> np.ndarray:
    """Steps 2a and 2b: int64 [at most colours, 3]."""
    boxes = [np.arange(len(triples))]
    spreads = [_spreads(triples, counts)]
    while len(boxes) < colours:
        places = [(box, channel) for box in range(len(boxes)) for channel in range(3)]
        # max keeps the first of equals: the earlier box, then the earlier channel
        box, channel = max(places, key=lambda at: spreads[at[0]][at[1]])
        if spreads[box][channel] == 0:
            break
        members = boxes[box]
        value, count = triples[members, channel], counts[members]
        low = value <= (value * count).sum() // count.sum()
        boxes[box] = members[low]
        boxes.append(members[~low])
        spreads[box] = _spreads(triples[boxes[box]], counts[boxes[box]])
        spreads.append(_spreads(triples[boxes[-1]], counts[boxes[-1]]))
    means = []
    for members in boxes:
        n = counts[members].sum()
        s = (triples[members] * counts[members, None]).sum(axis=0)
        means.append((2 * s + n) // (2 * n))
    return np.stack(means)


def _spreads(triples: np.ndarray, counts: np.ndarray) -> tuple[Fraction, ...]:
    """Sum of squared deviations from the mean, exact, for each channel."""
    n = int(counts.sum())
    s = (triples * counts[:, None]).sum(axis=0)
    q = (triples * triples * counts[:, None]).sum(axis=0)
    return tuple(Fraction(n * int(q[c]) - int(s[c]) ** 2, n) for c in range(3))
