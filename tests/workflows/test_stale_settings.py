"""Edits of nftgan.toml after curate: noticed by every verb, taken over by one command."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nftgan.collection.manifest import Manifest
from nftgan.project import Project

Answer = Callable[..., Any]


@pytest.fixture
def curated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: Answer) -> Project:
    monkeypatch.setenv("NFTGAN_HOME", str(tmp_path / "home"))
    answer("init", "birds", "--in", str(tmp_path))
    project = Project(tmp_path / "birds")
    for verb in (("curate", "-m", "base", "--pick", "3,8"), ("render",), ("metadata",)):
        answer(verb[0], "-C", str(project.root), *verb[1:])
    return project


def edit(project: Project, *changes: tuple[str, str]) -> None:
    text = project.config_path.read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    project.config_path.write_text(text)


def test_every_verb_notices_an_edit_and_one_command_takes_it_over(
    curated: Project, answer: Answer
) -> None:
    where = ("-C", str(curated.root))
    edit(curated, ('name = "birds"', 'name = "My Art"'), ('upscale = "auto"', "upscale = 4"))
    edit(curated, ("percent = 5.0", "percent = 7.5"))
    for verb in ("render", "metadata", "pin", "deploy"):
        error = answer(verb, *where, expect=2)
        assert "changed since curate: name, upscale, percent" in error["message"], verb
        assert "nftgan curate --same" in error["hint"]
    error = answer("metadata", *where, "--check", expect=3)
    assert "name, upscale, percent" in error["message"]
    steps = answer("status", *where)
    assert steps["next"].startswith("nftgan curate --same")
    before = Manifest.load(curated.manifest_path)
    answer("curate", *where, "--same")
    after = Manifest.load(curated.manifest_path)
    assert after.seeds == before.seeds
    assert (after.collection.name, after.royalties.percent) == ("My Art", 7.5)
    assert after.recipe.size == (128, 128)
    assert not after.rendered
    for verb in ("render", "metadata"):
        answer(verb, *where)
    plan = answer("deploy", *where, "--force", "--dry-run")
    assert plan["fixed"]["name"] == "My Art"
    assert plan["fixed"]["royalty_bps"] == 750


def test_words_alone_keep_what_was_rendered(curated: Project, answer: Answer) -> None:
    edit(curated, ('description = ""', 'description = "Birds, drawn by chance."'))
    answer("curate", "-C", str(curated.root), "--same")
    assert Manifest.load(curated.manifest_path).rendered


def test_a_mark_of_a_near_copy_outlives_new_settings(curated: Project, answer: Answer) -> None:
    manifest = Manifest.load(curated.manifest_path)
    from dataclasses import replace

    marked = [replace(piece, override_reason="too like") for piece in manifest.pieces]
    manifest.with_pieces(marked).save(curated.manifest_path)
    edit(curated, ("trunc = 0.7", "trunc = 0.6"))
    answer("curate", "-C", str(curated.root), "--same")
    assert {p.override_reason for p in Manifest.load(curated.manifest_path).pieces} == {"too like"}


@pytest.mark.parametrize(
    ("old", "new"),
    [("percent = 5.0", "percent = 500"), ('symbol = "BIRDS"', 'symbol = "FARTOOLONGSYMBOL"')],
)
def test_a_value_that_can_never_be_right_stops_before_anything_is_made(
    curated: Project, answer: Answer, old: str, new: str
) -> None:
    edit(curated, (old, new))
    for verb in (("curate", "--same"), ("render",), ("deploy",)):
        message = answer(verb[0], "-C", str(curated.root), *verb[1:], expect=2)["message"]
        assert new.split()[0] in message


def test_after_deploy_the_contract_counts_and_nothing_stops(
    published: Project, answer: Answer
) -> None:
    edit(published, ('name = "birds"', 'name = "Other"'))
    answer("mint", "-C", str(published.root), "--force")
    steps = answer("status", "-C", str(published.root))["steps"]
    assert "nftgan.toml says another name" in str(steps)
