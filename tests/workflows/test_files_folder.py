"""Films and pages in files/ are pinned with the collection, under the CID that tokens carry."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from nftgan.errors import CheckFailed, UsageError
from nftgan.ipfs.cid import Cid
from nftgan.ipfs.reader import read_file
from nftgan.project import Project
from nftgan.workflows.files_folder import files_tree
from nftgan.workflows.pin import embedded_store, pin


@pytest.fixture
def project(example: Project) -> Project:
    return example


def setting(project: Project, line: str) -> None:
    text = project.config_path.read_text()
    project.config_path.write_text(text.replace("[collection]\n", f"[collection]\n{line}\n", 1))


def test_a_film_and_a_banner_are_pinned_under_the_links_of_the_metadata(
    project: Project, answer: Callable[..., Any]
) -> None:
    where = ("-C", str(project.root))
    setting(project, 'animation_url = "files/film.mp4"\nbanner_image = "files/art/banner.png"')
    answer("curate", "--same", *where)
    error = answer("metadata", *where, expect=2)
    assert "names files/" in error["message"] and "the folder files" in error["hint"]
    (project.root / "files" / "art").mkdir(parents=True)
    film = bytes(range(256)) * 10_000  # three chunks
    (project.root / "files" / "film.mp4").write_bytes(film)
    (project.root / "files" / "art" / "banner.png").write_bytes(b"banner")
    (project.root / "files" / ".DS_Store").write_bytes(b"x")
    cids = answer("metadata", *where)["cids"]
    document = json.loads((project.metadata / "0.json").read_bytes())
    contract = json.loads(project.contract_json.read_bytes())
    assert document["animation_url"] == f"ipfs://{cids['files']}/film.mp4"
    assert contract["banner_image"] == f"ipfs://{cids['files']}/art/banner.png"
    read = answer("metadata", "--check", *where)["readings"]
    assert {"field": "animation_url", "opensea": "film or sound"}.items() <= next(
        one for one in read if one["field"] == "animation_url"
    ).items()
    answer("pin", *where)
    get = embedded_store().get
    root = Cid.parse(cids["files"])
    assert read_file(get, root, "film.mp4", most_bytes=1 << 24) == film
    assert read_file(get, root, "art/banner.png", most_bytes=100) == b"banner"
    (project.root / "files" / "film.mp4").write_bytes(film + b"~")
    with pytest.raises(CheckFailed, match="files changed since its CID was computed"):
        pin(project)


def test_a_collection_without_files_has_no_such_folder(
    project: Project, answer: Callable[..., Any]
) -> None:
    before = json.loads(project.manifest_path.read_text())["cids"]
    (project.root / "files").mkdir()
    (project.root / "files" / "Thumbs.db").write_bytes(b"x")
    assert answer("metadata", "-C", str(project.root))["cids"]["files"] is None
    assert json.loads(project.manifest_path.read_text())["cids"] == before


def test_a_link_out_of_the_folder_is_refused(project: Project) -> None:
    (project.root / "files").mkdir()
    (project.root / "files" / "secret").symlink_to("/etc/passwd")
    with pytest.raises(UsageError, match="symbolic link"):
        files_tree(project)
