"""Parts by name: the core's first, a plugin's beside them, a broken one named and left out."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import pytest

from nftgan import plugins
from nftgan.errors import UsageError
from nftgan.plugins import (
    GROUPS,
    MissingPlugin,
    Part,
    PluginError,
    of_package,
    parts,
    register,
    working,
)

GROUP = "nftgan.commands"
THING = object()


def package(folder: Path, name: str, entries: str, version: str = "1.0") -> None:
    """The metadata of an installed package."""
    info = folder / f"{name}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (info / "entry_points.txt").write_text(f"[{GROUP}]\n{entries}\n")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(plugins, "_own", {})
    monkeypatch.setattr(plugins, "_said", set())
    monkeypatch.setattr(sys, "path", [str(tmp_path / "site"), *sys.path])
    return tmp_path / "site"


def test_a_name_of_the_core_is_not_taken_and_nothing_is_loaded_to_list(
    site: Path, caplog: pytest.LogCaptureFixture
) -> None:
    register(GROUP, {"mint": f"{__name__}:THING"})
    package(site, "other-tools", "mint = missing:x\nzoo = missing:y\n-rf = missing:z")
    with caplog.at_level(logging.WARNING):
        found = parts(GROUP)
        parts(GROUP)
    assert list(found) == ["mint", "zoo"]
    assert found["mint"].is_core and found["mint"].load() is THING
    assert found["zoo"] == Part(GROUP, "zoo", "missing:y", "other-tools 1.0")
    assert len(caplog.messages) == 2  # each once, however often the group is listed
    assert any("another mint" in line for line in caplog.messages)
    assert any("cannot be typed" in line for line in caplog.messages)


def test_a_broken_one_is_left_out_and_named_without_its_control_characters(
    site: Path, caplog: pytest.LogCaptureFixture
) -> None:
    site.mkdir()
    (site / "shouts.py").write_text("raise SystemExit('\\x1b[31mgone')\n")
    package(site, "shouting", "loud = shouts:verb\nfine = json:loads.__name__")
    with caplog.at_level(logging.WARNING):
        assert [(part.name, thing) for part, thing in working(GROUP)] == [("fine", "loads")]
    (line,) = caplog.messages
    assert "loud" in line and "shouting 1.0" in line and "\x1b" not in line
    with pytest.raises(PluginError) as caught:
        parts(GROUP)["loud"].load()
    assert caught.value.exit_code == UsageError.exit_code
    assert caught.value.hint == "pip install -U shouting, or uninstall it"


def test_the_working_directory_is_not_looked_at(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trap = tmp_path / "trap"
    package(trap, "evil", "evil = evil:verb")
    monkeypatch.chdir(trap)
    for entry in ("", ".", str(trap)):
        monkeypatch.setattr(sys, "path", [entry, *sys.path])
        assert "evil" not in parts(GROUP)


def test_two_packages_with_the_same_name_are_told_apart_by_whom_is_asked_for(site: Path) -> None:
    package(site, "a-tools", "zoo = json:loads")
    package(site, "b-tools", "zoo = json:dumps")
    assert parts(GROUP)["zoo"].project == "a-tools"
    for project in ("a-tools", "b-tools"):
        assert of_package(GROUP, "zoo", project, needed="it needs zoo").project == project
    with pytest.raises(MissingPlugin) as caught:
        of_package(GROUP, "zoo", "c-tools", needed="it needs zoo of c-tools")
    assert caught.value.message == (
        "it needs zoo of c-tools, and here zoo is another one, of a-tools 1.0, b-tools 1.0"
    )
    assert "pip install" not in str(caught.value.hint)
    with pytest.raises(MissingPlugin, match="it needs gnu, which is not here"):
        of_package(GROUP, "gnu", "a-tools", needed="it needs gnu")


def test_a_part_of_the_core_is_no_package_that_a_file_may_name(site: Path) -> None:
    register(GROUP, {"mint": f"{__name__}:THING"})
    with pytest.raises(MissingPlugin, match="mint is another one, of nftgan itself"):
        of_package(GROUP, "mint", "nftgan", needed="it needs mint")


def test_of_a_package_that_is_installed_twice_the_one_that_is_imported_counts(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    package(site, "Art_Tools", "zoo = json:loads", "2.0")
    package(tmp_path / "later", "art-tools", "zoo = json:dumps", "1.0")
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path / "later")])
    with caplog.at_level(logging.WARNING):
        assert parts(GROUP)["zoo"].package == "Art_Tools 2.0"
    assert not caplog.messages


def test_a_package_has_one_spelling() -> None:
    assert Part(GROUP, "x", "a:b", "Art__Tools.More 2.0").project == "art-tools-more"


def test_every_group_is_in_the_manual() -> None:
    manual = (Path(__file__).parent.parent / "docs" / "extending.md").read_text(encoding="utf-8")
    assert len(set(GROUPS)) == len(GROUPS) == 9
    for group in GROUPS:
        assert f"| `{group}` |" in manual, group
