"""morph, mix and project through the command line, on the model that ships."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from nftgan import memory
from nftgan.cli.main import app
from nftgan.ipfs import cid_of_path
from nftgan.networks.sources import base_model
from nftgan.synthesis.model import load_model
from nftgan.synthesis.recipe import Finish


def call(*arguments: str) -> int:
    with pytest.raises(SystemExit) as stopped:
        app(list(arguments), standalone_mode=False)
    return int(stopped.value.code or 0)


def test_a_walk_visits_its_seeds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "walk.png"
    assert (
        call("morph", "-m", "base", "--seeds", "3,8", "--steps", "4", "-o", str(target), "--json")
        == 0
    )
    assert json.loads(capsys.readouterr().out)["result"]["frames"] == 8
    expected = load_model(base_model()).generate(seeds=[3, 8])
    with Image.open(target) as shown:
        for seed, frame in ((0, 0), (1, 4)):
            shown.seek(frame)
            apart = np.asarray(shown.convert("RGB")).astype(int) - expected[seed]
            assert np.abs(apart).max() <= 1  # both are float32 previews


def test_a_walk_that_does_not_fit_in_memory_is_refused_before_it_is_drawn(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "free_memory", lambda: 20_000)
    words = ["morph", "-m", "base", "--seeds", "3,8", "--steps", "4", "-o"]
    assert call(*words, str(tmp_path / "walk.gif")) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert "8 frames of 32x32 pixels need" in said
    assert ".mp4" in said
    assert not list(tmp_path.iterdir())


def test_a_film_is_made_again_from_the_recipe_beside_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    film = tmp_path / "walk.mp4"
    look = ["--trunc=0.6", "--pixel-grid=16", "--upscale=3", "--kind=slerp", "--fps=12"]
    words = ["morph", "-m", "base", "--seeds", "9,2,4", "--steps", "3", *look, "-o", str(film)]
    assert call(*words, "--json") == 0
    result = json.loads(capsys.readouterr().out)["result"]
    assert result["cid"] == cid_of_path(film) and result["recipe"] == f"{film}.json"
    again = tmp_path / "again.mp4"
    beside = str(film) + ".json"
    assert call("morph", "-m", "base", "--again", beside, "-o", str(again)) == 0
    assert again.read_bytes() == film.read_bytes()
    assert Path(f"{again}.json").read_bytes() == Path(beside).read_bytes()
    model = load_model(base_model())
    finish = Finish(16, 0, 3)
    stops = model.generate([9, 2, 4], truncation_psi=0.6, finish=finish)
    with av.open(str(film)) as container:
        shown = [f.to_ndarray(format="rgb24", src_colorspace="ITU709") for f in container.decode()]
    assert len(shown) == 9 and shown[0].shape == (48, 48, 3)
    for image, stop in zip(shown[::3], stops, strict=True):
        assert np.abs(image.astype(int) - stop).mean() < 12  # colour at half the sharpness
    other = json.loads(Path(beside).read_text())
    for change, words_ in (
        ({"recipe": {**other["recipe"], "model": "sha256:" + "0" * 64}}, "was made with the model"),
        ({"nftgan_walk": 2}, "is no recipe of a walk"),
        ({"seeds": ["9"]}, "is no number"),
        ({"kind": "bezier"}, "no kind of walk"),
    ):
        Path(beside).write_text(json.dumps({**other, **change}))
        assert call("morph", "-m", "base", "--again", beside, "-o", str(again)) == 2
        assert words_ in " ".join(capsys.readouterr().err.split())


def test_a_mixing_grid_is_headed_by_its_rows_and_columns(tmp_path: Path) -> None:
    target = tmp_path / "mix.png"
    assert call("mix", "-m", "base", "--rows", "0-1", "--columns", "5-7", "-o", str(target)) == 0
    with Image.open(target) as grid:
        assert grid.size == (4 * 32, 3 * 32)


def test_images_in_the_colours_of_the_art_have_no_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    listed = load_model(base_model(16)).in_art_colours(None).colours
    art = {listed[at : at + 6] for at in range(0, len(listed), 6)}
    look = ["--palette", "4", "--colours", "art"]
    assert call("generate", "-m", "base-16", "--seeds", "3", *look, "-o", str(tmp_path)) == 0
    mix = ["mix", "-m", "base-16", "--rows", "3", "--columns", "4", *look]
    assert call(*mix, "-o", str(tmp_path / "mix.png")) == 0
    for name in ("seed0003.png", "mix.png"):
        pixels = np.asarray(Image.open(tmp_path / name).convert("RGB")).reshape(-1, 3)
        seen = {pixel.tobytes().hex() for pixel in pixels}
        assert len(seen) >= 2 and seen <= art | {"000000"}  # the corner of the mixes is black
    for model, word in (("base-32", "art"), ("base-16", "red")):
        wrong = ["generate", "-m", model, "--colours", word, "-o", str(tmp_path / "none")]
        assert call(*wrong) == 2
    assert "--colours is auto, art or all, not 'red'" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


def test_images_of_pixel_art_keep_any_colour_where_all_are_asked_for(tmp_path: Path) -> None:
    model = load_model(base_model(16))
    finish = model.preview_finish()
    assert finish is not None and finish.colours
    for colours, listed in (("auto", finish.colours), ("all", "")):
        out = tmp_path / colours
        words = ["generate", "-m", "base-16", "--seeds", "3", "--colours", colours]
        assert call(*words, "-o", str(out)) == 0
        recipe = model.recipe(finish=replace(finish, colours=listed))
        pixels = np.asarray(Image.open(out / "seed0003.png").convert("RGB"))
        assert np.array_equal(pixels, model.generate([3], recipe)[0])


def test_an_image_that_the_model_made_is_found_again(tmp_path: Path) -> None:
    source = tmp_path / "mine.png"
    # Not one of the seeds that a search may start from.
    Image.fromarray(load_model(base_model()).generate(seeds=[777])[0]).save(source)
    out = tmp_path / "found"
    film = tmp_path / "search.webp"
    words = ["project", str(source), "-m", "base", "--steps", "60", "--loss=pixels"]
    assert call(*words, "--film", str(film), "-o", str(out)) == 0
    with Image.open(source) as one, Image.open(out / "mine-projected.png") as other:
        difference = np.asarray(one).astype(float) - np.asarray(other)
    assert np.sqrt(np.square(difference).mean()) < 40  # two seeds are about 80 apart
    assert np.load(out / "mine-projected.npz")["w"].ndim == 3
    with Image.open(source) as one, Image.open(out / "mine-projected.png") as other:
        asked, found = np.asarray(one), np.asarray(other)
    with Image.open(out / "mine-compared.png") as both:
        pair = np.asarray(both)
    side = asked.shape[1]
    assert np.array_equal(pair[:, :side], asked) and np.array_equal(pair[:, -side:], found)
    with Image.open(film) as search:
        assert search.n_frames > 1  # type: ignore[attr-defined]
        search.seek(search.n_frames - 1)  # type: ignore[attr-defined]
        assert np.array_equal(np.asarray(search.convert("RGB")), np.hstack([asked, found]))


def test_a_text_is_no_image(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "mine.png"
    source.write_text("not an image")
    assert call("project", str(source), "-m", "base", "-o", str(tmp_path)) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_a_mix_is_no_jpeg_and_no_png_under_its_name(tmp_path: Path) -> None:
    target = tmp_path / "mix.jpg"
    words = ("mix", "-m", "base", "--rows", "0-1", "--columns", "5-7", "-o", str(target))
    assert call(*words) == 2
    assert not list(tmp_path.iterdir())
