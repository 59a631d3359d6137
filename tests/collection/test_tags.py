"""Tags: trimmed, composed, never a measured trait's name; the last word on each counts."""

from __future__ import annotations

import json
import unicodedata
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nftgan.collection.manifest import Cids, Manifest, ModelRef, make_pieces
from nftgan.collection.metadata import describe, documents
from nftgan.collection.rarity import rarity
from nftgan.collection.ratings import Rating, append_rating, check_room, read_ratings
from nftgan.collection.tags import MAX_TAGS, class_tag, tag
from nftgan.collection.traits import Measures
from nftgan.config import CollectionSection
from nftgan.errors import UsageError
from nftgan.synthesis.recipe import Recipe

MODEL = "sha256:" + "3a" * 32
PLAIN = Measures("Black", "Red", 100, (1, 1, 1, 1, 1, 1))


def test_a_tag_is_trimmed_and_composed() -> None:
    composed = unicodedata.normalize("NFC", "é")
    assert tag(" Mood ", unicodedata.normalize("NFD", "é")) == ("Mood", composed)
    assert tag("\u200dZWJ", "👩\u200d🎨")[1] == "👩\u200d🎨"  # joiners make one image of two


@pytest.mark.parametrize(
    ("trait", "value"),
    [
        ("", "x"),
        (" ", "x"),
        ("Mood", ""),
        ("Mood", "a\x00"),
        ("Mood", "\ud800"),
        ("M" * 41, "x"),
        ("Mood", "x" * 81),
        ("Mood", 3),
        (3, "x"),
        ("warmth", "x"),
        ("Main Colour", "x"),
        ("CLASS", "x"),
    ],
)
def test_what_is_no_tag_is_refused(trait: Any, value: Any) -> None:
    with pytest.raises(UsageError):
        tag(trait, value)
    with pytest.raises(UsageError):
        Rating(1, "m", tags={trait: value})


def test_each_trait_has_its_own_last_word(tmp_path: Path) -> None:
    path = tmp_path / "ratings.jsonl"
    for line in (
        Rating(7, "m", tags={"Mood": "calm", "Hat": "top"}),
        Rating(7, "m", stars=3),
        Rating(7, "m", tags={"Mood": "wild"}),
        Rating(7, "m", tags={"Hat": None}),
        Rating(8, "m", tags={"Mood": "calm"}),
        Rating(8, "m", cleared=("tags",)),
    ):
        append_rating(path, line)
    assert read_ratings(path, model="m") == {
        7: Rating(7, "m", stars=3, tags={"Mood": "wild"}),
        8: Rating(8, "m"),
    }


def test_a_tag_too_many_is_refused_and_in_a_file_it_does_not_count(tmp_path: Path) -> None:
    path = tmp_path / "ratings.jsonl"
    full = Rating(1, "m", tags={f"T{n}": "x" for n in range(MAX_TAGS)})
    append_rating(path, full)
    with pytest.raises(UsageError, match="at most 12 tags"):
        check_room(Rating(1, "m", tags={"More": "x"}), full)
    check_room(Rating(1, "m", tags={"T0": "y"}), full)
    append_rating(path, Rating(1, "m", tags={"More": "x"}))  # another program saw room
    assert read_ratings(path, model="m")[1] == full


def test_tags_become_attributes_and_count_in_rarity(tmp_path: Path) -> None:
    pieces = list(make_pieces([3, 4, 5], CollectionSection(name="Birds")))
    pieces[1] = replace(
        pieces[1], tags={"Wings": "two", "Mood": "calm"}, override_reason="a near copy"
    )
    manifest = Manifest(
        CollectionSection(name="Birds"),
        ModelRef(MODEL, "model.safetensors"),
        Recipe(MODEL, (16, 16)),
        tuple(pieces),
    )
    described = describe(manifest, [PLAIN] * 3)
    own = described.pieces[1].attributes
    assert own[-2:] == (
        {"trait_type": "Mood", "value": "calm"},
        {"trait_type": "Wings", "value": "two"},
    )
    assert [piece.rarity.rank for piece in described.pieces if piece.rarity] == [2, 1, 2]
    assert [piece.rarity for piece in described.pieces] == list(
        rarity([piece.attributes for piece in described.pieces])
    )
    described.save(tmp_path / "collection.json")
    assert Manifest.load(tmp_path / "collection.json") == described
    document = described.to_json()
    for bad in ({"Warmth": "x"}, {"Mood": " calm"}, {"Class": ""}, [], {"Mood": 1}):
        document["tokens"][1]["tags"] = bad
        with pytest.raises(UsageError, match="token 1"):
            Manifest.from_json(document)


def test_the_class_is_named_where_the_model_names_it() -> None:
    info = {"conditioning": {"classes": 3, "names": ["cats", "dogs"]}}
    assert class_tag(info, 1) == {"Class": "dogs"}
    assert class_tag(info, 2) == {"Class": "2"}
    assert class_tag({"conditioning": {"names": ["a\x00"]}}, 0) == {"Class": "0"}
    assert class_tag({}, 4) == {"Class": "4"} and class_tag(info, None) == {}


def test_names_can_speak_of_traits() -> None:
    section = CollectionSection(name="Birds", piece_name="{main colour} {name} in {Warmth}")
    pieces = make_pieces([3, 4], replace(section, piece_name=section.piece_name + " #{id}"))
    manifest = Manifest(
        section,
        ModelRef(MODEL, "model.safetensors"),
        Recipe(MODEL, (16, 16)),
        tuple(replace(piece, pixels="sha256:" + "0" * 64) for piece in pieces),
        cids=Cids(images="bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi"),
    )
    assert pieces[0].name == "{main colour} Birds in {Warmth} #0"  # traits are not known yet
    described = describe(manifest, [PLAIN, replace(PLAIN, colour="Teal")])
    names = [json.loads(documents(described)[f"{n}.json"])["name"] for n in (0, 1)]
    assert names == ["Red Birds in Balanced #0", "Teal Birds in Balanced #1"]
    assert [piece.name for piece in described.pieces] == [piece.name for piece in pieces]
    one, other = described.pieces
    same = [replace(one, name="{Warmth} one"), replace(other, name="{warmth} one")]
    with pytest.raises(UsageError, match="share the name 'Balanced one'"):
        documents(described.with_pieces(same))
    none = replace(described.pieces[0], name="{Class} 0")
    with pytest.raises(UsageError, match="trait 'Class', which it has not"):
        documents(described.with_pieces([none, described.pieces[1]]))
    with pytest.raises(UsageError, match="is not known"):
        make_pieces([1], CollectionSection(piece_name="{Mood} #{id}"))
