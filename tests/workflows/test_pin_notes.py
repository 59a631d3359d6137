"""No folder has forgotten what this person pinned for another collection."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from nftgan.files import read_json, write_json
from nftgan.ipfs.backends import open_backend
from nftgan.ipfs.cid import Cid
from nftgan.project import Project
from nftgan.workflows.pin import pin, store_folder
from nftgan.workflows.pin_notes import kept_for_others, note_pins
from nftgan.workflows.pins import plan_unpin, unpin

EXAMPLE = Path(__file__).parents[2] / "collections" / "avatars"


@pytest.fixture
def mine(example: Project) -> Project:
    pin(example)
    return example


def kept(cid: str) -> bool:
    backend = open_backend("embedded", store=store_folder())
    try:
        return backend.is_pinned(Cid.parse(cid))
    finally:
        backend.close()


def test_a_received_folder_cannot_have_my_other_pins_forgotten(
    mine: Project, tmp_path: Path
) -> None:
    own = read_json(mine.pins_path)["embedded"]
    shutil.copytree(EXAMPLE, tmp_path / "received")
    received = Project(tmp_path / "received")
    write_json(received.pins_path, {"embedded": {**own, "cids": {"x": own["cids"]["images"]}}})
    cids = plan_unpin(received, "embedded", force=True)
    assert not {own["root"], *own["cids"].values()} & set(cids.values())
    unpin(received, "embedded", cids)
    assert kept(own["root"])
    # Mine are forgotten from my own folder, and then nobody else holds them.
    unpin(mine, "embedded", plan_unpin(mine, "embedded", force=True))
    assert not kept(own["root"])
    assert plan_unpin(received, "embedded", force=True)


def test_the_last_line_of_a_folder_counts_and_a_cut_one_does_not(mine: Project) -> None:
    other = Project(mine.root.parent / "other")
    note_pins("psa", other, ["a", "b"])
    note_pins("psa", other, ["b"])
    note_pins("kubo", other, ["c"])
    note_pins("psa", mine, ["d"])
    path = mine.root.parent / "home" / "pinned.jsonl"
    path.write_bytes(
        path.read_bytes() + b'{"target": "psa", "fol\n[]\n{"target": "psa", "cids": 1}\n'
    )
    assert kept_for_others("psa", mine) == {"b": str(other.root)}
    assert kept_for_others("psa", other) == {"d": str(mine.root)}
