"""The enlargement of flat art: plain colours with smooth borders, in whole numbers only.

It is step 4, `contour`, of `nftgan.synthesis.finish`, and takes the place of steps 2 and 3, which
would take from the borders of the art what says where they run. Whoever follows this gets the same
bytes. N is the palette, or 32 without one. Lines outside the image are the nearest inside. d is the
squared RGB distance, and where several are as small, the earlier is taken.

a. Plain colours. A pixel is flat where d to at least 6 of its 8 neighbours is at most 400. Steps 2a
   to 2c make at most N entries of the flat pixels' colours, of all pixels' where none is flat. If
   those have at most N colours, they are the entries, in rising order. Each colour counts for its
   nearest entry; entries without pixels are left out. While d of the two closest entries is at most
   400, the earlier becomes (2 (n c + m e) + n + m) // (2 (n + m)) in each channel, c and e being
   their colours, n and m their pixels, and the later is left out.

b. Sure pixels. One is sure of its nearest entry where d to it is at most 1600, and at least 6 of
   its 8 neighbours have the same nearest entry. One is exact where d is at most 3; as thin lines
   have few neighbours, it is sure also where at least 2 of its 8 are exact and have the same entry.

c. All others lie between two entries, a and then b, or a = b, among those that the sure pixels up
   to 3 lines away have. With t = (x - a)(b - a), D = (b - a)^2 the error of colour x is d(x, a)
   where t <= 0, d(x, b) where t >= D, else (d(x, a) D - t^2) // D. The pair with the smallest error
   is taken; where no sure pixel is near, the error is 2^40.
   Then details, such as eyes: each pixel whose error is above 1600 and the largest up to 3 lines
   away (the first in reading order of equals) becomes sure, in reading order: of the nearest entry
   if d is at most 2304 or there are N entries, else of a new last one, its colour. Then the pixels
   that are not sure are looked at again. This is done at most 8 times, while there are such pixels.
   A pixel that has no pair in the end is wholly of its nearest entry.

d. Shares. Of 64, a pixel has (128 t + D) // (2 D) of b, but from 0 to 64, and the rest of a. Each
   entry's shares are enlarged by the cubic of Mitchell and Netravali (1988) with B = C = 1/2: steep
   enough that lines thinner than a pixel stay whole, and still smooth. For output line u j + r let
   p, q and the four taps be as for cubic; the weights are (1024 w + 3 q^3) // (6 q^3) for w
     -7 p^3 + 15 p^2 q - 9 p q^2 + q^3,   9 p^3 - 18 p^2 q + 10 q^3,
     -9 p^3 + 9 p^2 q + 9 p q^2 + q^3,    7 p^3 - 6 p^2 q
   along columns and rows. Sums stay below 2^29.

e. Colour. Each entry is drawn as its nearest colour of step 3, if there is one. Let a have the
   largest sum, m, and b the second largest, n; with g = (m - n) u // 2^20, but at most 256, the
   pixel is ((256 + g) a + (256 - g) b + 256) // 512: a alone but for a line of about a pixel.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from nftgan.synthesis.palette import distinct, entries_of, nearest
from nftgan.synthesis.taps import taps

PLAIN = 32  # colours where no palette is asked for
ALIKE = 400  # d, 20 levels
NEAR = 1600
EXACT = 3  # one level in each channel
IN_LINE = 2  # neighbours of a line's pixel in the line
JOINED = 2304
NEIGHBOURS = 6
REACH = 3
ROUNDS = 8
NO_PAIR = 1 << 40
WHOLE = 64
_BAND = 1 << 18  # output pixels made at once


def upscale_contour(
    image: np.ndarray,
    factor: int,
    palette: int = 0,
    *,
    drawn: Callable[[np.ndarray], np.ndarray] | None = None,
    places: Sequence[int] | None = None,
) -> np.ndarray:
    """uint8 [H, W, 3] → uint8 [factor H, factor W, 3]; factor from 2 to 64.

    palette: plain colours, at most 64; 0: as many as `PLAIN`. drawn: step 3, from uint8 [1, K, 3]
    to the same shape. places: of the lines that each pixel becomes, only these are made.
    """
    plain, first, second, share = _between(image.astype(np.int64), palette or PLAIN)
    colours = plain.astype(np.uint8)[None]
    colours = (colours if drawn is None else drawn(colours))[0].astype(np.int32)
    weights = _weights(factor)[list(range(factor) if places is None else places)]
    height, width = first.shape
    band = max(1, _BAND // (width * len(weights) ** 2))
    padded = [np.pad(plane, 2, mode="edge") for plane in (first, second, share)]
    bands = [
        _drawn([plane[y : y + band + 4] for plane in padded], colours, weights, factor)
        for y in range(0, height, band)
    ]
    return np.concatenate(bands)


# ---- which colours there are, and whose each pixel is ------------------------------------------


def _plain_colours(image: np.ndarray, limit: int) -> np.ndarray:
    """Step a: int64 [at most `limit`, 3] of int64 [H, W, 3]."""
    alike = np.sum([_apart(near, image) <= ALIKE for near in _around(image)], axis=0)
    flat: np.ndarray = alike >= NEIGHBOURS
    triples, _, counts = distinct(image[flat] if flat.any() else image)
    entries = entries_of(triples, counts, limit)
    pixels = np.bincount(nearest(triples, entries), counts, len(entries)).astype(np.int64)
    entries, pixels = entries[pixels > 0].copy(), pixels[pixels > 0]
    while len(entries) > 1:
        apart = _apart(entries[:, None], entries[None])
        apart[np.tril_indices(len(entries))] = NO_PAIR
        one, other = divmod(int(apart.argmin()), len(entries))
        if apart[one, other] > ALIKE:
            break
        both = pixels[one] + pixels[other]
        total = pixels[one] * entries[one] + pixels[other] * entries[other]
        entries[one], pixels[one] = (2 * total + both) // (2 * both), both
        entries, pixels = np.delete(entries, other, axis=0), np.delete(pixels, other)
    return entries


def _between(
    image: np.ndarray, limit: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Steps a to c: entries [K, 3]; of each pixel a, b and the share of b, [H, W]."""
    entries = _plain_colours(image, limit)
    flat = image.reshape(-1, 3)
    shape = image.shape[:2]
    own = nearest(flat, entries).reshape(shape)
    same = np.sum([near == own for near in _around(own)], axis=0)
    away = _apart(entries[own], image)
    exact = np.where(away <= EXACT, own, -1)
    alike = np.sum([near == exact for near in _around(exact)], axis=0)
    sure = (same >= NEIGHBOURS) & (away <= NEAR) | (exact >= 0) & (alike >= IN_LINE)
    labels = np.where(sure, own, -1)
    pairs = _Pairs(flat, shape)
    pairs.look(labels, entries, ~sure)
    for _ in range(ROUNDS):
        details = pairs.details()
        if not len(details):
            break
        for place in details:
            away = _apart(entries, flat[place])
            label = int(away.argmin())
            if away[label] > JOINED and len(entries) < limit:
                label = len(entries)
                entries = np.concatenate([entries, flat[place][None]])
            labels.reshape(-1)[place] = label
        fresh = np.zeros(shape, dtype=np.uint64)
        fresh.reshape(-1)[details] = 1
        pairs.look(labels, entries, (_spread(fresh, REACH) > 0) | (labels >= 0))
    alone = (labels < 0) & (pairs.error == NO_PAIR)
    labels[alone] = nearest(image[alone], entries)
    first = np.where(labels < 0, pairs.first, labels)
    share = np.where(labels < 0, pairs.share, 0)
    first = np.where(share == WHOLE, pairs.second, first)
    return entries, first, pairs.second, share % WHOLE


