"""A collection begins in a folder that exists, with settings that can be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nftgan.cli.main import app
from nftgan.config import read_config
from nftgan.errors import UsageError
from nftgan.workflows.init import RecipeDefaults, init


@pytest.mark.parametrize(
    ("recipe", "words"),
    [
        ({"upscale": 0}, "upscale must be from 1"),
        ({"pixel_grid": -1}, "grid must be from 0"),
        ({"palette": 300}, "palette must be from 0 to 256"),
        ({"filter": "soft"}, "no filter 'soft'"),
        ({"trunc": float("nan")}, "trunc must be a number"),
    ],
)
def test_a_setting_that_can_never_be_is_refused_before_it_is_written(
    tmp_path: Path, recipe: Any, words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        init("birds", tmp_path, RecipeDefaults(**recipe))
    assert not list(tmp_path.iterdir())


def test_a_name_with_other_letters_is_told_where_it_may_stand(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        init("Vögel", tmp_path)
    assert "a to z" in str(caught.value.hint) and "nftgan.toml" in str(caught.value.hint)


def test_inside_the_folder_of_collections_no_second_one_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "collections").mkdir()
    for where in (tmp_path, tmp_path / "collections"):
        monkeypatch.chdir(where)
        with pytest.raises(SystemExit) as ended:
            app(["init", f"from-{where.name}", "--json"], standalone_mode=False)
        assert ended.value.code == 0
    made = sorted(path.name for path in (tmp_path / "collections").iterdir())
    assert made == sorted([f"from-{tmp_path.name}", "from-collections"])


@pytest.mark.parametrize("recipe", [{"upscale": 256, "filter": "nearest"}, {"pixel_grid": 64}])
def test_what_some_model_can_follow_is_written(tmp_path: Path, recipe: Any) -> None:
    made = init("birds", tmp_path, RecipeDefaults(**recipe))
    section = read_config(made.config).recipe
    assert {name: getattr(section, name) for name in recipe} == recipe
