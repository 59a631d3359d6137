"""The example in collections/ gives the same pixels and the same CIDs on this machine."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from nftgan.collection.manifest import Manifest, Piece
from nftgan.pixels import pixel_hash
from nftgan.png import encode_png, read_png
from nftgan.synthesis.model import load_model
from tests.workflows.typed import Desk

EXAMPLE = Path(__file__).parents[2] / "collections" / "avatars"
MANIFEST = Manifest.load(EXAMPLE / "collection.json")


@pytest.mark.parametrize("piece", MANIFEST.pieces, ids=lambda piece: f"seed {piece.seed}")
def test_a_piece_rendered_elsewhere_is_rendered_here_to_the_last_bit(piece: Piece) -> None:
    model = load_model(EXAMPLE / "model.safetensors")
    image = model.render(piece.seed, MANIFEST.recipe)
    path = EXAMPLE / "images" / f"{piece.id}.png"
    assert pixel_hash(image) == piece.pixels == pixel_hash(read_png(path))
    assert encode_png(image) == path.read_bytes()


def test_metadata_and_cids_follow_again(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    shutil.copytree(EXAMPLE, desk.collection)
    shutil.rmtree(desk.collection / "images")
    shutil.rmtree(desk.collection / "metadata")
    where = ["-C", str(desk.collection)]
    desk.type("render", *where)
    desk.type("metadata", *where)
    for path in sorted((EXAMPLE / "metadata").iterdir()):
        assert (desk.collection / "metadata" / path.name).read_bytes() == path.read_bytes()
    assert (desk.collection / "collection.json").read_bytes() == (
        EXAMPLE / "collection.json"
    ).read_bytes()
