"""The colours of a set against their description, followed one pair at a time."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest

from nftgan.dataset.art_colours import MOST, art_colours, counted_colours
from nftgan.oklab import oklab


def lab(colour: bytes) -> list[int]:
    return [int(value) for value in oklab(np.frombuffer(colour, dtype=np.uint8))]


def slow(counts: dict[bytes, int], reach: int) -> set[bytes]:
    kept: list[bytes] = []
    hundredth = sum(counts.values()) / 100
    places = {colour: lab(colour) for colour in counts}
    for colour in sorted(counts, key=lambda one: (-counts[one], one)):
        here = places[colour]
        alone = all(math.dist(here, places[other]) > reach for other in kept)
        if alone or counts[colour] >= hundredth:
            kept.append(colour)
    return set(kept)


def listed(text: str) -> list[bytes]:
    raw = bytes.fromhex(text)
    return [raw[at : at + 3] for at in range(0, len(raw), 3)]


def test_few_colours_are_all_written_down_in_rising_order() -> None:
    counts = {bytes([200, n, 7]): 1 + n for n in range(MOST)}
    assert listed(art_colours(counts)) == sorted(counts)


def test_of_more_colours_the_frequent_ones_speak_for_those_close_to_them() -> None:
    random = np.random.default_rng(0)
    # Thirty strong colours with shades around them, as art with soft shadows has.
    strong = random.integers(40, 216, (30, 3))
    shades = (strong[:, None] + random.integers(-8, 9, (30, 12, 3))).reshape(-1, 3)
    drawn = np.concatenate([strong.repeat(50, axis=0), shades]).astype(np.uint8)
    counts = counted_colours(drawn[None])
    assert len(counts) > 5 * MOST
    found = set(listed(art_colours(counts)))
    reach = next(r for r in range(0, 513, 8) if len(slow(counts, r)) <= MOST)
    assert reach > 0 and found == slow(counts, reach)
    assert found <= set(counts)
    assert max(counts, key=lambda one: counts[one]) in found


def test_a_colour_of_much_of_the_art_is_not_given_up_for_a_near_one() -> None:
    random = np.random.default_rng(4)
    counts = counted_colours(random.integers(100, 110, (40, 40, 3), dtype=np.uint8))
    large = [bytes([200, 100, n]) for n in range(20)]
    assert len(counts) > 5 * MOST
    counts.update(dict.fromkeys(large, 200))
    found = set(listed(art_colours(counts)))
    assert found >= set(large) and len(found) <= MOST


def test_the_order_in_which_images_come_decides_nothing() -> None:
    random = np.random.default_rng(1)
    counts = counted_colours(random.integers(0, 6, (20, 20, 3), dtype=np.uint8) * 8)
    turned = Counter(dict(reversed(list(counts.items()))))
    assert len(counts) > MOST and art_colours(turned) == art_colours(counts) != ""


@pytest.mark.parametrize("side", [1, 96])
def test_one_colour_and_colours_all_over_are_none_that_could_be_written_down(side: int) -> None:
    image = np.random.default_rng(2).integers(0, 256, (side, side, 3), dtype=np.uint8)
    assert art_colours(counted_colours(image)) == ""
    assert art_colours({}) == ""
