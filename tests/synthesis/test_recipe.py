"""Recipes: canonical, hashed, and strict about what is not known."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nftgan.config import RecipeSection
from nftgan.errors import UsageError
from nftgan.noted_art import PixelArt
from nftgan.synthesis.latent import NamedLatent, number_of
from nftgan.synthesis.recipe import Finish, Recipe, recipe_from_section
from tests.synthesis.colour_lists import ART, BAD_COLOURS

MODEL = "sha256:" + "5a" * 32


def test_the_json_is_the_documented_one_and_its_hash_that_of_the_canonical_bytes() -> None:
    recipe = Recipe(model=MODEL, size=(256, 256), trunc=0.7)
    written_by_hand = (
        '{"class":null,"cutoff":null,"model":"' + MODEL + '","nftgan":1,"renderer":"f64-1",'
        '"rotate":0,"size":[256,256],"translate":[0,0],"trunc":0.7}'
    )
    assert recipe.to_json() == json.loads(written_by_hand)
    assert recipe.hash == "sha256:" + hashlib.sha256(written_by_hand.encode()).hexdigest()


def test_a_finish_is_part_of_the_hash_and_an_empty_one_is_not() -> None:
    plain = Recipe(model=MODEL, size=(512, 512))
    empty = Recipe(model=MODEL, size=(512, 512), finish=Finish())
    finished = Recipe(model=MODEL, size=(512, 512), finish=Finish(16, 12, 32))
    assert empty == plain and empty.hash == plain.hash and "finish" not in empty.to_json()
    assert finished.to_json()["finish"] == {"grid": 16, "palette": 12, "upscale": 32}
    assert finished.hash != plain.hash
    smooth = Recipe(model=MODEL, size=(512, 512), finish=Finish(0, 0, 8, "cubic"))
    assert smooth.to_json()["finish"] == {
        "filter": "cubic",
        "grid": 0,
        "palette": 0,
        "upscale": 8,
    }
    assert Finish(0, 8, 1, "cubic") == Finish(0, 8, 1)


def test_contour_is_part_of_the_hash_and_finds_its_colours_only_when_it_enlarges() -> None:
    finish = Finish(16, 12, 8, "contour", colours=ART)
    piece = Recipe(model=MODEL, size=(128, 128), finish=finish)
    assert piece.to_json()["finish"]["filter"] == "contour"
    other = replace(piece, finish=replace(finish, filter="cubic"))
    assert piece.hash != other.hash and Recipe.from_json(piece.to_json()) == piece
    assert finish.without_enlargement == Finish(16)
    assert other.finish is not None
    assert other.finish.without_enlargement == Finish(16, 12, colours=ART)


def test_the_colours_of_the_art_are_part_of_the_hash() -> None:
    plain = Recipe(model=MODEL, size=(64, 64), finish=Finish(16, 12, 4))
    coloured = replace(plain, finish=Finish(16, 12, 4, colours=ART))
    assert coloured.to_json()["finish"] == plain.to_json()["finish"] | {"colours": ART}
    other = replace(plain, finish=Finish(16, 12, 4, colours=ART.replace("ff0000", "fe0000")))
    assert len({plain.hash, coloured.hash, other.hash}) == 3
    assert Recipe.from_json(coloured.to_json()) == coloured
    assert Recipe(MODEL, (64, 64), finish=Finish(colours=ART)).finish is not None


@given(
    trunc=st.floats(-2, 2),
    cutoff=st.none() | st.integers(0, 18),
    class_idx=st.none() | st.integers(0, 9),
    x=st.floats(-1, 1),
    rotate=st.floats(-360, 360),
    finish=st.sampled_from(
        [
            None,
            Finish(0, 8, 2),
            Finish(0, 0, 3),
            Finish(0, 0, 4, "cubic"),
            Finish(0, 6, 9, "contour"),
        ]
    ),
)
def test_json_comes_back_equal_with_the_same_hash(
    trunc: float,
    cutoff: int | None,
    class_idx: int | None,
    x: float,
    rotate: float,
    finish: Finish | None,
) -> None:
    recipe = Recipe(MODEL, (64, 64), trunc, cutoff, class_idx, (x, -x), rotate, finish)
    again = Recipe.from_json(json.loads(json.dumps(recipe.to_json())))
    assert again == recipe
    assert again.hash == recipe.hash


def test_a_condition_is_part_of_the_hash_and_comes_back() -> None:
    plain = Recipe(model=MODEL, size=(256, 256), trunc=0.7)
    recipe = replace(plain, condition=(0.25, 1, -0.0))
    written_by_hand = (
        '{"class":null,"condition":[0.25,1,0],"cutoff":null,"model":"' + MODEL + '","nftgan":1,'
        '"renderer":"f64-1","rotate":0,"size":[256,256],"translate":[0,0],"trunc":0.7}'
    )
    assert recipe.hash == "sha256:" + hashlib.sha256(written_by_hand.encode()).hexdigest()
    assert Recipe.from_json(json.loads(written_by_hand)) == recipe != plain
    section = RecipeSection(trunc=0.7, condition=(0.25, 1.0, 0.0), upscale=1)
    assert recipe_from_section(section, model=MODEL, resolution=256) == recipe


def test_zero_has_one_hash_whatever_its_sign_and_type() -> None:
    one = Recipe(MODEL, (8, 8), trunc=1, translate=(-0.0, 0), rotate=-0.0)
    two = Recipe(MODEL, (8, 8), trunc=1.0, translate=(0.0, 0.0), rotate=0.0)
    assert one == two and one.hash == two.hash


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"nftgan": 2}, "version 2 is not known"),
        ({"nftgan": True}, "version True is not known"),
        ({"renderer": "f32-9"}, "'f32-9' is not known"),
        ({"model": "sha256:12"}, "64 hex digits"),
        ({"model": 5}, "64 hex digits"),
        ({"trunc": "0.7"}, "trunc must be a number"),
        ({"trunc": float("nan")}, "trunc must be a number"),
        ({"trunc": True}, "trunc must be a number"),
        ({"cutoff": 1.5}, "cutoff must be a whole number"),
        ({"class": -1}, "class must be a whole number"),
        ({"size": [0, 8]}, "size must be a whole number"),
        ({"size": [8]}, "size must be a list of 2"),
        ({"size": None}, "size must be a list of 2"),
        ({"translate": 3}, "translate must be a list of 2"),
        ({"translate": [0, float("inf")]}, "translate must be a number"),
        ({"finish": {"grid": 16}}, "grid, palette and upscale"),
        ({"finish": {"grid": -1, "palette": 0, "upscale": 1}}, "grid must be from 0"),
        ({"finish": {"grid": 4, "palette": 1, "upscale": 2}}, "1 colour"),
        ({"finish": {"grid": 4, "palette": 0, "upscale": 3}}, "not what the finish gives"),
        ({"finish": {"grid": 0, "palette": 0, "upscale": 65, "filter": "cubic"}}, "from 1 to 64"),
        ({"finish": {"grid": 0, "palette": 0, "upscale": 65, "filter": "contour"}}, "from 1 to 64"),
        ({"finish": {"grid": 0, "palette": 65, "upscale": 2, "filter": "contour"}}, "from 0 to 64"),
        ({"finish": {"grid": 0, "palette": 0, "upscale": 2, "filter": "lanczos"}}, "no filter"),
        ({"finish": {"grid": 0, "palette": 0, "upscale": 1, "filter": "contour"}}, "leave out"),
        ({"finish": {"grid": 0, "palette": 0, "upscale": 2, "filter": "nearest"}}, "leave out"),
        ({"finish": {"grid": 0, "palette": 0, "upscale": 1, "filter": "cubic"}}, "leave out"),
        ({"finish": {"grid": 0, "palette": 0, "upscale": 2, "blur": 1}}, "grid, palette and"),
        *(
            ({"finish": {"grid": 0, "palette": 9, "upscale": 1, "colours": wrong}}, "colours")
            for wrong in BAD_COLOURS
        ),
        ({"sharpen": 1}, "unknown key 'sharpen'"),
        ({"condition": []}, "1 to 512 numbers, not 0"),
        ({"condition": [0.5] * 513}, "1 to 512 numbers, not 513"),
        ({"condition": 0.5}, "a list of numbers, or left out"),
        ({"condition": None}, "a list of numbers, or left out"),
        ({"condition": {"0": 1}}, "a list of numbers, or left out"),
        ({"condition": ["1"]}, "condition must be a number"),
        ({"condition": [True]}, "condition must be a number"),
        ({"condition": [1e7]}, "condition must be from"),
        ({"condition": [1], "class": 0}, "either a class or conditions"),
    ],
)
def test_what_no_image_can_have_is_refused(change: dict[str, Any], words: str) -> None:
    document = Recipe(model=MODEL, size=(8, 8)).to_json()
    with pytest.raises(UsageError, match=words):
        Recipe.from_json({**document, **change})


@pytest.mark.parametrize(
    "change", [{"trunc": 10**400}, {"rotate": -(10**400)}, {"translate": [0, 10**400]}]
)
def test_a_number_without_end_is_one_sentence(change: dict[str, Any]) -> None:
    document = Recipe(model=MODEL, size=(256, 256)).to_json()
    with pytest.raises(UsageError, match="a number is out of range"):
        Recipe.from_json({**document, **change})


def test_a_missing_key_and_another_type_are_refused() -> None:
    document = Recipe(model=MODEL, size=(8, 8)).to_json()
    del document["cutoff"]
    with pytest.raises(UsageError, match="'cutoff' is missing"):
        Recipe.from_json(document)
    with pytest.raises(UsageError, match="JSON object"):
        Recipe.from_json([1])


def test_the_settings_file_becomes_a_recipe_of_the_finished_size() -> None:
    section = RecipeSection(trunc=0.5, pixel_grid=16, palette=12, upscale=32)
    recipe = recipe_from_section(section, model=MODEL, resolution=32)
    assert recipe.size == (512, 512) and recipe.finish == Finish(16, 12, 32)


@pytest.mark.parametrize(
    ("resolution", "art", "finish"),
    [
        (32, PixelArt(), Finish(0, 0, 32, "cubic")),
        (64, PixelArt(), Finish(0, 0, 16, "cubic")),
        (256, PixelArt(), Finish(0, 0, 4, "cubic")),
        (512, PixelArt(), Finish()),
        (8, PixelArt(), Finish(0, 0, 64, "cubic")),
        (16, PixelArt(16, 12), Finish(0, 12, 64)),
        (32, PixelArt(16, 12), Finish(16, 12, 64)),
        (32, PixelArt(24, 9), Finish(0, 9, 32)),
        (32, PixelArt(16, 12, ART), Finish(16, 12, 64, colours=ART)),
        (32, PixelArt(0, 0, ART), Finish(0, 0, 32, "cubic")),
        (64, PixelArt(flat=True), Finish(0, 0, 16, "contour")),
        (1024, PixelArt(flat=True), Finish()),
    ],
)
def test_the_automatic_finish_follows_the_art_and_reaches_the_wall(
    resolution: int, art: PixelArt, finish: Finish
) -> None:
    recipe = recipe_from_section(RecipeSection(), model=MODEL, resolution=resolution, art=art)
    assert (recipe.finish or Finish()) == finish
    assert recipe.size[0] >= 512


def test_what_the_settings_say_beats_the_automatic_finish() -> None:
    section = RecipeSection(pixel_grid=0, palette=0, upscale=2, filter="cubic")
    recipe = recipe_from_section(section, model=MODEL, resolution=32, art=PixelArt(16, 12))
    assert recipe.finish == Finish(0, 0, 2, "cubic")
    flat = RecipeSection(filter="contour")
    many = recipe_from_section(flat, model=MODEL, resolution=64, art=PixelArt(32, 200))
    assert many.finish == Finish(32, 64, 32, "contour")
    with pytest.raises(UsageError, match='upscale must be a number or "auto"'):
        recipe_from_section(RecipeSection(upscale="big"), model=MODEL, resolution=32)


@pytest.mark.parametrize(
    ("palette", "colours", "expected"),
    [
        ("auto", "auto", ART),
        ("auto", "all", ""),
        (0, "auto", ""),  # who keeps all colours of a piece has none moved unasked
        (0, "art", ART),
        (5, "auto", ART),
    ],
)
def test_a_piece_has_the_colours_of_the_art_unless_said_otherwise(
    palette: int | str, colours: str, expected: str
) -> None:
    section = RecipeSection(palette=palette, colours=colours)
    art = PixelArt(16, 12, ART)
    recipe = recipe_from_section(section, model=MODEL, resolution=16, art=art)
    assert recipe.finish is not None and recipe.finish.colours == expected


def test_colours_that_are_not_known_and_words_that_are_none_are_refused() -> None:
    section = RecipeSection(colours="art")
    with pytest.raises(UsageError, match="does not say which colours its art has"):
        recipe_from_section(section, model=MODEL, resolution=16, art=PixelArt(16, 12))
    with pytest.raises(UsageError, match=r"colours must be auto, art, all, not 'red'"):
        recipe_from_section(RecipeSection(colours="red"), model=MODEL, resolution=16)


def test_recipe_and_manifest_load_without_torch() -> None:
    code = "import sys, nftgan.collection.manifest; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_latent_is_looked_up_and_not_searched_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A manifest of a million pieces asks of each."""
    hashes = [f"sha256:{number:064x}" for number in range(1 << 224, 101 << 224, 1 << 224)]
    recipe = Recipe(MODEL, (32, 32), latents=tuple(map(NamedLatent, hashes)))
    asked: list[str] = []

    def number(one: NamedLatent) -> int:
        asked.append(one.hash)
        return number_of(one.hash)

    monkeypatch.setattr(NamedLatent, "number", property(number))
    recipe.named_latent(0)
    once = len(asked)
    for seed in range(1000):
        recipe.named_latent(seed)
    assert len(asked) == once == 100
    assert recipe.named_latent(100) == recipe.latents[99]
