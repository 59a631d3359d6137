"""Files of latents where seeds may stand: generate, mix, morph, and the pieces of a collection."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from nftgan.cli.main import app
from nftgan.collection.manifest import Manifest
from nftgan.dataset.pack import write_dataset
from nftgan.errors import UsageError
from nftgan.networks.sources import base_model
from nftgan.pixels import pixel_hash
from nftgan.png import read_png
from nftgan.project import Project
from nftgan.seeds import parse_places
from nftgan.synthesis.latent import Latent
from nftgan.synthesis.latent_files import save_latent
from nftgan.synthesis.model import Model, load_model
from nftgan.workflows.explore import RenderOptions, mix, morph, morph_again
from nftgan.workflows.generate import generate
from nftgan.workflows.init import init
from nftgan.workflows.places import place


@pytest.fixture(scope="module")
def model() -> Model:
    return load_model(base_model())


@pytest.fixture
def mine(model: Model, tmp_path: Path) -> Path:
    """The styles of seed 700, and what they were projected from."""
    about = {"model": model.identity, "steps": 1}
    path = tmp_path / "projected" / "mine-projected.npz"
    path.parent.mkdir()
    save_latent(path, model.ws([700]), about, model.generate([701])[0])
    return path


def test_a_text_names_seeds_files_and_folders(mine: Path) -> None:
    assert parse_places(f"3,{mine},5-6") == (3, mine, 5, 6)
    assert parse_places(f"{mine.parent}/") == (mine,)
    for text, words in ((f"{mine},{mine}", "twice"), (f"{mine.parent.parent}/", "no latents")):
        with pytest.raises(UsageError, match=words):
            parse_places(text)


def test_previews_mixes_and_walks_show_the_latent(model: Model, mine: Path, tmp_path: Path) -> None:
    expected = model.generate([700])[0]
    done = generate("base", (3, mine), tmp_path / "out", trunc=0.3, grid=True)
    assert done.images == 2 and (tmp_path / "out" / "grid.png").is_file()
    shown = read_png(tmp_path / "out" / "latent-mine-projected.png")
    assert np.array_equal(shown, expected)  # truncation has no effect on it
    with Image.open(tmp_path / "out" / "grid.png") as numbered:
        large = np.asarray(numbered)
    again = generate("base", (3,), tmp_path / "plain", trunc=0.3, grid=True, numbers=False)
    assert again.sheet is not None
    with Image.open(again.sheet) as alone:
        bare = np.asarray(alone)
    side = len(bare)  # without numbers it is the image alone
    assert bare.shape == (side, side, 3) and np.array_equal(large[:side, :side], bare)
    assert len(large) > side and large[side:, :side].min() < 128  # its seed
    seed = read_png(tmp_path / "out" / "seed0003.png")
    assert np.array_equal(seed, model.generate([3], trunc=0.3)[0])

    sheet = tmp_path / "mix.png"
    mix("base", (3, mine), (mine, 5), sheet, options=RenderOptions(), layers=(0, 1))
    with Image.open(sheet) as tiles:
        grid = np.asarray(tiles)
    side = model.resolution
    assert np.array_equal(grid[2 * side :, side : 2 * side], expected)  # with itself

    walk = tmp_path / "walk.png"
    made = morph("base", (3, mine, 5), walk, options=RenderOptions(), steps=2, kind="linear")
    with Image.open(walk) as frames:
        frames.seek(2)
        assert np.abs(np.asarray(frames.convert("RGB")).astype(int) - expected).max() <= 1
    morph_again("base", made.recipe, tmp_path / "again.png")
    assert (tmp_path / "again.png").read_bytes() == walk.read_bytes()
    with pytest.raises(UsageError, match="no z"):
        morph("base", (3, mine), walk, options=RenderOptions(), kind="slerp")


def test_a_latent_of_another_model_is_refused(model: Model, mine: Path) -> None:
    save_latent(mine, model.ws([700]), {"model": "sha256:" + "0" * 64})
    with pytest.raises(UsageError, match="of the model sha256:0"):
        place(model, [mine])
    save_latent(mine, np.zeros((1, 3, 5), np.float32))
    with pytest.raises(UsageError, match="the model takes"):
        place(model, [mine])
    save_latent(mine, model.ws([700]))
    assert place(model, [7, mine]).names[place(model, [mine]).numbers[0]] == "mine-projected"
    other = mine.with_name("twin.npz")
    save_latent(other, model.ws([700]))
    with pytest.raises(UsageError, match="hold the same latent"):
        place(model, [mine, other])


@pytest.fixture
def typed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Any:
    monkeypatch.setenv("NFTGAN_HOME", str(tmp_path / "home"))
    init("birds", tmp_path / "collections")

    def call(verb: str, *words: str, expect: int = 0) -> dict[str, Any]:
        root = tmp_path / "collections" / "birds"
        with pytest.raises(SystemExit) as stopped:
            app([verb, "-C", str(root), *words, "--json"], standalone_mode=False)
        document: dict[str, Any] = json.loads(capsys.readouterr().out)
        assert stopped.value.code == expect, document
        return document

    return call


def test_a_latent_becomes_a_piece_with_its_values_in_the_metadata(
    model: Model, mine: Path, tmp_path: Path, typed: Any
) -> None:
    project = Project(tmp_path / "collections" / "birds")
    typed("curate", "-m", "base", "--pick", f"3,{mine},9")
    manifest = Manifest.load(project.manifest_path)
    number = place(model, [mine]).numbers[0]
    assert manifest.seeds == (3, number, 9)
    typed("render")
    typed("metadata")
    own = json.loads((project.metadata / "1.json").read_text())["nftgan"]
    (latent,) = place(model, [mine]).latents
    assert own["seed"] == number and own["recipe"]["latents"] == [latent.hash]
    assert Latent.from_json(own["latent"]) == latent
    finish = manifest.recipe.finish
    recipe = model.recipe(trunc=1, finish=finish)
    assert own["pixels"] == pixel_hash(model.render(700, recipe))
    assert "latent" not in json.loads((project.metadata / "0.json").read_text())["nftgan"]
    typed("regenerate", "1", "-o", str(tmp_path / "again"))
    (again,) = (tmp_path / "again").glob("*.png")
    assert pixel_hash(read_png(again)) == own["pixels"]

    pixels = [piece.pixels for piece in Manifest.load(project.manifest_path).pieces]
    typed("curate", "--tag", f"{number}:Mood=calm")  # words alone: what was rendered stays
    after = Manifest.load(project.manifest_path)
    assert [piece.pixels for piece in after.pieces] == pixels and after.pieces[1].tags["Mood"]
    second = mine.with_name("second.npz")
    save_latent(second, model.ws([702]), {"model": model.identity})
    typed("curate", "-m", "base", "--pick", f"3,{mine},9,{second}")
    more = Manifest.load(project.manifest_path)  # another latent changes no pixel of the others
    assert [piece.pixels for piece in more.pieces] == [*pixels, None]
    assert len(more.recipe.latents) == 2 and more.recipe_hash != after.recipe_hash
    typed("curate", "-m", "base", "--pick", "3,9")
    assert Manifest.load(project.manifest_path).recipe.latents == ()

    typed("curate", "-m", "base", "--pick", f"3,{mine}")
    edited = json.loads(project.manifest_path.read_text())
    for change in (
        lambda token: token.pop("latent"),
        lambda token: token["latent"].update(values=token["latent"]["values"][::-1]),
        lambda token: token.update(seed=4),
    ):
        document = json.loads(json.dumps(edited))
        change(document["tokens"][1])
        with pytest.raises(UsageError):
            Manifest.from_json(document)


def test_a_piece_projected_from_training_art_is_a_copy(
    model: Model, mine: Path, tmp_path: Path, typed: Any
) -> None:
    art = model.generate(range(100, 130))
    art[7] = model.generate([701])[0][:, ::-1]  # mine was projected from it, mirrored
    write_dataset(tmp_path / "art.zip", list(art))
    guarded = ("-m", "base", "--dataset", str(tmp_path / "art.zip"))
    error = typed("curate", *guarded, "--pick", f"3,{mine}", expect=3)["error"]
    assert "mine-projected.npz is projected from an image that is" in error["message"]
    assert "img00000007.png" in error["message"]
    kept = typed("curate", *guarded, "--pick", f"3,{mine}", "--allow-copies")["result"]["kept"]
    assert "projected from" in kept[0]["reason"]
