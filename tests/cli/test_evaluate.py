"""evaluate through the command line, on the model and the art that ship."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from nftgan.cli.main import app
from nftgan.dataset.pack import write_dataset
from nftgan.networks.sources import base_model
from nftgan.synthesis.model import load_model


def call(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    with pytest.raises(SystemExit) as stopped:
        app(["evaluate", *words], standalone_mode=False)
    return int(stopped.value.code or 0), capsys.readouterr().out


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NFTGAN_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture(scope="module")
def painted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set that the shipped model painted itself: seeds 1000 to 1059."""
    path = tmp_path_factory.mktemp("art") / "own.zip"
    write_dataset(path, list(load_model(base_model()).generate(range(1000, 1060))), labels=None)
    return path


def result(text: str) -> dict[str, Any]:
    document = json.loads(text)
    assert document["ok"] is True
    return dict(document["result"])


def test_a_model_judged_by_its_own_images_is_like_art(
    painted: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [str(painted), "-m", "base", "--images", "40", "--holdout", "0.4"]
    code, text = call(capsys, *words, "--metrics", "copies,kid,pr", "--json")
    assert code == 0
    found = result(text)
    assert found["fakes"] == 40 and found["held_out"] and found["copies"] == 0
    assert found["against"] + found["reals"] == 60 and found["seeds"] == [0, 39]
    kid = found["figures"]["kid"]
    assert abs(kid["value"]) < 4 * kid["error"]
    assert len(list((home / "cache" / "features").iterdir())) == 1
    again = result(call(capsys, *words, "--metrics", "kid", "--json")[1])
    assert again["figures"]["kid"] == kid  # the same seeds, the same figure


def test_fakes_that_are_training_images_are_named_and_shown(
    painted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sheet = tmp_path / "pairs.png"
    words = [str(painted), "-m", "base", "--metrics", "copies", "--seed", "1050", "--images", "20"]
    code, text = call(capsys, *words, "--sheet", str(sheet), "--json")
    assert code == 0
    found = result(text)
    assert found["copies"] >= 10 and not found["held_out"]  # seeds 1050 to 1059 are in the set
    copied = {pair["seed"]: pair["name"] for pair in found["pairs"] if pair["copy"]}
    for seed in range(1050, 1060):
        assert copied[seed] == f"00000/img{seed - 1000:08d}.png"
    with Image.open(sheet) as shown:
        pixels = np.asarray(shown).astype(int)
    np.testing.assert_array_equal(pixels[:32, :32], pixels[:32, 34:66])


def test_the_table_says_what_each_figure_is(
    painted: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [str(painted), "-m", "base", "--metrics", "kid,diversity,swd", "--images", "16"]
    code, text = call(capsys, *words)
    assert code == 0
    text = " ".join(text.split())
    for word in ("16 fakes against 30 images", "kid", "±", "art itself", "textures", "Vendi"):
        assert word in text


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--metrics", "beauty"], "no metric is called 'beauty'"),
        (["--holdout", "1.5"], "cannot be held out"),
    ],
)
def test_bad_options_are_one_sentence(
    painted: Path, words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, text = call(capsys, str(painted), "-m", "base", *words, "--json")
    assert code == 2
    assert message in json.loads(text)["error"]["message"]


def test_images_of_another_size_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "large.zip"
    write_dataset(path, [np.full((64, 64, 3), n, np.uint8) for n in range(20)], labels=None)
    code, text = call(capsys, str(path), "-m", "base", "--json")
    assert code == 2
    assert "makes 32 pixels" in json.loads(text)["error"]["message"]
