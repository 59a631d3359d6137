"""render: shared by the processes of a group, killed and gone on with, always the same files."""

from __future__ import annotations

import dataclasses
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nftgan.collection.manifest import Cids, Piece, load_manifest
from nftgan.project import Project
from nftgan.workflows import render as subject
from nftgan.workflows.render import NOTES, render
from tests.workflows.pairs import pair


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


def files(project: Project) -> dict[str, bytes]:
    paths = [project.manifest_path, *project.images.iterdir()]
    return {path.name: path.read_bytes() for path in paths}


def test_two_processes_make_the_files_of_one_and_a_killed_one_costs_one_image(
    published: Project, tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone, both, killed = (unrendered(published, tmp_path / n) for n in ("alone", "both", "killed"))
    assert (render(alone).rendered, render(alone).skipped) == (3, 3)
    folder, made, once = tmp_path / "pair", list[int](), subject._render_one

    def patient(*arguments: Any) -> Any:
        """The main process makes nothing more until the other has died, in the second run."""
        made.append(arguments[2])
        if len(set(made)) < len(made) or (folder / "first").exists():
            deadline = time.monotonic() + 100
            while not (folder / "second").exists() and time.monotonic() < deadline:
                time.sleep(0.02)
        return once(*arguments)

    monkeypatch.setattr(subject, "_render_one", patient)
    commands = [["render", "-C", str(both.root)], ["die", "render", "-C", str(killed.root)]]
    (code, document), (died, refused) = pair(folder, commands, capsys)
    assert code == 0 and document["result"]["rendered"] == 3 and document["result"]["kept"] == 0
    assert files(both) == files(alone)
    assert not (both.root / NOTES).exists()

    assert died == 6 and refused["error"]["kind"] == "partly_done"
    assert "another process" in refused["error"]["message"]
    pixels = [piece.pixels is not None for piece in load_manifest(killed).pieces]
    assert sum(pixels) == 2, "what the dead process had made is known, too"
    assert not list(killed.images.glob(".*"))
    monkeypatch.setattr(subject, "_render_one", once)
    again = render(killed)
    assert (again.rendered, again.skipped) == (1, 2)
    assert files(killed) == files(alone)


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
