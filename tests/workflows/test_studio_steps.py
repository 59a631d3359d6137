"""What the studio's buttons do to a real collection: look, render, metadata, site, film."""

from __future__ import annotations

from pathlib import Path

import pytest

from nftgan.collection.manifest import Manifest
from nftgan.errors import UsageError
from nftgan.networks.model_file import save_model
from nftgan.progress import SILENT
from nftgan.project import Project
from nftgan.synthesis.model import load_model
from nftgan.workflows.curate import curate
from nftgan.workflows.init import RecipeDefaults, init
from nftgan.workflows.studio_steps import TomlLook, later_steps, pieces_as_made
from tests.synthesis import tiny


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A collection of two pieces of a tiny model."""
    folder = tmp_path_factory.mktemp("steps")
    model = tiny.stylegan3()
    save_model(folder / "tiny.safetensors", generator=model.generator, meta={})
    root = init("birds", folder, RecipeDefaults(upscale=2)).folder
    assert pieces_as_made(root) is None
    curate(Project(root), model=str(folder / "tiny.safetensors"), pick=[3, 1], allow_copies=True)
    return root


def test_the_next_steps_follow_each_other_from_the_page(root: Path) -> None:
    model = load_model(root / "model.safetensors")
    recipe = model.recipe_of(Project(root).config.recipe)
    steps = later_steps(root, str(root / "model.safetensors"), lambda: recipe)
    assert pieces_as_made(root) == (3, 1)
    assert "2 images made" in steps["render"](SILENT, {})
    assert "2 pieces described" in steps["metadata"](SILENT, {})
    assert "birds.car" in steps["pin"](SILENT, {})
    assert (root / "birds.car").exists()
    assert "index.html" in steps["site"](SILENT, {}) and (root / "site" / "index.html").exists()
    assert Manifest.load(Project(root).manifest_path).cids.metadata is not None


def test_a_film_is_made_of_a_walk_and_a_wrong_wish_is_refused(root: Path) -> None:
    pytest.importorskip("av")
    model = load_model(root / "model.safetensors")
    recipe = model.recipe_of(Project(root).config.recipe)
    film = later_steps(root, str(root / "model.safetensors"), lambda: recipe)["film"]
    film(SILENT, {"seeds": [3, 1], "steps": 3, "kind": "linear", "fps": 30})
    assert (root / "walk.mp4").stat().st_size > 500
    good = {"seeds": [3, 1], "steps": 3, "kind": "linear", "fps": 30}
    for wrong in ({"seeds": [3]}, {"steps": 0}, {"kind": "../x"}, {"fps": True}, {"seeds": "3,1"}):
        with pytest.raises(UsageError):
            film(SILENT, {**good, **wrong})


def test_a_look_is_written_between_the_words_of_the_artist(root: Path) -> None:
    model = load_model(root / "model.safetensors")
    path = root / "nftgan.toml"
    before = path.read_text()
    look = TomlLook(path, model)
    was, recipe = look.write({"trunc": 0.4, "pixel_grid": 8})
    assert recipe.trunc == 0.4 and recipe.finish is not None and recipe.finish.grid == 8
    comments = [line.partition("#")[2] for line in before.splitlines()]
    assert [line.partition("#")[2] for line in path.read_text().splitlines()] == comments
    look.write(was)
    assert path.read_text() == before
    with pytest.raises(UsageError, match="finer than"):
        look.write({"pixel_grid": 64})
    assert path.read_text() == before
