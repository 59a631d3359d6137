"""Traits: images whose answer is known, and quantiles that treat equals alike."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nftgan.collection.colours import EXAMPLES
from nftgan.collection.traits import (
    LEVELS,
    bins,
    measure,
    traits,
)
from nftgan.errors import UsageError
from nftgan.synthesis.finish import art_pixels_after, upscale, upscale_cubic
from nftgan.synthesis.recipe import Finish


def rgb(colour: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(EXAMPLES[colour].split()[0]))


def flat(colour: str, side: int = 16) -> np.ndarray:
    return np.full((side, side, 3), rgb(colour), dtype=np.uint8)


def with_square(background: str, colour: str, side: int = 32) -> np.ndarray:
    image = flat(background, side)
    image[8:24, 8:20] = rgb(colour)
    return image


def test_background_and_main_colour_are_told_apart() -> None:
    found = measure(with_square("Sky", "Red"))
    assert (found.background, found.colour, found.colours) == ("Sky", "Red", 2)
    assert measure(flat("Teal")).colour == "Teal"


def level(image: np.ndarray, kind: str) -> int:
    return measure(image).levels[list(LEVELS).index(kind)]


def test_each_level_rises_with_what_it_is_named_after() -> None:
    assert level(flat("Orange"), "Warmth") > level(flat("Grey"), "Warmth")
    assert level(flat("Grey"), "Warmth") > level(flat("Blue"), "Warmth")
    assert level(flat("White"), "Lightness") > level(flat("Black"), "Lightness")
    contrasty = with_square("White", "Black")
    assert level(contrasty, "Contrast") > level(with_square("White", "Silver"), "Contrast")
    assert level(flat("Grey"), "Contrast") == 0
    assert level(flat("Red"), "Vividness") > level(flat("Tan"), "Vividness")
    noise = np.random.RandomState(0).randint(0, 256, (32, 32, 3)).astype(np.uint8)
    assert level(noise, "Complexity") > level(contrasty, "Complexity") > 0
    assert level(flat("Red"), "Complexity") == 0
    mirrored = np.concatenate([noise, noise[:, ::-1]], axis=1)
    assert level(mirrored, "Symmetry") == 0 > level(noise, "Symmetry")


def test_edges_are_counted_exactly() -> None:
    # The square of 16 x 12 pixels has two sides of each.
    assert level(with_square("White", "Black"), "Complexity") == 2 * 16 + 2 * 12


def test_mirroring_changes_no_measure() -> None:
    noise = np.random.RandomState(1).randint(0, 256, (16, 16, 3)).astype(np.uint8)
    assert measure(noise) == measure(noise[:, ::-1].copy())


NAMES = ("0", "1", "2", "3", "4")


def test_a_hundred_different_values_fall_into_the_documented_quantiles() -> None:
    placed = bins(list(range(100)), NAMES)
    assert [placed.count(name) for name in NAMES] == [5, 20, 50, 20, 5]


@given(st.lists(st.integers(-5, 5) | st.integers(-(10**30), 10**30), min_size=1, max_size=60))
def test_bins_are_monotone_symmetric_and_equal_for_equals(values: list[int]) -> None:
    placed = bins(values, NAMES)
    pairs = sorted(zip(values, placed, strict=True))
    assert [b for _, b in pairs] == sorted(placed)
    assert len(set(pairs)) == len(set(values))
    flipped = bins([-v for v in values], NAMES[::-1])
    assert flipped == placed


def test_a_collection_of_equals_is_all_middle() -> None:
    assert set(bins([7] * 30, NAMES)) == {"2"}


def test_traits_are_a_list_of_name_and_value_and_count_colours_only_for_pixel_art() -> None:
    art = [measure(with_square("Sky", name)) for name in ("Red", "Green", "Navy")]
    assert "Colours" not in {a["trait_type"] for a in traits(art)[0]}, "all have two"
    art.append(measure(flat("Teal", 32)))
    rows = traits(art)
    kinds = [a["trait_type"] for a in rows[0]]
    assert kinds == ["Background", "Main colour", *LEVELS, "Colours"]
    assert all(set(a) == {"trait_type", "value"} for row in rows for a in row)
    noise = np.random.RandomState(1).randint(0, 256, (16, 16, 3)).astype(np.uint8)
    assert "Colours" not in {a["trait_type"] for a in traits([*art, measure(noise)])[0]}
    with pytest.raises(UsageError, match="no images"):
        traits([])


def test_traits_are_those_of_the_art_pixels_however_much_they_are_enlarged() -> None:
    image = np.random.default_rng(0).integers(0, 256, (16, 16, 3)).astype(np.uint8)
    for factor in (3, 24):
        assert measure(upscale(image, factor), factor) == measure(image)
    smooth = Finish(upscale=6, filter="cubic")
    whole = upscale_cubic(image, 6)
    assert measure(whole, 6) == measure(art_pixels_after(image, smooth))


def test_a_collection_of_the_first_version_keeps_its_traits() -> None:
    image = upscale(np.full((4, 4, 3), (198, 215, 246), dtype=np.uint8), 8)
    assert measure(image, 8).background == "Ice"
    assert measure(image, 8, version=1).background == "Silver"
    assert measure(image, 8, version=1).levels == measure(image, 1, version=1).levels
    with pytest.raises(UsageError, match="version 3"):
        measure(image, version=3)


def sticker(colour: str, side: int = 32, alpha: int = 255) -> np.ndarray:
    """A square of a colour on nothing."""
    image = np.zeros((side, side, 4), np.uint8)
    image[8:24, 8:20] = (*rgb(colour), alpha)
    return image


def test_a_transparent_background_has_its_own_name_and_hidden_colours_count_for_nothing() -> None:
    found = measure(sticker("Red"))
    assert (found.background, found.colour, found.colours) == ("Transparent", "Red", 1)
    hidden = sticker("Red")
    hidden[hidden[..., 3] == 0, :3] = rgb("Teal")
    assert measure(hidden) == found
    faint = measure(sticker("Red", alpha=100))  # less than half of it shows
    assert (faint.background, faint.colour, faint.colours) == ("Transparent", "Transparent", 0)
    framed = np.dstack([with_square("Sky", "Red"), np.full((32, 32), 255, np.uint8)])
    framed[12:16, 12:16] = 0
    assert measure(framed).background == "Sky" and measure(framed).colour == "Red"


def test_levels_of_a_transparent_image_are_those_of_it_over_a_middle_grey() -> None:
    image = sticker("Orange")
    on_grey = np.full((32, 32, 3), 128, np.uint8)
    on_grey[8:24, 8:20] = rgb("Orange")
    assert measure(image).levels == measure(on_grey).levels
    assert level(sticker("White"), "Lightness") > level(sticker("Black"), "Lightness")


def test_an_opaque_rgba_image_has_the_measures_of_its_rgb() -> None:
    image = with_square("Sky", "Red")
    whole = np.dstack([image, np.full((32, 32), 255, np.uint8)])
    assert measure(whole) == measure(image)
    large = upscale_cubic(image, 4), upscale_cubic(whole, 4)
    assert measure(large[1], 4) == measure(large[0], 4)
