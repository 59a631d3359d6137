"""A small collection that is deployed on the embedded chain, made once and copied to each test."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nftgan.cli.main import app
from nftgan.project import Project
from tests.ipfs.fake_node import FakeNode, running
from tests.ipfs.fake_services import TOKEN, FakeServices
from tests.workflows.sale_desk import SaleDesk

EXAMPLE = Path(__file__).parents[2] / "collections" / "avatars"


def _run(*words: str) -> None:
    with pytest.raises(SystemExit) as stopped:
        app([*words, "--json"], standalone_mode=False)
    assert stopped.value.code == 0, words


@pytest.fixture(scope="session")
def _deployed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("deployed")
    where = ("-C", str(folder / "birds"))
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("NFTGAN_HOME", str(folder / "home"))
        _run("init", "birds", "--in", str(folder))
        _run("curate", *where, "-m", "base", "--pick", "3,8,15")
        _run("render", *where)
        _run("metadata", *where)
        _run("deploy", *where, "--force")
    return folder


@pytest.fixture
def published(_deployed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Three pieces, rendered and deployed, none minted; nothing is pinned."""
    shutil.copytree(_deployed, tmp_path, dirs_exist_ok=True)
    monkeypatch.setenv("NFTGAN_HOME", str(tmp_path / "home"))
    return Project(tmp_path / "birds")


@pytest.fixture
def answer(capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """answer("mint", …, expect=0): the result, or the error, of one command in this process."""

    def call(*words: str, expect: int = 0) -> Any:
        with pytest.raises(SystemExit) as stopped:
            app([*words, "--json"], standalone_mode=False)
        document = json.loads(capsys.readouterr().out)
        assert stopped.value.code == expect, document
        return document["result"] if document["ok"] else document["error"]

    return call


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A copy of the example collection, of a person who has done nothing yet."""
    monkeypatch.setenv("NFTGAN_HOME", str(tmp_path / "home"))
    shutil.copytree(EXAMPLE, tmp_path / "avatars")
    return Project(tmp_path / "avatars")


@pytest.fixture
def node(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeNode]:
    """A Kubo node on this machine, which the settings name."""
    with running(FakeNode()) as fake:
        monkeypatch.setenv("NFTGAN_IPFS_API", fake.url)
        yield fake


@pytest.fixture
def services(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeServices]:
    """Pinning services on this machine, which the settings name."""
    with running(FakeServices()) as fake:
        for name in ("PINATA_UPLOAD_URL", "PINATA_API_URL", "PINATA_GATEWAY"):
            monkeypatch.setenv(f"NFTGAN_{name}", fake.url)
        monkeypatch.setenv("NFTGAN_PINATA_JWT", TOKEN)
        yield fake


@pytest.fixture
def desk(published: Project, answer: Callable[..., Any]) -> SaleDesk:
    return SaleDesk(published, answer)
