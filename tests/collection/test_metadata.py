"""Metadata: documents that marketplaces read, schemas that refuse, a check of what is old."""

from __future__ import annotations

import copy
import json
import unicodedata
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nftgan.collection.manifest import Cids, Manifest, ModelRef, make_pieces
from nftgan.collection.metadata import (
    check,
    contract_document,
    describe,
    documents,
    token_document,
    validate,
    write_metadata,
)
from nftgan.collection.traits import measure
from nftgan.config import CollectionSection
from nftgan.errors import MissingStepError, UsageError
from nftgan.pixels import pixel_hash
from nftgan.synthesis.recipe import Recipe

MODEL = "sha256:" + "5a" * 32
CID = "bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi"
OTHER = "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"


def manifest(**words: Any) -> Manifest:
    section = CollectionSection(
        **{"name": "Café", "symbol": "CAF", "description": "dark roast", **words}
    )
    images = [
        np.random.RandomState(i).randint(0, 256, (8, 8, 3)).astype(np.uint8) for i in range(4)
    ]
    pieces = make_pieces([5, 6, 7, 8], section)
    pieces = tuple(
        replace(p, pixels=pixel_hash(image)) for p, image in zip(pieces, images, strict=True)
    )
    full = Manifest(
        collection=section,
        model=ModelRef(MODEL, "art.safetensors", OTHER),
        recipe=Recipe(model=MODEL, size=(8, 8), trunc=0.7),
        pieces=pieces,
        cids=Cids(images=CID),
    )
    return describe(full, [measure(image) for image in images])


def test_a_token_document_holds_what_a_stranger_needs() -> None:
    full = manifest(external_url="https://example.org/cafe")
    document = token_document(full, 2)
    assert document["name"] == "Café #2"
    assert document["image"] == f"ipfs://{CID}/2.png"
    assert document["description"] == "dark roast"
    assert document["external_url"] == "https://example.org/cafe"
    own = document["nftgan"]
    assert own["seed"] == 7 and own["pixels"] == full.pieces[2].pixels
    assert Recipe.from_json(own["recipe"]) == full.recipe
    assert own["model_uri"] == f"ipfs://{OTHER}"
    assert own["rarity"]["of"] == 4 and own["rarity"]["rank"] >= 1
    assert {"Background", "Warmth"} <= {a["trait_type"] for a in document["attributes"]}


def test_the_contract_document_names_the_chain_of_custody() -> None:
    full = manifest(external_url="https://example.org")
    document = contract_document(full)
    assert document["nftgan"] == {
        "model": MODEL,
        "model_uri": f"ipfs://{OTHER}",
        "recipe": full.recipe.to_json(),
        "recipe_hash": full.recipe.hash,
        "pieces_root": full.pieces_root,
        "supply": 4,
    }
    assert document["symbol"] == "CAF" and document["image"] == f"ipfs://{CID}/0.png"
    assert document["external_link"] == "https://example.org" and "external_url" not in document


FILES_CID = "bafybeibwzifw52ttrkqlikfzext5akxu7lz4xiwjgwzmqcpdzmp3n5vnbe"


def test_links_of_a_token_are_filled_in_and_lead_to_the_pinned_folder() -> None:
    full = manifest(
        external_url="https://example.org/{id}?seed={seed}",
        animation_url="files/films/{id}.mp4",
        description="number {id} of {many}",
        background_color="1A2B3C",
    )
    with pytest.raises(MissingStepError, match=r"files/films/2\.mp4 is named in nftgan\.toml"):
        token_document(full, 2)
    full = replace(full, cids=replace(full.cids, files=FILES_CID))
    document = token_document(full, 2)
    assert document["external_url"] == "https://example.org/2?seed=7"
    assert document["animation_url"] == f"ipfs://{FILES_CID}/films/2.mp4"
    assert document["description"] == "number 2 of {many}"
    assert document["background_color"] == "1a2b3c"
    assert contract_document(full)["external_link"] == "https://example.org"


