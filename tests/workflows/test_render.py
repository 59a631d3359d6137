"""render goes on where it was killed; see test_shared_work for what several processes do."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nftgan.collection.manifest import Cids, Piece, load_manifest
from nftgan.project import Project
from nftgan.workflows import render as subject
from nftgan.workflows.render import render


def unrendered(project: Project, place: Path) -> Project:
    """A copy before `render`."""
    shutil.copytree(project.root, place)
    shutil.rmtree(place / "images")
    shutil.rmtree(place / "deployments")
    project = Project(place)
    manifest = load_manifest(project)
    bare = [Piece(piece.id, piece.seed, piece.name) for piece in manifest.pieces]
    dataclasses.replace(manifest, pieces=tuple(bare), cids=Cids()).save(project.manifest_path)
    return project


def test_images_of_a_run_that_was_killed_are_not_made_again(
    published: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed with -9 nothing is saved at the end: the notes beside the images say what they are."""
    project = unrendered(published, tmp_path / "one")
    once: Callable[..., Any] = subject._render_one
    calls = 0

    def dying(*arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise SystemExit
        return once(*arguments)

    monkeypatch.setattr(subject, "_render_one", dying)
    with monkeypatch.context() as patched:
        patched.setattr(subject, "_take_notes", lambda project, manifest, fresh=None: manifest)
        with pytest.raises(SystemExit):
            render(project)
    assert not any(piece.pixels for piece in load_manifest(project).pieces)
    monkeypatch.setattr(subject, "_render_one", once)
    assert (render(project).rendered, render(project).skipped) == (1, 3)
