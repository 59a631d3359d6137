"""verify names the broken link when a pixel, a byte, the seed, the model or the recipe changes."""

from __future__ import annotations

import dataclasses
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from nftgan.collection.manifest import Manifest
from nftgan.png import read_png, write_png
from tests.workflows.typed import Desk


@pytest.fixture(scope="module")
def minted(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    desk = Desk(tmp_path_factory.mktemp("minted"))
    desk.curated("3,8,15")
    where = ["-C", str(desk.collection)]
    desk.type("pin", *where)
    desk.type("deploy", *where, "--yes")
    desk.type("mint", *where, "--yes")
    return desk


def pixel(collection: Path) -> None:
    path = collection / "images" / "1.png"
    image = read_png(path).copy()
    image[5, 5, 1] ^= 1
    write_png(path, image)


def byte(collection: Path) -> None:
    path = collection / "metadata" / "1.json"
    path.write_text(path.read_text().replace("#", "_", 1))


def seed(collection: Path) -> None:
    """By someone who makes the file hang together again."""
    path = collection / "collection.json"
    manifest = Manifest.load(path)
    pieces = list(manifest.pieces)
    pieces[1] = dataclasses.replace(pieces[1], seed=9)
    manifest.with_pieces(pieces).save(path)


def model(collection: Path) -> None:
    path = collection / "model.safetensors"
    data = bytearray(path.read_bytes())
    data[-1000] ^= 1  # in the weights
    path.write_bytes(data)


def recipe(collection: Path) -> None:
    path = collection / "collection.json"
    manifest = Manifest.load(path)
    changed = dataclasses.replace(manifest.recipe, trunc=0.71)
    dataclasses.replace(manifest, recipe=changed).save(path)


@pytest.mark.parametrize(
    ("change", "link"),
    [
        (pixel, "local image"),
        (byte, "local metadata"),
        (seed, "local seed"),
        (model, "local model"),
        (recipe, "local recipe"),
    ],
)
def test_a_changed_file_is_found_and_named(
    minted: Desk, tmp_path: Path, change: Callable[[Path], None], link: str
) -> None:
    copy = tmp_path / "birds"
    shutil.copytree(minted.collection, copy)
    change(copy)
    document = minted.type("verify", "-C", str(copy), expect=3)
    assert f"{link}: " in document["error"]["message"]
    report = next(t for t in document["result"]["tokens"] if t["token"] == 1)
    assert link in [found["name"] for found in report["links"] if found["verdict"] == "broken"]


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ('"seed":8', '"seed":9', "pieces_root"),
        ('"trunc":0.7', '"trunc":0.71', "recipe_hash"),
    ],
)
def test_an_edit_of_the_manifest_is_named(
    minted: Desk, tmp_path: Path, old: str, new: str, named: str
) -> None:
    copy = tmp_path / "birds"
    shutil.copytree(minted.collection, copy)
    path = copy / "collection.json"
    text = re.sub(r'": ', '":', path.read_text())
    assert old in text
    path.write_text(text.replace(old, new, 1))
    message = minted.type("verify", "-C", str(copy), expect=3)["error"]["message"]
    assert message.startswith("local manifest: ")
    assert named in message


def test_an_untouched_copy_holds(minted: Desk, tmp_path: Path) -> None:
    copy = tmp_path / "birds"
    shutil.copytree(minted.collection, copy)
    reports = minted.type("verify", "-C", str(copy))["result"]["tokens"]
    assert [len(report["links"]) for report in reports] == [14, 14, 14]
    assert {found["verdict"] for report in reports for found in report["links"]} == {"holds"}


def test_a_collector_needs_the_address_alone(minted: Desk, tmp_path: Path) -> None:
    address = minted.type("verify", "-C", str(minted.collection))["result"]["contract"]
    out = tmp_path / "proof"
    minted.type("verify", "--contract", address)
    minted.type("regenerate", "2", "--contract", address, "-o", str(out))
    mine = read_png(minted.collection / "images" / "2.png")
    assert np.array_equal(read_png(out / "2.png"), mine)


def test_the_report_asks_the_chain_when_it_is_told_to(minted: Desk, tmp_path: Path) -> None:
    where = ["-C", str(minted.collection), "-o", str(tmp_path / "page.html")]
    result = minted.type("report", "--verify", *where)["result"]
    assert (result["proven"], result["asked_chain"], result["broken"]) == (3, True, [])
    page = (tmp_path / "page.html").read_text("utf-8")
    assert "All 3 minted tokens are proven back to their pixels." in page
    assert not (minted.collection / "report.html").exists()


def test_what_the_store_lost_or_changed_is_named(minted: Desk, tmp_path: Path) -> None:
    """The collector's side: IPFS content that is gone breaks a link and is no crash."""
    home = tmp_path / "home"
    shutil.copytree(minted.folder / "home", home)
    other = Desk(tmp_path)
    address = minted.type("verify", "-C", str(minted.collection))["result"]["contract"]
    store = next(path for path in home.rglob("*") if path.is_dir() and path.name == "blocks")
    for block in [path for path in store.rglob("*") if path.is_file()]:
        data = bytearray(block.read_bytes())
        data[-1] ^= 1
        block.chmod(0o600)
        block.write_bytes(data)
    document = other.type("verify", "--contract", address, expect=3)
    assert "metadata: " in document["error"]["message"]
