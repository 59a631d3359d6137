"""Effects: what a recipe may name, and what a step of a finish may give."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from nftgan import plugins
from nftgan.errors import UsageError
from nftgan.pixels import pixel_hash
from nftgan.plugins import Part, PluginError
from nftgan.synthesis.effects import GROUP, Effect, NamedEffect, named_effect, probe_image
from nftgan.synthesis.recipe import Finish, Recipe

MODEL = "sha256:" + "0" * 64
IMAGE = probe_image()
SAME = {0: pixel_hash(IMAGE)}


def darker(image: np.ndarray, value: int) -> np.ndarray:
    image //= 2  # of the copy that it was given
    return image


def taller(image: np.ndarray, value: int) -> np.ndarray:
    return image if value == 0 else image.repeat(2, axis=0)


def fails(image: np.ndarray, value: int) -> np.ndarray:
    return image if value == 0 else image[1 << 20]


DARKER = Effect(3, darker, {0: pixel_hash(IMAGE // 2)})
TALLER = Effect(1, taller, SAME)
FAILS = Effect(1, fails, SAME)
UNPROVEN = Effect(1, darker, {})
FLAG = Effect(True, darker, DARKER.probes)


@pytest.fixture(autouse=True)
def _offered(monkeypatch: pytest.MonkeyPatch) -> None:
    """A package that offers what stands above."""
    names = ("darker", "taller", "fails", "unproven", "flag")
    offered = tuple(
        Part(GROUP, name, f"{__name__}:{name.upper()}", "Art_Tools 2.0") for name in names
    )
    monkeypatch.setattr(plugins, "_installed", lambda *_: offered)


def test_the_cores_own_steps_keep_their_promise_by_the_same_door() -> None:
    own = [part for part in plugins.parts(GROUP).values() if part.is_core]
    assert [part.name for part in own] == ["grid", "palette", "nearest", "cubic", "contour"]
    for part in own:
        effect = part.load()
        for value, promised in effect.probes.items():
            assert pixel_hash(effect.apply(IMAGE.copy(), value)) == promised, part.name


def test_an_effect_is_asked_for_by_name_and_number_and_leaves_the_image_alone() -> None:
    effect = named_effect(" darker = 7 ")
    assert effect == NamedEffect("art-tools", "darker", 3, 7) and str(effect) == "darker=7"
    assert named_effect("") is None and str(named_effect("darker")) == "darker"
    before = IMAGE.copy()
    assert (effect.apply(IMAGE) == before // 2).all() and (before == IMAGE).all()


@pytest.mark.parametrize("text", ["darker=", "darker=-1", "darker=1.5", "darker=99999", "=4"])
def test_a_number_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        named_effect(text)


def test_what_gives_no_image_of_the_same_shape_is_broken() -> None:
    with pytest.raises(PluginError, match=r"must give uint8 \[24, 24, 3\]"):
        NamedEffect("art-tools", "taller", 1, 1).apply(IMAGE)
    with pytest.raises(PluginError, match=r"fails .*IndexError"):
        NamedEffect("art-tools", "fails", 1, 1).apply(IMAGE)
    for name in ("unproven", "flag"):
        with pytest.raises(PluginError, match="with probes"):
            named_effect(name)


@pytest.mark.parametrize(
    "change",
    [
        {"package": "../evil"},
        {"name": "a b"},
        {"name": ["darker"]},
        {"version": 0},
        {"version": True},
        {"value": -1},
        {"value": 1.0},
        {"more": 1},
    ],
    ids=str,
)
def test_a_recipe_names_an_effect_in_one_way_only(change: dict[str, Any]) -> None:
    recipe = Recipe(MODEL, (48, 48), finish=Finish(upscale=2, effect=named_effect("darker=7")))
    document = json.loads(json.dumps(recipe.to_json()))
    again = Recipe.from_json(document)
    assert again == recipe and again.hash == recipe.hash
    assert Recipe(MODEL, (48, 48), finish=Finish(upscale=2)).hash != recipe.hash
    document["finish"]["effect"] |= change
    with pytest.raises(UsageError, match="effect"):
        Recipe.from_json(document)


def test_a_finish_of_an_effect_alone_is_a_finish() -> None:
    finish = Finish(effect=named_effect("darker"))
    assert not finish.does_nothing and finish.size(24) == 24
    assert "effect" not in Finish(upscale=2).to_json()
