"""nftgan.toml."""

from pathlib import Path

import pytest

from nftgan.config import read_config
from nftgan.errors import MissingStepError, UsageError
from nftgan.project import find_project


def write(folder: Path, text: str) -> Path:
    path = folder / "nftgan.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_an_empty_file_means_the_defaults(tmp_path: Path) -> None:
    config = read_config(write(tmp_path, ""))
    assert config.recipe.trunc == 1.0
    assert config.chain.name == "embedded"


def test_a_misspelt_key_is_refused_with_the_right_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="unknown key 'trnc'") as caught:
        read_config(write(tmp_path, "[recipe]\ntrnc = 0.5"))
    assert caught.value.hint == "did you mean 'trunc'?"


@pytest.mark.parametrize(
    "text",
    [
        "[recipe]\ntrunc = 'x'",
        "[recipe]\ntranslate = [1]",
        "recipe = 3",
        "[recipe",
        "[recipe]\nupscale = true",
        "[recipe]\ntrunc = true",
        "[recipe]\ntranslate = [0, true]",
    ],
)
def test_wrong_types_and_broken_toml_are_one_sentence(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError):
        read_config(write(tmp_path, text))


def test_a_whole_number_may_stand_for_a_decimal(tmp_path: Path) -> None:
    config = read_config(write(tmp_path, "[recipe]\ntrunc = 1\ntranslate = [0, 1]"))
    assert config.recipe.translate == (0.0, 1.0)


def test_the_nearest_parent_with_a_toml_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "")
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    assert find_project().root == tmp_path


def test_no_collection_names_the_command_that_makes_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(MissingStepError) as caught:
        find_project()
    assert "nftgan init" in (caught.value.hint or "")
