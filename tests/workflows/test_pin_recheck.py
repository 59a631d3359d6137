"""What a place is asked again before money is spent, and what it cannot keep from being asked."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from nftgan.collection.manifest import Manifest
from nftgan.errors import CheckFailed, MissingStepError, ServiceError
from nftgan.files import read_json, write_json
from nftgan.ipfs import remote
from nftgan.ipfs.backends.base import NoRawBlocks
from nftgan.ipfs.cid import Cid
from nftgan.ipfs.dagpb import decode_node
from nftgan.ipfs.importer import Importer
from nftgan.project import Project
from nftgan.workflows import pin_recheck
from nftgan.workflows.pin import embedded_store, pin
from nftgan.workflows.pin_recheck import require_verified


@pytest.fixture
def project(example: Project) -> Project:
    pin(example)
    return example


def again(project: Project) -> None:
    require_verified(project, Manifest.load(project.manifest_path))


def forget(cid: Cid) -> None:
    embedded_store().path_of(cid).unlink()


def test_each_block_of_a_small_model_is_asked_for(project: Project) -> None:
    model = Cid.parse(str(Manifest.load(project.manifest_path).cids.model))
    leaves = [link.cid for link in decode_node(embedded_store().get(model)).links]
    assert len(leaves) == 2
    again(project)
    forget(leaves[-1])
    with pytest.raises(MissingStepError, match="does not hold the collection"):
        again(project)


def test_the_documents_of_the_contract_and_of_tokens_are_asked_for(project: Project) -> None:
    for name in ("contract.json", "0.json"):
        cid = Importer().add_path(project.metadata / name).cid
        data = embedded_store().get(cid)
        forget(cid)
        with pytest.raises(MissingStepError, match="does not hold the collection"):
            again(project)
        embedded_store().path_of(cid).write_bytes(data)
    again(project)


def test_the_places_in_a_model_are_drawn_by_a_lot(monkeypatch: pytest.MonkeyPatch) -> None:
    blocks: dict[Cid, bytes] = {}
    cid = Importer(blocks.__setitem__).add_bytes(random.Random(1).randbytes(40 << 20)).cid
    leaves = [link.cid for link in decode_node(blocks[cid]).links]
    asked = []
    for seed in range(2):
        monkeypatch.setattr(pin_recheck, "LOT", random.Random(seed))
        seen: set[Cid] = set()

        def get(one: Cid, seen: set[Cid] = seen) -> bytes:
            seen.add(one)
            return blocks[one]

        pin_recheck._sample(get, cid)
        assert {leaves[0], leaves[-1]} < seen and len(seen) > 6
        asked.append(seen)
    assert asked[0] != asked[1]
    empty = Importer(blocks.__setitem__).add_bytes(b"").cid
    pin_recheck._sample(blocks.__getitem__, empty)


def test_the_lot_is_one_that_no_place_foresees() -> None:
    assert type(pin_recheck.LOT) is random.SystemRandom


class Files:
    """A place that gives whole files alone: those of a folder, but for what was exchanged."""

    name = "files"

    def __init__(self, folder: Path) -> None:
        self.folder, self.asked = folder, list[str]()
        self.other: dict[str, bytes] = {}
        self.tops = {
            cid: name for name, cid in read_json(folder / "pins.json")["embedded"]["cids"].items()
        }

    def get(self, cid: Cid) -> bytes:
        raise NoRawBlocks("files only")

    def by_path(self, path: str) -> Iterator[bytes]:
        self.asked.append(path)
        name = self.name_of(path)
        data = self.other.get(name, (self.folder / name).read_bytes())
        for at in range(0, len(data), 1000):
            yield data[at : at + 1000]

    def name_of(self, link: str) -> str:
        """The file behind FOLDER/NAME, as tokens link to it."""
        cid, _, below = link.partition("/")
        return f"{self.tops[cid]}/{below}".rstrip("/")

    def close(self) -> None:
        pass


def test_whole_files_are_those_here_behind_links_that_are_computed_anew(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Files(project.root)
    monkeypatch.setattr(pin_recheck, "open_backend", lambda *_, **__: place)
    record = read_json(project.pins_path)
    record["embedded"]["root"] = record["embedded"]["cids"]["images"]  # its writer's own
    write_json(project.pins_path, record)
    again(project)
    asked = {place.name_of(path) for path in place.asked}
    assert {"metadata/contract.json", "metadata/0.json", "images/0.png"} < asked
    assert "model.safetensors" in asked
    for name in ("metadata/contract.json", "images/0.png", "model.safetensors"):
        data = (project.root / name).read_bytes()
        for other, words in (
            (data[:-1] + b"~", "serves another"),
            (data + b"~", "serves another"),
            (data[:-1], "serves a part"),
        ):
            place.other = {name: other}
            with pytest.raises(CheckFailed, match=words):
                again(project)
    place.other = {}
    monkeypatch.setattr(pin_recheck, "MODEL_BEGINNING_BYTES", 5_000)
    pieces: list[bytes] = []
    by_path = place.by_path

    def counted(path: str) -> Iterator[bytes]:
        for piece in by_path(path):
            if place.name_of(path) == "model.safetensors":
                pieces.append(piece)
            yield piece

    place.by_path = counted  # type: ignore[method-assign]
    again(project)
    assert len(pieces) == 5


def test_files_that_are_not_those_of_the_manifest_are_no_proof(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Files(project.root)
    monkeypatch.setattr(pin_recheck, "open_backend", lambda *_, **__: place)
    (project.images / "1.png").write_bytes((project.images / "0.png").read_bytes())
    with pytest.raises(CheckFailed, match="images changed since its CID was computed"):
        again(project)
    assert not place.asked


def test_a_place_that_is_slow_in_all_is_given_up(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "PATIENCE_SECONDS", 0.0)
    monkeypatch.setattr(remote, "PROMPT_SECONDS", 0.0)
    monkeypatch.setattr(remote, "PROMPT_BYTES", 1e15)
    with pytest.raises(ServiceError, match="is too slow"):
        again(project)
