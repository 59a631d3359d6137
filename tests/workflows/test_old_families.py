"""A checkpoint of the original StyleGAN through every verb that takes a model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from nftgan.networks.published import STYLEGAN1_LICENCE, STYLEGAN1_NOTICE
from nftgan.synthesis import projection
from nftgan.synthesis.model import load_model
from nftgan.workflows.explore import RenderOptions, mix, morph
from nftgan.workflows.generate import generate
from nftgan.workflows.model import blend_models, model_export, model_import, model_info
from nftgan.workflows.projecting import SearchOptions, project
from tests.networks.stylegan1_writer import arguments, checkpoint, variables
from tests.workflows.test_model_workflows import Warnings


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("files") / "karras2019.pkl"
    path.write_bytes(checkpoint(variables(), arguments()))
    return path


def test_images_grids_and_walks_are_made_of_it(
    tmp_path: Path, published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projection, "STARTS", 4)
    made = generate(str(published), [1, 2], tmp_path / "out", trunc=0.7, cutoff=4)
    assert made.images == 2
    options = RenderOptions(trunc=0.7)
    mix(str(published), [1], [2, 3], tmp_path / "mix.png", options=options, layers=[3, 4, 5])
    with Image.open(tmp_path / "mix.png") as grid:
        assert grid.width > grid.height >= 32
    morph(str(published), [1, 2], tmp_path / "walk.gif", options=options, steps=3)
    with Image.open(tmp_path / "walk.gif") as walk:
        assert walk.n_frames > 1
    found = project(
        str(published),
        tmp_path / "out" / "seed0001.png",
        tmp_path / "found",
        options=SearchOptions(steps=2, loss="pixels"),
    )
    assert found.distance < 1


def test_it_is_told_of_taken_in_and_handed_on(tmp_path: Path, published: Path) -> None:
    info = model_info(published)
    assert (info["kind"], info["resolution"], info["classes"]) == ("stylegan1", 16, 0)
    assert info["discriminator"] is None and json.loads(json.dumps(info)) == info
    warnings = Warnings()
    ours = model_import(published, tmp_path / "in.safetensors", progress=warnings)
    assert ours.licence == STYLEGAN1_LICENCE and warnings.seen == [STYLEGAN1_NOTICE]
    half = model_export(ours.output, tmp_path / "half.safetensors", "float16")
    assert model_info(half.output)["parent"]["notice"] == STYLEGAN1_NOTICE
    before, after = (load_model(one.output).render(3).astype(int) for one in (ours, half))
    assert 0 < abs(before - after).max() < 16
    mixed = blend_models(ours.output, half.output, tmp_path / "both.safetensors", "8")
    assert mixed.layers == ("b8", "b16")


def test_a_piece_of_it_is_the_same_from_pickle_and_file(tmp_path: Path, published: Path) -> None:
    ours = model_import(published, tmp_path / "in.safetensors").output
    piece, again = (load_model(path).render_checked(5) for path in (published, ours))
    assert (piece.image == again.image).all() and piece.safe
