"""`nftgan curate --pick`: copies are refused or kept knowingly, tags go on to the metadata."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nftgan.cli.main import app
from nftgan.collection.manifest import Manifest
from nftgan.dataset.pack import write_dataset
from nftgan.networks.model_file import ModelFile, open_model, write_model
from nftgan.networks.sources import base_model
from nftgan.progress import NullProgress
from nftgan.project import Project
from nftgan.synthesis.model import load_model
from nftgan.workflows.curate import curate
from nftgan.workflows.generate import generate
from nftgan.workflows.init import init
from nftgan.workflows.status import status


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setenv("NFTGAN_HOME", str(tmp_path / "home"))
    init("birds", tmp_path / "collections")
    return Project(tmp_path / "collections" / "birds")


@pytest.fixture
def typed(project: Project, capsys: pytest.CaptureFixture[str]) -> Any:
    """typed("curate", …, expect=0): the document of one command on the collection."""

    def call(verb: str, *words: str, expect: int = 0) -> dict[str, Any]:
        with pytest.raises(SystemExit) as stopped:
            app([verb, "-C", str(project.root), *words, "--json"], standalone_mode=False)
        document: dict[str, Any] = json.loads(capsys.readouterr().out)
        assert stopped.value.code == expect, document
        return document

    return call


def kept(project: Project) -> dict[int, str | None]:
    return {
        piece.seed: piece.override_reason for piece in Manifest.load(project.manifest_path).pieces
    }


def test_a_copy_picked_by_hand_needs_the_flag_and_is_remembered(
    project: Project, typed: Any, tmp_path: Path
) -> None:
    trunc = project.config.recipe.trunc
    art = load_model(base_model()).generate(seeds=range(100, 140), trunc=trunc)
    art[7] = load_model(base_model()).generate(seeds=[5], truncation_psi=trunc)[0][:, ::-1]
    files = [{"source": f"birds/drawing {number}.png"} for number in range(len(art))]
    write_dataset(tmp_path / "art.zip", list(art), notes={"sources": files})
    guarded = ("-m", "base", "--dataset", str(tmp_path / "art.zip"))
    error = typed("curate", *guarded, "--pick", "3,5,9", expect=3)["error"]
    assert "seed 5 is" in error["message"] and "birds/drawing 7.png" in error["message"]
    assert "--allow-copies" in error["hint"] and not project.manifest_path.exists()
    result = typed("curate", *guarded, "--pick", "3,5,9", "--allow-copies")["result"]
    assert [one["seed"] for one in result["kept"]] == [5]
    assert "birds/drawing 7.png" in result["kept"][0]["reason"]  # the artist knows no other name
    reasons = kept(project)
    assert "00000/img00000007.png" in (reasons[5] or "")  # a manifest tells no names of files
    assert "training image" in (reasons[5] or "") and reasons[3] is reasons[9] is None
    typed("curate", "-m", "base", "--pick", "5,9")  # without the art nobody can know better
    assert kept(project) == {5: reasons[5], 9: None}
    assert "1 too like other art" in status(project).steps[0].found
    typed("curate", *guarded, "--pick", "3,9")
    assert kept(project) == {3: None, 9: None}
    typed("curate", *guarded, "--auto", "2", "--seeds", "5", "--allow-copies", expect=2)
    typed("curate", *guarded, "--auto", "1", "--seeds", "5", expect=2)
    typed("curate", *guarded, "--auto", "1", "--seeds", "5", "--allow-copies")
    assert kept(project) == {5: reasons[5]}
    typed("render")
    typed("metadata")
    assert kept(project) == {5: reasons[5]}
    assert typed("deploy", "--dry-run", "--force")["result"]["kept"] == [
        0
    ]  # said before it is sent


def test_tags_are_set_and_taken_back_without_the_studio(project: Project, typed: Any) -> None:
    bad = typed("curate", "-m", "base", "--pick", "3,7", "--tag", "3:Warmth=hot", expect=2)
    assert "sets it itself" in bad["error"]["message"]
    typed("curate", "-m", "base", "--pick", "3,7", "--tag", "Mood=calm", expect=2)
    assert not project.ratings_path.exists()
    typed("curate", "--tag", "3:Hat=top", "-m", "base", expect=2)  # kept for later
    typed("curate", "-m", "base", "--pick", "3,7", "--tag", "3,7:Mood=calm", "--tag", "7:Mood=wild")
    typed("render")
    typed("metadata")
    pieces = Manifest.load(project.manifest_path).pieces
    assert [piece.tags for piece in pieces] == [{"Hat": "top", "Mood": "calm"}, {"Mood": "wild"}]
    token = json.loads((project.metadata / "0.json").read_bytes())
    assert {"trait_type": "Hat", "value": "top"} in token["attributes"]
    assert typed("metadata", "--check")["result"]["problems"] == []
    typed("curate", "--tag", "3:Hat=")
    after = Manifest.load(project.manifest_path).pieces
    assert after[0].tags == {"Mood": "calm"} and after[0].pixels == pieces[0].pixels
    typed("metadata", "--check", expect=2)  # no CIDs any more: metadata comes next
    typed("metadata")
    assert "Hat" not in (project.metadata / "0.json").read_text()


def test_a_tag_for_what_is_no_piece_is_told(
    project: Project, typed: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    typed("curate", "-m", "base", "--pick", "3,5")
    for tag, told in (("5,77:Hat=top", True), ("5:Hat=top", False)):
        with pytest.raises(SystemExit):
            app(["curate", "-C", str(project.root), "--tag", tag], standalone_mode=False)
        assert ("no pieces: seeds 77;" in capsys.readouterr().err) == told


def test_a_choice_that_another_one_replaces_is_kept_with_its_model(
    project: Project, typed: Any, tmp_path: Path
) -> None:
    typed("curate", "-m", "base", "--pick", "3,5,9")
    first = project.manifest_path.read_bytes()
    assert typed("curate", "-m", "base", "--pick", "3,5,9")["result"]["replaced"] is None
    kept_in = Path(typed("curate", "-m", "base", "--pick", "7")["result"]["replaced"])
    assert kept_in == project.root / "history" / "0001"
    assert (kept_in / "collection.json").read_bytes() == first
    assert not (kept_in / "model.safetensors").exists()  # the same model is still in its place
    model = project.model_path.read_bytes()
    whole = open_model(base_model())
    tensors = dict(whole.generator)
    name = next(name for name in tensors if name.endswith("bias"))
    tensors[name] = tensors[name] + 1
    write_model(
        tmp_path / "other.safetensors",
        ModelFile(whole.generator_config, tensors, meta=whole.meta),
    )
    second = project.manifest_path.read_bytes()
    other = ("-m", str(tmp_path / "other.safetensors"))
    kept_in = Path(typed("curate", *other, "--pick", "7")["result"]["replaced"])
    assert kept_in.name == "0002"
    assert (kept_in / "model.safetensors").read_bytes() == model
    assert (kept_in / "collection.json").read_bytes() == second


def test_a_lost_model_is_never_answered_by_picking_other_pieces(
    project: Project, typed: Any
) -> None:
    typed("curate", "-m", "base", "--pick", "3,5")
    project.model_path.unlink()
    hint = typed("render", expect=2)["error"]["hint"]
    assert "copy it back" in hint and "--auto" not in hint


class Notes(NullProgress):
    """Keeps what was noted."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, message: str) -> None:
        self.notes.append(message)


def test_a_list_of_colours_that_is_none_is_told_once_where_auto_would_follow_it(
    project: Project, tmp_path: Path
) -> None:
    base = open_model(base_model(16))
    art = {"pixel_art": {"grid": 8, "colours": 6, "art_colours": "none"}}
    write_model(tmp_path / "m.safetensors", replace(base, meta={"dataset": art}))
    one = {"model": str(tmp_path / "m.safetensors"), "pick": [3]}
    heard = Notes()
    curate(project, **one, progress=heard)
    assert sum("no list of them: any colour" in line for line in heard.notes) == 1
    text = project.config_path.read_text()
    assert 'colours = "auto"' in text
    project.config_path.write_text(text.replace('colours = "auto"', 'colours = "all"'))
    heard = Notes()
    curate(Project(project.root), **one, progress=heard)
    assert not any("no list" in line for line in heard.notes)
    heard = Notes()
    look: dict[str, Any] = {"progress": heard}
    generate(one["model"], [3], tmp_path / "one", **look)
    generate(one["model"], [3], tmp_path / "two", art_colours=False, **look)
    assert sum("no list of them: any colour" in line for line in heard.notes) == 1