def test_the_collection_has_pictures_and_collaborators_of_its_own() -> None:
    address = "0x" + "1" * 40
    full = manifest(
        image="files/logo.png",
        banner_image="https://example.org/banner.png",
        featured_image=f"ipfs://{FILES_CID}/f.png",
        collaborators=(address,),
    )
    document = contract_document(replace(full, cids=replace(full.cids, files=FILES_CID)))
    assert document["image"] == f"ipfs://{FILES_CID}/logo.png"
    assert document["banner_image"] == "https://example.org/banner.png"
    assert document["featured_image"] == f"ipfs://{FILES_CID}/f.png"
    assert document["collaborators"] == [address]


def test_tags_are_shown_as_numbers_boosts_and_dates() -> None:
    full = manifest(display={"Level": "number", "born": "date", "Power": "boost_percentage"})
    tags = {"Level": "7/10", "Born": "2026-05-01", "Power": "12.5", "Mood": "calm"}
    pieces = [replace(piece, tags=tags, attributes=()) for piece in full.pieces]
    measures = [measure(np.zeros((8, 8, 3), np.uint8))] * 4
    described = describe(full.with_pieces(pieces), measures)
    found = {a["trait_type"]: a for a in token_document(described, 0)["attributes"]}
    assert found["Level"] == {
        "trait_type": "Level",
        "display_type": "number",
        "value": 7,
        "max_value": 10,
    }
    assert found["Born"]["display_type"] == "date" and found["Born"]["value"] == 1777593600
    assert found["Power"]["value"] == 12.5
    assert found["Mood"] == {"trait_type": "Mood", "value": "calm"}
    again = Manifest.from_json(json.loads(json.dumps(described.to_json())))
    assert again == described
    wrong = [replace(piece, tags={"Level": "high"}) for piece in full.pieces]
    with pytest.raises(UsageError, match="token 0: the tag Level: 'high' is not a number"):
        describe(full.with_pieces(wrong), measures)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": "x" * 256}, "256 bytes"),
        ({"name": "a\u202eb"}, r"name holds the invisible character U\+202E"),
        ({"name": "a\nb"}, r"U\+000A"),
        ({"description": "bell \x07"}, r"description holds .* U\+0007"),
        ({"attributes": ({"trait_type": "Mood", "value": "a\u202eb"},)}, r"trait holds"),
    ],
)
def test_words_of_a_piece_that_programs_act_on_are_refused(
    change: dict[str, Any], words: str
) -> None:
    full = manifest()
    pieces = [replace(full.pieces[0], **change), *full.pieces[1:]]
    with pytest.raises(UsageError, match=f"token 0: .*{words}"):
        token_document(full.with_pieces(pieces), 0)


def test_files_are_canonical_composed_and_the_same_each_time(tmp_path: Path) -> None:
    full = manifest(name="Cafe\u0301")
    assert write_metadata(full, tmp_path) == 5
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    assert set(before) == {"0.json", "1.json", "2.json", "3.json", "contract.json"}
    for data in before.values():
        text = data.decode()
        assert unicodedata.is_normalized("NFC", text)
        plain = json.dumps(json.loads(text), sort_keys=True, ensure_ascii=False)
        assert len(text) <= len(plain) and not text.endswith("\n")
    assert write_metadata(full, tmp_path) == 0
    assert documents(full) == before == {p.name: p.read_bytes() for p in tmp_path.iterdir()}


def test_a_fresh_folder_has_no_problems_and_each_change_is_named(tmp_path: Path) -> None:
    full = manifest()
    write_metadata(full, tmp_path)
    full = replace(full, cids=Cids(images=CID, metadata=CID))
    assert check(full, tmp_path) == ()
    (tmp_path / "0.json").unlink()
    changed = json.loads((tmp_path / "1.json").read_text())
    (tmp_path / "1.json").write_text(json.dumps({**changed, "name": "x", "description": "y"}))
    (tmp_path / "2.json").write_text(
        json.dumps(json.loads((tmp_path / "2.json").read_text()), indent=1)
    )
    (tmp_path / "3.json").write_text("{")
    (tmp_path / "9.json").write_text("{}")
    found = {p.where: p.what for p in check(full, tmp_path)}
    assert found == {
        "0.json": "is missing",
        "1.json": "is stale: description, name",
        "2.json": "is not canonical JSON",
        "3.json": "is not JSON",
        "9.json": "belongs to no token and is not published",
    }
    assert write_metadata(full, tmp_path) == 4
    assert check(full, tmp_path) == ()


