"""Who makes the same pieces twice is told, before it is for ever."""

from __future__ import annotations

from pathlib import Path

import pytest

from nftgan.collection.manifest import load_manifest
from nftgan.progress import NullProgress
from nftgan.project import Project
from nftgan.workflows.curate import curate
from nftgan.workflows.deploy import Deployment
from nftgan.workflows.init import init
from nftgan.workflows.mint import Minting
from nftgan.workflows.publishing import ChainChoice
from nftgan.workflows.shared_pieces import shared_pieces


class Heard(NullProgress):
    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warn(self, message: str) -> None:
        self.warnings.append(message)


@pytest.fixture
def second(published: Project) -> Project:
    """Another collection beside `published`, which has the pieces 3, 8 and 15."""
    init("owls", published.root.parent)
    return Project(published.root.parent / "owls")


def remarks(heard: list[str]) -> list[str]:
    return [line for line in heard if line.startswith("the collection ")]


def test_curate_names_the_other_collection_its_chain_and_the_seeds(
    published: Project, second: Project
) -> None:
    heard = Heard()
    curate(second, model="base", pick=(8, 20), progress=heard)
    assert remarks(heard.warnings) == [
        f"the collection birds in {published.root} (on embedded) has the same images: seeds 8"
    ]
    heard = Heard()
    curate(second, model="base", pick=(20, 21), progress=heard)
    assert not remarks(heard.warnings)


def test_another_finish_is_said(published: Project, second: Project) -> None:
    text = second.config_path.read_text()
    second.config_path.write_text(text.replace("trunc = 0.7", "trunc = 0.5"))
    heard = Heard()
    curate(Project(second.root), model="base", pick=(3, 8), progress=heard)
    (said,) = remarks(heard.warnings)
    assert said.endswith("the same seeds of the same model, finished otherwise: seeds 3,8")


def test_deploy_and_mint_say_it_before_anything_is_paid(
    published: Project, second: Project
) -> None:
    curate(second, model="base", pick=(15, 16))
    ask = str  # nobody is asked
    found: list[str] = []
    Deployment(published, ChainChoice(), prompt=ask, warn=found.append, force=True)
    assert len(remarks(found)) == 1 and str(second.root) in remarks(found)[0]
    found.clear()
    Minting(
        published,
        ChainChoice(),
        to=None,
        tokens=None,
        prompt=ask,
        warn=found.append,
        force=True,
    )
    assert len(remarks(found)) == 1 and "seeds 15" in remarks(found)[0]


def test_what_cannot_be_read_is_no_reason_to_stop(published: Project, tmp_path: Path) -> None:
    manifest = load_manifest(published)
    for name, text in (("torn", "{"), ("none", "")):
        folder = published.root.parent / name
        folder.mkdir()
        (folder / "nftgan.toml").write_text("")
        if text:
            (folder / "collection.json").write_text(text)
    linked = published.root.parent / "linked"
    linked.mkdir()
    (linked / "nftgan.toml").write_text("")
    (linked / "collection.json").symlink_to(published.manifest_path)
    assert shared_pieces(published, manifest) == ""
