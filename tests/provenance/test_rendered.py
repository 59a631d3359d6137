"""Notes of images that were made again: kept line by line, of this version alone."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

from nftgan.provenance.rendered import Made, RenderedNotes

M, R, P = (f"sha256:{digit * 64}" for digit in "abc")
ONE = Made(M, R, 7, P, True, 0.25, "1.0")


def test_a_note_is_found_again_by_model_recipe_and_seed(tmp_path: Path) -> None:
    path = tmp_path / "rendered.jsonl"
    notes = RenderedNotes("1.0", path)
    notes.add(ONE)
    notes.add(replace(ONE, seed=8))
    again = RenderedNotes("1.0", path)
    assert again.earlier == 2
    assert again.get(M, R, 7) == ONE
    assert again.get(M, P, 7) is None


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
    assert notes.get(M, R, 7) == ONE and not list(tmp_path.iterdir())


def test_a_line_that_no_process_of_ours_wrote_is_left_out(tmp_path: Path) -> None:
    """Notes of `render` lie in the collection folder, which may be somebody else's."""
    path = tmp_path / "rendered.jsonl"
    wrong = [
        *({"model": ["x"]}, {"seed": {}}, {"seed": True}, {"pixels": 5}, {"pixels": "sha256:p"}),
        *({"safe": 1}, {"margin": "wide"}, {"more": 1}),
    ]
    lines = [json.dumps(asdict(ONE) | change) for change in wrong]
    path.write_text("\n".join(["[]", "7", *lines, json.dumps(asdict(ONE))]))
    notes = RenderedNotes("1.0", path)
    assert notes.earlier == 1 and notes.get(M, R, 7) == ONE