def test_missing_traits_and_cids_are_problems(tmp_path: Path) -> None:
    full = manifest()
    write_metadata(full, tmp_path)
    bare = full.with_pieces([replace(p, attributes=(), rarity=None) for p in full.pieces])
    whats = [p.what for p in check(bare, tmp_path)]
    assert whats.count("has no traits yet") == 4 and "has no CID yet" in whats


def test_steps_that_are_missing_are_named() -> None:
    full = manifest()
    with pytest.raises(MissingStepError, match="CID of the images"):
        token_document(replace(full, cids=Cids()), 0)
    raw = full.with_pieces([replace(p, pixels=None) for p in full.pieces])
    with pytest.raises(MissingStepError, match="has not been rendered"):
        token_document(raw, 0)
    with pytest.raises(MissingStepError, match="has not been rendered"):
        contract_document(raw)
    with pytest.raises(UsageError, match="no token 4"):
        token_document(full, 4)


@pytest.mark.parametrize(
    "words", [{"external_url": "javascript:alert(1)"}, {"symbol": ""}, {"symbol": "A" * 12}]
)
def test_words_that_would_make_a_bad_document_are_refused(words: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        documents(manifest(**words))


def changed(*path: Any, value: Any) -> dict[str, Any]:
    document = copy.deepcopy(token_document(manifest(), 1))
    at: Any = document
    for key in path[:-1]:
        at = at[key]
    if value is None:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return document


@pytest.mark.parametrize(
    "document",
    [
        changed("name", value=""),
        changed("name", value=" "),
        changed("name", value=None),
        changed("image", value=f"https://gateway.example/{CID}/1.png"),
        changed("image", value=f"ipfs://{CID}//1.png"),
        changed("image", value=f"ipfs://{CID}/01.png"),
        changed("image", value=f"ipfs://{CID}/undefined.png"),
        changed("background_color", value="#ffffff"),
        changed("animation_url", value="http://x y"),
        changed("attributes", value=None),
        changed("attributes", value={}),
        changed("attributes", 0, "value", value=None),
        changed("attributes", 0, "value", value=[1]),
        changed("attributes", 0, "value", value=True),
        changed("attributes", 0, "extra", value="x"),
        changed("attributes", 0, "display_type", value="number"),
        changed("attributes", 0, "display_type", value="chart"),
        changed("nftgan", value=None),
        changed("nftgan", "seed", value=2**32),
        changed("nftgan", "seed", value=-1),
        changed("nftgan", "seed", value="7"),
        changed("nftgan", "pixels", value="5a" * 32),
        changed("nftgan", "pixels", value=None),
        changed("nftgan", "recipe", "model", value=None),
        changed("nftgan", "recipe", "renderer", value="f32"),
        changed("nftgan", "rarity", "rank", value=0),
        changed("nftgan", "extra", value=1),
        changed("surprise", value=1),
        [],
        None,
    ],
)
def test_the_schema_refuses_what_marketplaces_or_we_could_not_read(document: Any) -> None:
    with pytest.raises(UsageError, match="token 1"):
        validate(document, "token", "token 1")


def test_the_error_names_the_place() -> None:
    with pytest.raises(UsageError, match=r"token 1: nftgan\.seed: .*greater than"):
        validate(changed("nftgan", "seed", value=2**33), "token", "token 1")


def test_documents_that_others_write_are_accepted() -> None:
    document = changed("background_color", value="a0B1c2")
    document["animation_url"] = f"ipfs://{CID}/1.mp4"
    document["attributes"].append(
        {"trait_type": "Born", "display_type": "date", "value": 1546360800}
    )
    document["attributes"].append({"trait_type": "Power", "value": 3, "max_value": 10})
    document["attributes"].append({"value": "Unlabelled"})
    validate(document, "token", "token 1")
