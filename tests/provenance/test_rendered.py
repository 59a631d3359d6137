"""Notes of images that were made again: kept line by line, of this version alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from nftgan.provenance.rendered import Made, RenderedNotes

ONE = Made("sha256:m", "sha256:r", 7, "sha256:p", True, 0.25, "1.0")


def test_a_note_is_found_again_by_model_recipe_and_seed(tmp_path: Path) -> None:
    path = tmp_path / "rendered.jsonl"
    notes = RenderedNotes("1.0", path)
    notes.add(ONE)
    notes.add(replace(ONE, seed=8))
    again = RenderedNotes("1.0", path)
    assert again.earlier == 2
    assert again.get("sha256:m", "sha256:r", 7) == ONE
    assert again.get("sha256:m", "sha256:other", 7) is None


def test_a_line_that_is_cut_and_one_of_another_version_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "rendered.jsonl"
    RenderedNotes("1.0", path).add(ONE)
    RenderedNotes("0.9", path).add(replace(ONE, seed=8, version="0.9"))
    with path.open("a") as file:
        file.write('{"model": "sha256:m", "rec')
    assert RenderedNotes("1.0", path).earlier == 1


def test_without_a_file_notes_are_of_this_run(tmp_path: Path) -> None:
    notes = RenderedNotes("1.0")
    notes.add(ONE)
    assert notes.get("sha256:m", "sha256:r", 7) == ONE and not list(tmp_path.iterdir())
