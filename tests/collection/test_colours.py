"""Names of colours against what people called them in a public survey."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nftgan.collection.colours import EXAMPLES, FIRST_EXAMPLES, FIRST_NAMES, NAMES, colour_names


def table(name: str) -> list[tuple[str, str]]:
    lines = Path(__file__).with_name(name).read_text().splitlines()
    return [(a, b) for a, b in (line.split("\t") for line in lines if line[0] != "#")]


SURVEY = table("survey_colours.tsv")
# Words of the survey, and the names of ours that mean such a colour.
MEANINGS = table("survey_meanings.tsv")
ISH = {
    "bluish": "blue", "greenish": "green", "purplish": "purple", "pinkish": "pink",
    "reddish": "red", "brownish": "brown", "yellowish": "yellow", "greyish": "grey",
    "pinky": "pink", "bluegreen": "teal", "blurple": "blue",
}  # fmt: skip


def name_of(text: str, version: int = 2) -> str:
    pixel = np.array([list(bytes.fromhex(text))], dtype=np.uint8)
    names = NAMES if version == 2 else FIRST_NAMES
    return names[int(colour_names(pixel, version)[0])]


def meant(words: str) -> set[str]:
    """Ours that a name of the survey may mean: of "greenish grey" a green or a grey."""
    found = [ISH.get(word, word) for word in words.split()]
    return {
        name
        for known, ours in MEANINGS
        if set(known.split()) & set(found)
        for name in ours.split(", ")
    }


def agreeing(version: int) -> list[str]:
    return [name for name, text in SURVEY if name_of(text, version) in meant(name)]


def test_names_agree_with_those_that_people_gave() -> None:
    assert len(SURVEY) == 300 and all(meant(name) for name, _ in SURVEY)
    found = agreeing(2)
    assert len(found) >= 294, sorted({n for n, _ in SURVEY} - set(found))


def test_a_name_that_people_gave_too_is_given_to_the_same_colour() -> None:
    known = dict(SURVEY)
    shared = [name for name in NAMES if name.lower() in known]
    assert len(shared) > 35
    assert {name: name_of(known[name.lower()]) for name in shared} == {n: n for n in shared}


@pytest.mark.parametrize("pale", ["c6d7f6", "d0d8fc", "cddffb", "bebbdd", "d3d8f3"])
def test_pale_blue_is_not_silver(pale: str) -> None:
    assert name_of(pale, version=1) == "Silver"  # so it was
    assert name_of(pale) in ("Ice", "Periwinkle", "Lavender", "Sky")


@pytest.mark.parametrize(("version", "examples"), [(1, FIRST_EXAMPLES), (2, EXAMPLES)])
def test_every_example_has_its_own_name(version: int, examples: dict[str, str]) -> None:
    for name, words in examples.items():
        assert [name_of(text, version) for text in words.split()] == [name] * len(words.split())


@pytest.mark.parametrize(
    ("rgb", "name"),
    [
        ((255, 0, 0), "Red"),
        ((0, 128, 0), "Green"),
        ((0, 0, 255), "Blue"),
        ((255, 255, 255), "White"),
        ((0, 0, 0), "Black"),
        ((255, 255, 0), "Yellow"),
        ((255, 165, 0), "Orange"),
        ((139, 69, 19), "Brown"),
        ((255, 192, 203), "Pink"),
        ((128, 0, 128), "Purple"),
        ((135, 206, 235), "Sky"),
        ((128, 128, 128), "Grey"),
        ((210, 180, 140), "Tan"),
        ((0, 128, 128), "Teal"),
        ((0, 0, 128), "Navy"),
    ],
)
def test_css_colours_get_the_name_a_person_gives_them(rgb: tuple[int, int, int], name: str) -> None:
    assert name_of(bytes(rgb).hex()) == name
