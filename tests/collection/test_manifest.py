"""The manifest: a round trip, its rules, and what hand edits lead to."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nftgan.collection.manifest import (
    Cids,
    Manifest,
    ModelRef,
    Piece,
    Rarity,
    make_pieces,
    piece_name,
)
from nftgan.collection.merkle import leaf, merkle_root, verify_proof
from nftgan.config import CollectionSection, RoyaltySection
from nftgan.errors import MissingStepError, UsageError
from nftgan.synthesis.recipe import Recipe

MODEL = "sha256:" + "5a" * 32
CID = "bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi"
WORDS = CollectionSection(name="Ménagerie", symbol="MNG", description="line 1\nline 2")


def manifest(count: int = 3, *, rendered: bool = True) -> Manifest:
    pieces = make_pieces([40 + 7 * i for i in range(count)], WORDS)
    if rendered:
        pieces = tuple(replace(p, pixels=f"sha256:{p.seed:064x}") for p in pieces)
    return Manifest(
        collection=WORDS,
        model=ModelRef(MODEL, "art.safetensors"),
        recipe=Recipe(model=MODEL, size=(32, 32), trunc=0.7),
        pieces=pieces,
        royalties=RoyaltySection(5.0, ""),
    )


def test_a_full_manifest_comes_back_equal(tmp_path: Path) -> None:
    full = manifest()
    pieces = list(full.pieces)
    pieces[1] = replace(
        pieces[1],
        description="the shy one",
        image_cid=CID,
        attributes=({"trait_type": "Warmth", "value": "Warm"}, {"value": 3}),
        rarity=Rarity(1, 1.25),
    )
    full = replace(full, cids=Cids(images=CID, model=CID), pieces=tuple(pieces))
    path = tmp_path / "collection.json"
    full.save(path)
    assert Manifest.load(path) == full
    before = path.read_bytes()
    Manifest.load(path).save(path)
    assert path.read_bytes() == before


def test_the_file_has_sorted_keys_and_one_entry_per_token(tmp_path: Path) -> None:
    path = tmp_path / "collection.json"
    manifest().save(path)
    document = json.loads(path.read_text())
    assert list(document) == sorted(document)
    assert [token["id"] for token in document["tokens"]] == [0, 1, 2]
    assert document["tokens"][2]["name"] == "Ménagerie #2"


def test_the_root_is_that_of_the_leaves_and_appears_once_all_is_rendered() -> None:
    full = manifest()
    leaves = [leaf(p.id, p.seed, p.pixels or "") for p in full.pieces]
    assert full.pieces_root == "0x" + merkle_root(leaves).hex()
    assert verify_proof(full.tree.root, leaves[1], full.tree.proof(1))
    raw = manifest(rendered=False)
    assert raw.pieces_root is None
    with pytest.raises(MissingStepError, match="piece 0 has not been rendered"):
        _ = raw.tree
    with pytest.raises(MissingStepError, match="no pieces"):
        _ = manifest(0).tree


def test_a_missing_file_names_the_earlier_step(tmp_path: Path) -> None:
    with pytest.raises(MissingStepError) as error:
        Manifest.load(tmp_path / "collection.json")
    assert error.value.hint == "nftgan curate"


def edited(*path: Any, value: Any) -> dict[str, Any]:
    document = copy.deepcopy(manifest().to_json())
    at: Any = document
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    return document


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (edited("nftgan_manifest", value=2), "version 2 is not known"),
        (edited("nftgan_manifest", value=None), "version None is not known"),
        (edited("tokens", 1, "id", value=5), "count up from 0: found 5 for 1"),
        (edited("tokens", 1, "seed", value=40), "tokens 0 and 1 share the seed 40"),
        (edited("tokens", 1, "seed", value=2**32), "seed must be from 0"),
        (edited("tokens", 1, "seed", value=True), "seed must be from 0"),
        (edited("tokens", 1, "name", value="Ménagerie #0"), "share the name"),
        (edited("tokens", 1, "name", value="Me\u0301nagerie #0"), "share the name"),
        (edited("tokens", 1, "name", value=" "), "no name"),
        (edited("tokens", 1, "pixels", value="sha256:00"), "64 hex digits"),
        (edited("tokens", 1, "pixels", value="sha256:" + "0" * 64), "pieces_root is"),
        (edited("tokens", 1, "pixels", value=None), "pieces_root is"),
        (edited("tokens", 1, "attributes", value=[{}]), "objects with a value"),
        (edited("tokens", 1, "image_cid", value="../x"), "not a CID"),
        (edited("tokens", 1, "extra", value=1), "unknown key 'extra'"),
        (edited("tokens", 1, value="x"), "JSON object"),
        (edited("tokens", value={}), "tokens must be a list"),
        (edited("recipe", "trunc", value=0.8), "recipe_hash is"),
        (edited("recipe", "model", value="sha256:" + "00" * 32), "the recipe names"),
        (edited("model", "identity", value="x"), "model identity"),
        (edited("model", value={"path": "a"}), "a key is missing"),
        (edited("collection", "title", value=1), "unknown key 'title'"),
        (edited("cids", "images", value=7), "images must be str"),
        (edited("cids", "images", value="x"), "not a CID"),
        (edited("surprise", value=1), "unknown key 'surprise'"),
        ([], "one JSON object"),
    ],
)
def test_a_broken_manifest_is_refused_in_one_sentence(document: Any, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        Manifest.from_json(document)


def test_a_newer_manifest_asks_for_a_newer_nftgan() -> None:
    with pytest.raises(UsageError) as error:
        Manifest.from_json(edited("nftgan_manifest", value=2))
    assert error.value.hint == "pip install -U nftgan"


def test_names_are_filled_in_and_nothing_else_is_reached() -> None:
    assert piece_name("{name} {id} ({seed})", name="A", id=3, seed=9) == "A 3 (9)"
    with pytest.raises(UsageError, match="is not known"):
        piece_name("{name.__class__}", name="A", id=3, seed=9)


def test_a_template_without_a_number_gives_no_two_equal_names() -> None:
    with pytest.raises(UsageError, match="share the name"):
        make_pieces([1, 2], CollectionSection(name="A", piece_name="{name}"))
    with pytest.raises(UsageError, match="share the seed"):
        make_pieces([1, 1], CollectionSection(name="A"))


def test_ids_that_skip_are_refused_also_in_python() -> None:
    with pytest.raises(UsageError, match="count up"):
        manifest().with_pieces([Piece(1, 1, "a")])


@pytest.mark.parametrize("seed", [[7], {}, None, 7.0, True])
def test_a_seed_that_is_no_number_is_refused_beside_latents_too(seed: object) -> None:
    document = manifest().to_json()
    document["recipe"]["latents"] = ["sha256:" + "00" * 32]
    document["tokens"][1]["seed"] = seed
    with pytest.raises(UsageError, match="token 1: the seed must be"):
        Manifest.from_json(document)
