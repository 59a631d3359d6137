"""Our page with this token passes; a page, a piece or a model of somebody else does not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from nftgan.collection import live_link as live_link_module
from nftgan.collection.live_link import live_link
from nftgan.errors import CheckFailed
from nftgan.files import canonical_json
from nftgan.ipfs.cid import Cid
from nftgan.ipfs.importer import Importer
from nftgan.ipfs.reader import FileReader
from nftgan.provenance.content import Content, Unavailable
from nftgan.provenance.live_check import live_problem
from nftgan.site.live import page
from nftgan.synthesis.recipe import Recipe

RECIPE = Recipe(model="sha256:" + "11" * 32, size=(32, 32))
PIXELS = "sha256:" + "22" * 32
MODEL = b"a model"
OWN: dict[str, Any] = {
    "recipe": RECIPE.to_json(),
    "seed": 7,
    "pixels": PIXELS,
    "model_uri": f"ipfs://{Importer().add_bytes(MODEL).cid}",
}


def published(**changes: bytes) -> tuple[Content, str]:
    """The folder live/ with other bytes for what is named, and its CID."""
    blocks: dict[Cid, bytes] = {}
    recipe = canonical_json(RECIPE.to_json())
    files = {"page": page(), "recipe": recipe, "model": MODEL, **changes}
    names = {"page": "index.html", "recipe": "recipe.json", "model": "model.safetensors"}
    tree = {names[key]: data for key, data in files.items()}
    root = Importer(lambda cid, data: blocks.update({cid: data})).add_tree(tree).cid
    return Content([("here", FileReader(blocks.__getitem__))]), str(root)


def test_our_page_that_draws_this_token_passes() -> None:
    content, root = published()
    assert live_problem(content, live_link(root, 7, PIXELS), OWN) is None


def test_another_page_is_said_to_be_one() -> None:
    content, root = published(page=page() + b" ")
    assert "does not know" in (live_problem(content, live_link(root, 7, PIXELS), OWN) or "")
    film = "https://example.com/film.mp4"
    assert "nothing here checks" in (live_problem(content, film, OWN) or "")


@pytest.mark.parametrize(
    ("seed", "pixels", "changes", "words"),
    [
        (8, PIXELS, {}, "draws seed 8"),
        (7, "sha256:" + "33" * 32, {}, "other pixels"),
        (7, PIXELS, {"model": b"another"}, "another model"),
        (7, PIXELS, {"recipe": b"{"}, "another recipe"),
        (7, PIXELS, {"recipe": json.dumps(RECIPE.to_json() | {"trunc": 0.5}).encode()}, "recipe"),
    ],
)
def test_our_page_with_another_piece_in_it_is_a_broken_link(
    seed: int, pixels: str, changes: dict[str, bytes], words: str
) -> None:
    content, root = published(**changes)
    with pytest.raises(CheckFailed, match=words):
        live_problem(content, live_link(root, seed, pixels), OWN)


def test_a_page_that_nobody_has_is_unavailable() -> None:
    _, root = published()
    with pytest.raises(Unavailable):
        live_problem(Content([]), live_link(root, 7, PIXELS), OWN)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"latents": ["sha256:" + "44" * 32]}, "stored latents"),
        ({"condition": [0.5]}, "a condition"),
        (
            {
                "finish": {
                    "grid": 0,
                    "palette": 0,
                    "upscale": 1,
                    "effect": {"package": "p", "name": "n", "version": 1, "value": 0},
                }
            },
            "effect of a plugin",
        ),
    ],
)
def test_our_page_with_a_recipe_that_it_cannot_draw_by_is_a_broken_link(
    change: dict[str, Any], words: str
) -> None:
    """`metadata --live` refuses it, but a folder can be made by hand."""
    recipe = RECIPE.to_json() | change
    content, root = published(recipe=canonical_json(recipe))
    with pytest.raises(CheckFailed, match=words):
        live_problem(content, live_link(root, 7, PIXELS), OWN | {"recipe": recipe})


@pytest.mark.parametrize(
    ("asked", "pages", "words"),
    [
        ({"upscale": 1, "colours": "000000ffffff"}, "plain_pages", "colours of the art"),
        ({"upscale": 2, "filter": "contour"}, "pages_without_contour", "the filter contour"),
    ],
)
def test_a_page_older_than_what_a_recipe_asks_is_a_broken_link(
    asked: dict[str, Any], pages: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish = {"grid": 0, "palette": 8} | asked
    own = OWN | {"recipe": RECIPE.to_json() | {"finish": finish}}
    content, root = published(recipe=canonical_json(own["recipe"]))
    assert live_problem(content, live_link(root, 7, PIXELS), own) is None
    ours = frozenset([str(Importer().add_bytes(page()).cid)])
    monkeypatch.setattr(live_link_module, pages, lambda: ours)
    with pytest.raises(CheckFailed, match=f"{words}, which it is older"):
        live_problem(content, live_link(root, 7, PIXELS), own)
    content, root = published()
    assert live_problem(content, live_link(root, 7, PIXELS), OWN) is None


def test_a_page_older_than_transparent_images_is_a_broken_link_to_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    content, root = published()
    assert live_problem(content, live_link(root, 7, PIXELS), OWN, transparent=True) is None
    ours = frozenset([str(Importer().add_bytes(page()).cid)])
    monkeypatch.setattr(live_link_module, "opaque_pages", lambda: ours)
    assert live_problem(content, live_link(root, 7, PIXELS), OWN) is None
    with pytest.raises(CheckFailed, match="transparent images, which it is older"):
        live_problem(content, live_link(root, 7, PIXELS), OWN, transparent=True)


def test_our_page_with_networks_that_it_cannot_run_is_a_broken_link() -> None:
    content, root = published()
    assert live_problem(content, live_link(root, 7, PIXELS), OWN, "stylegan2") is None
    with pytest.raises(CheckFailed, match=r"networks of the kind tiny"):
        live_problem(content, live_link(root, 7, PIXELS), OWN, "tiny")
