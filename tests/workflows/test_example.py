"""The examples in collections/ give the same pixels and the same CIDs on this machine."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from nftgan.collection.manifest import Manifest, Piece
from nftgan.pixels import pixel_hash
from nftgan.png import encode_png, read_png
from nftgan.synthesis.model import load_model
from tests.workflows.typed import Desk

COLLECTIONS = Path(__file__).parents[2] / "collections"
EXAMPLE = COLLECTIONS / "avatars"
MANIFESTS = {
    name: Manifest.load(COLLECTIONS / name / "collection.json")
    for name in ("avatars", "creatures", "hills", "tides")
}
PIECES = [(name, piece) for name, one in MANIFESTS.items() for piece in one.pieces[::2]]


@pytest.mark.parametrize(
    ("name", "piece"), PIECES, ids=[f"{name}, seed {piece.seed}" for name, piece in PIECES]
)
def test_a_piece_rendered_elsewhere_is_rendered_here_to_the_last_bit(
    name: str, piece: Piece
) -> None:
    model = load_model(COLLECTIONS / name / "model.safetensors")
    image = model.render(piece.seed, MANIFESTS[name].recipe)
    path = COLLECTIONS / name / "images" / f"{piece.id}.png"
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
