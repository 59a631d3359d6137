"""Who buys a token must be able to fetch it: said before a public chain, asked of nobody here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from nftgan.chain.networks import CHAINS
from nftgan.collection.manifest import Manifest
from nftgan.files import read_json, write_json
from nftgan.project import Project
from nftgan.workflows.metadata import check_metadata, ready_manifest
from nftgan.workflows.pin import embedded_store, pin
from nftgan.workflows.pins import is_local, serving_warning
from tests.ipfs.fake_node import FakeNode
from tests.ipfs.fake_services import FakeServices


@pytest.fixture
def project(example: Project) -> Project:
    return example


def warning(project: Project, chain: str) -> str:
    manifest = Manifest.load(project.manifest_path)
    return serving_warning(project, manifest, CHAINS[chain]) or ""


def test_only_this_machine_is_said_before_a_public_chain(
    project: Project, node: FakeNode, services: FakeServices
) -> None:
    pin(project)
    assert "in embedded on this machine: on sepolia every wallet" in warning(project, "sepolia")
    assert warning(project, "embedded") == warning(project, "anvil") == ""
    pin(project, ("kubo",))
    assert "in embedded, kubo on this machine" in warning(project, "base")
    pin(project, ("pinata",))
    assert warning(project, "sepolia") == ""


def test_a_place_that_cannot_be_opened_now_is_not_taken_for_this_machine(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NFTGAN_PINATA_JWT", raising=False)
    assert not is_local("pinata") and not is_local("kubo=https://node.example")
    assert is_local("embedded") and is_local("kubo=http://127.0.0.1:5001")


@pytest.mark.parametrize("name", [".DS_Store", "._0.json", "Thumbs.db", "desktop.ini", "0.json~"])
def test_what_a_desktop_leaves_in_the_folder_stops_nothing(project: Project, name: str) -> None:
    for folder in (project.metadata, project.images):
        (folder / name).write_bytes(b"x")
    assert check_metadata(project) == ()
    root = pin(project).root
    (project.metadata / name).unlink()
    (project.images / name).unlink()
    assert pin(project).root == root, "and it is not published"


def test_another_file_in_the_folder_is_named_and_stops_nothing_either(project: Project) -> None:
    (project.metadata / "notes.txt").write_bytes(b"x")
    (problem,) = check_metadata(project)
    assert not problem.blocks and problem.hint == f"delete {project.metadata / 'notes.txt'}"
    ready_manifest(project)


# ---- the list, and unpinning

WHERE = ("root", "images", "metadata", "model.safetensors")


def test_every_place_is_listed_with_what_it_says_it_keeps(
    project: Project, node: FakeNode, services: FakeServices, answer: Callable[..., Any]
) -> None:
    where = ("-C", str(project.root))
    assert answer("pins", *where) == {"pins": []}
    pin(project, ("embedded", "kubo", "pinata"))
    found = answer("pins", *where)["pins"]
    assert [one["target"] for one in found] == ["embedded", "kubo", "pinata"]
    for one in found:
        assert one["state"] == "verified" and one["current"]
        assert one["pinned"] == dict.fromkeys(WHERE, True)
    assert "plan" in found[2]["until"] and "plan" not in found[0]["until"]
    node.pinned.clear()
    services.files.clear()
    kept = {one["target"]: one["pinned"] for one in answer("pins", *where)["pins"]}
    assert kept["embedded"]["root"] and not any(kept["kubo"].values())
    assert not any(kept["pinata"].values())
    asked = len(node.asked)
    assert answer("pins", "--offline", *where)["pins"][1]["pinned"] == {}
    assert len(node.asked) == asked


def test_a_place_that_cannot_be_asked_is_said_and_partly_done(
    project: Project,
    node: FakeNode,
    services: FakeServices,
    answer: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    where = ("-C", str(project.root))
    pin(project, ("embedded", "pinata"))
    monkeypatch.delenv("NFTGAN_PINATA_JWT")
    error = answer("pins", *where, expect=6)
    assert "1 of 2 places could not be asked: pinata: Pinata needs a token" in error["message"]
    record = read_json(project.pins_path)
    write_json(project.pins_path, {"kubo=http://127.0.0.1:9": record["embedded"]})
    error = answer("pins", *where, expect=5)
    assert "its address comes with the folder" in error["message"]


def test_a_place_is_told_to_forget_and_the_others_keep_it(
    project: Project, node: FakeNode, services: FakeServices, answer: Callable[..., Any]
) -> None:
    where = ("-C", str(project.root))
    pin(project, ("embedded", "kubo", "pinata"))
    plan = answer("unpin", "--to", "pinata", "--dry-run", *where)
    assert set(plan["cids"]) == set(WHERE) and len(services.files) == 4
    answer("unpin", "--to", "pinata", "--yes", *where)
    assert not services.files and set(read_json(project.pins_path)) == {"embedded", "kubo"}
    answer("unpin", "--to", "pinata", "--yes", *where)
    answer("unpin", "--to", "kubo", "--yes", *where)
    assert not node.pinned
    before = len(list(embedded_store()))
    assert answer("unpin", "--to", "embedded", "--yes", *where)["freed"] == 0
    assert len(list(embedded_store())) == before
    assert answer("unpin", "--to", "embedded", "--collect", "--yes", *where)["freed"] == before
    assert not list(embedded_store()) and read_json(project.pins_path) == {}


def test_the_last_place_of_a_deployed_collection_is_kept_unless_forced(
    project: Project, node: FakeNode, answer: Callable[..., Any]
) -> None:
    where = ("-C", str(project.root))
    pin(project)
    answer("deploy", *where)
    error = answer("unpin", "--to", "embedded", "--yes", *where, expect=3)
    assert "embedded is the only place" in error["message"] and "--force" in error["hint"]
    pin(project, ("kubo",))
    answer("unpin", "--to", "embedded", "--yes", *where)
    answer("unpin", "--to", "kubo", "--yes", *where, expect=3)
    answer("unpin", "--to", "kubo", "--yes", "--force", *where)
    assert not node.pinned
