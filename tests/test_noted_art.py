"""Notes of pixel art that say nonsense, in a data set or a model file, say nothing."""

from __future__ import annotations

from typing import Any

import pytest

from nftgan.noted_art import PixelArt
from tests.synthesis.colour_lists import ART, BAD_COLOURS


@pytest.mark.parametrize(
    "facts",
    [None, [], 7, {"grid": 16}, {"grid": "16", "colours": 3}, {"grid": -1, "colours": 3}],
)
def test_nonsense_is_no_pixel_art(facts: Any) -> None:
    assert PixelArt.of({"pixel_art": facts}) == PixelArt()
    assert PixelArt.of_model({"dataset": {"pixel_art": facts}}) == PixelArt()
    assert PixelArt.of_model({"dataset": facts}) == PixelArt()


def test_flat_art_is_what_says_exactly_so_and_is_no_pixel_art() -> None:
    assert PixelArt.of_model({"dataset": {"pixel_art": None, "flat_art": True}}).flat
    for wrong in (1, "yes", [True], None):
        assert PixelArt.of({"flat_art": wrong}) == PixelArt()
    grid = {"pixel_art": {"grid": 16, "colours": 9}, "flat_art": True}
    assert PixelArt.of(grid) == PixelArt(16, 9)


@pytest.mark.parametrize("wrong", BAD_COLOURS)
def test_colours_that_are_no_list_are_not_known(wrong: Any) -> None:
    facts = {"grid": 16, "colours": 9, "art_colours": wrong}
    found = PixelArt.of({"pixel_art": facts})
    assert found == PixelArt(16, 9)
    assert found.note.endswith("any colour may be drawn") if wrong else found.note == ""
    facts["art_colours"] = ART
    assert PixelArt.of_model({"dataset": {"pixel_art": facts}}) == PixelArt(16, 9, ART)