class _Pairs:
    """Step c of the pixels that are not sure: the two entries that each lies between."""

    def __init__(self, colours: np.ndarray, shape: tuple[int, int]) -> None:
        self._colours = colours  # int64 [H W, 3]
        self.error, self.first, self.second, self.share = np.zeros((4, *shape), dtype=np.int64)

    def look(self, labels: np.ndarray, entries: np.ndarray, near: np.ndarray) -> None:
        """Anew at the pixels `near` [H, W]; labels: [H, W] of the sure ones, -1 of the others."""
        self.error[labels >= 0] = 0
        bits = np.where(labels < 0, 0, 1 << np.maximum(labels, 0).astype(np.uint64))
        places = np.flatnonzero(near & (labels < 0))
        seen = _spread(bits.astype(np.uint64), REACH).reshape(-1)[places]
        colours = self._colours[places]
        best = np.full(len(places), NO_PAIR)
        found = np.zeros((3, len(places)), dtype=np.int64)
        for a in range(len(entries)):
            with_a = np.flatnonzero(_has(seen, a))
            from_a = colours[with_a] - entries[a]
            error_a = (from_a**2).sum(axis=1)
            for b in range(a, len(entries)):
                both = np.flatnonzero(_has(seen[with_a], b))
                if not len(both):
                    continue
                step = entries[b] - entries[a]
                whole = max(int(step @ step), 1)
                t, error = from_a[both] @ step, error_a[both]
                # d(x, b) is d(x, a) - 2 t + D
                inside = (error * whole - t * t) // whole
                error = np.where(t <= 0, error, np.where(t < whole, inside, error - 2 * t + whole))
                at = with_a[both]
                less = error < best[at]
                at, t = at[less], t[less]
                best[at] = error[less]
                found[:2, at] = [[a], [b]]
                found[2, at] = np.clip((2 * WHOLE * t + whole) // (2 * whole), 0, WHOLE)
        self.error.reshape(-1)[places] = best
        for plane, values in zip((self.first, self.second, self.share), found, strict=True):
            plane.reshape(-1)[places] = values

    def details(self) -> np.ndarray:
        """int64 [M]: the places, in reading order, of what no pair explains, the worst around."""
        height, width = self.error.shape
        padded = np.pad(self.error, REACH)
        span = 2 * REACH + 1
        rows = np.max([padded[k : k + height] for k in range(span)], axis=0)
        worst = np.max([rows[:, k : k + width] for k in range(span)], axis=0)
        found = np.flatnonzero((self.error > NEAR) & (self.error == worst))
        y, x = np.divmod(found, width)
        first = np.ones(len(found), dtype=bool)
        for dy in range(-REACH, 1):
            for dx in range(-REACH, REACH + 1 if dy else 0):  # those before it in reading order
                other = padded[y + dy + REACH, x + dx + REACH]
                first &= other != self.error.reshape(-1)[found]
        return found[first]


def _around(plane: np.ndarray) -> Iterator[np.ndarray]:
    """The 8 neighbours of every place of [H, W, ...]."""
    height, width = plane.shape[:2]
    padded = np.pad(plane, ((1, 1), (1, 1)) + ((0, 0),) * (plane.ndim - 2), mode="edge")
    for k in (0, 1, 2, 3, 5, 6, 7, 8):
        y, x = divmod(k, 3)
        yield padded[y : y + height, x : x + width]


def _apart(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """int64 [...]: d of two times [..., 3]."""
    apart: np.ndarray = ((one - other) ** 2).sum(axis=-1)
    return apart


def _spread(bits: np.ndarray, reach: int) -> np.ndarray:
    """uint64 [H, W]: all that is set up to `reach` lines away."""
    for _ in range(2):
        out = bits.copy()
        for step in range(1, reach + 1):
            out[step:] |= bits[:-step]
            out[:-step] |= bits[step:]
        bits = out.T
    return bits


def _has(bits: np.ndarray, label: int) -> np.ndarray:
    bit: np.ndarray = (bits >> np.uint64(label)) & np.uint64(1)
    return bit


# ---- the enlargement ---------------------------------------------------------------------------


def _weights(u: int) -> np.ndarray:
    """Step d: float64 [u, 5], whole numbers: of lines j - 2 to j + 2 for each line u j + r."""
    weights = np.zeros((u, 5))
    for r, (p, q, first) in enumerate(taps(u)):
        wanted = (
            -7 * p**3 + 15 * p**2 * q - 9 * p * q**2 + q**3,
            9 * p**3 - 18 * p**2 * q + 10 * q**3,
            -9 * p**3 + 9 * p**2 * q + 9 * p * q**2 + q**3,
            7 * p**3 - 6 * p**2 * q,
        )
        weights[r, first + 2 : first + 6] = [(1024 * w + 3 * q**3) // (6 * q**3) for w in wanted]
    return weights


def _drawn(
    planes: Sequence[np.ndarray], colours: np.ndarray, weights: np.ndarray, u: int
) -> np.ndarray:
    """Steps d and e: uint8 [h n, W n, 3] of planes [h + 4, W + 4] and weights [n, 5]."""
    first, second, share = planes
    bits = np.uint64(1) << first.astype(np.uint64)
    bits |= np.where(share > 0, np.uint64(1) << second.astype(np.uint64), np.uint64(0))
    here = _spread(bits, 2)[2:-2, 2:-2]
    (height, width), lines = here.shape, len(weights)
    out = np.empty((height, width, lines, lines, 3), dtype=np.uint8)
    alone = (here & (here - np.uint64(1))) == 0
    out[alone] = colours[first[2:-2, 2:-2][alone]][:, None, None]
    y, x = np.nonzero(~alone)
    here = here[y, x]
    sums = np.zeros((2, len(y), lines, lines), dtype=np.int32)  # the largest and the second
    labels = np.zeros((2, len(y), lines, lines), dtype=np.uint8)
    for label in range(len(colours)):
        has = np.flatnonzero(_has(here, label))
        if not len(has):
            continue
        plane = np.where(first == label, WHOLE - share, np.where(second == label, share, 0))
        windows = sliding_window_view(plane.astype(np.float64), (5, 5))[y[has], x[has]]
        # Whole numbers below 2^53: float64 is exact in any order, and fast.
        total = (weights @ windows @ weights.T).astype(np.int32)
        (most, second_most), (one, other) = sums[:, has], labels[:, has]
        wins = total > most
        sums[1, has] = np.where(wins, most, np.maximum(second_most, total))
        labels[1, has] = np.where(wins, one, np.where(total > second_most, label, other))
        sums[0, has], labels[0, has] = np.maximum(most, total), np.where(wins, label, one)
    lead = np.minimum(sums[0] - sums[1], -(-(1 << 28) // u)) * u >> 20
    lead = lead.astype(np.int32)[..., None]
    mixed = (256 + lead) * colours[labels[0]] + (256 - lead) * colours[labels[1]] + 256
    out[y, x] = mixed // 512
    result: np.ndarray = out.transpose(0, 2, 1, 3, 4)
    return result.reshape(height * lines, width * lines, 3)
