"""morph, mix and project through the command line, on the model that ships."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nftgan.cli.main import app
from nftgan.synthesis.model import load_model
from nftgan.workflows.sources import base_model


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


def test_a_mixing_grid_is_headed_by_its_rows_and_columns(tmp_path: Path) -> None:
    target = tmp_path / "mix.png"
    assert call("mix", "-m", "base", "--rows", "0-1", "--columns", "5-7", "-o", str(target)) == 0
    with Image.open(target) as grid:
        assert grid.size == (4 * 32, 3 * 32)


def test_a_picture_that_the_model_made_is_found_again(tmp_path: Path) -> None:
    source = tmp_path / "mine.png"
    Image.fromarray(load_model(base_model()).generate(seeds=[5])[0]).save(source)
    out = tmp_path / "found"
    assert call("project", str(source), "-m", "base", "--steps", "60", "-o", str(out)) == 0
    with Image.open(source) as one, Image.open(out / "mine.png") as other:
        difference = np.asarray(one).astype(float) - np.asarray(other)
    assert np.sqrt(np.square(difference).mean()) < 40  # two seeds are about 80 apart
    assert np.load(out / "mine.npz")["w"].ndim == 3


def test_a_text_is_no_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "mine.png"
    source.write_text("not a picture")
    assert call("project", str(source), "-m", "base", "-o", str(tmp_path)) == 2
    assert "Traceback" not in capsys.readouterr().err
