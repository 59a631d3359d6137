"""Traits of plugins: what metadata may name, and what a plugin may measure."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nftgan import plugins
from nftgan.collection.added_traits import (
    NamedTrait,
    Trait,
    added_attributes,
    added_levels,
    named_traits,
    traits_from_json,
)
from nftgan.errors import UsageError
from nftgan.plugins import MissingPlugin, Part, PluginError

NAMES = ("a", "b", "c", "d", "e")
WIDTH = Trait(2, lambda pixels: pixels.shape[1], NAMES)
SPOILS = Trait(1, lambda pixels: int(pixels.fill(9) or pixels.sum()), NAMES)
HALF = Trait(1, lambda pixels: 0.5, NAMES)
FAILS = Trait(1, lambda pixels: int(pixels[1 << 20].sum()), NAMES)
UNSPEAKABLE = Trait(1, lambda pixels: 0, ("a", "b", "c", "d", "e\x1b"))


@pytest.fixture(autouse=True)
def _offered(monkeypatch: pytest.MonkeyPatch) -> None:
    """A package that offers what stands above."""
    names = ("Width", "Spoils", "Half", "Fails", "Unspeakable", "Warmth")
    offered = tuple(
        Part("nftgan.traits", name, f"{__name__}:{name.upper()}", "Art_Tools 2.0") for name in names
    )
    monkeypatch.setattr(plugins, "_installed", lambda *_: offered)


def test_a_trait_is_measured_on_art_pixels_and_leaves_them_alone() -> None:
    wanted = named_traits(["Width", "Spoils"])
    assert str(wanted[0]) == "Width, version 2, of art-tools"
    image = np.full((12, 12, 3), 7, np.uint8)
    assert added_levels(image, 3, wanted) == (4, 9 * 4 * 4 * 3) and (image == 7).all()
    assert added_levels(image, 3, ()) == ()


def test_values_are_quantiles_of_the_collection() -> None:
    wanted = named_traits(["Width"])
    found = added_attributes([(number,) for number in range(20)], wanted)
    assert found[0] == ({"trait_type": "Width", "value": "a"},)
    values = [own[0]["value"] for own in found]
    assert values == ["a"] + ["b"] * 4 + ["c"] * 10 + ["d"] * 4 + ["e"]


@pytest.mark.parametrize(("name", "reason"), [("Half", "not float"), ("Fails", "IndexError")])
def test_what_gives_no_whole_number_is_broken(name: str, reason: str) -> None:
    with pytest.raises(PluginError, match=rf"{name} .*{reason}"):
        added_levels(np.zeros((4, 4, 3), np.uint8), 1, named_traits([name]))


def test_a_plugin_takes_no_name_of_the_core_and_no_word_that_acts() -> None:
    for name in ("Warmth", "Main colour", "nothing"):
        with pytest.raises(MissingPlugin, match="no package here measures"):
            named_traits([name])
    with pytest.raises(PluginError, match="control character"):
        named_traits(["Unspeakable"])
    with pytest.raises(UsageError, match="added twice"):
        named_traits(["Width", "Width"])


def test_another_version_or_package_is_not_the_same_trait() -> None:
    image = np.zeros((4, 4, 3), np.uint8)
    with pytest.raises(MissingPlugin, match="has version 2 of it"):
        added_levels(image, 1, [NamedTrait("Width", "art-tools", 3)])
    with pytest.raises(MissingPlugin, match=r"here Width is another one, of Art_Tools 2\.0"):
        added_levels(image, 1, [NamedTrait("Width", "other", 2)])


@pytest.mark.parametrize(
    "raw",
    [
        "Width",
        [{"name": "Width"}],
        [{"name": "Width", "package": "Art_Tools", "version": 1}],
        [{"name": "Width", "package": "art-tools", "version": True}],
        [{"name": "warmth", "package": "art-tools", "version": 1}],
        [{"name": "W\n", "package": "art-tools", "version": 1}],
        [{"name": f"W{i}", "package": "art-tools", "version": 1} for i in range(13)],
    ],
    ids=range(7),
)
def test_a_strangers_list_is_checked(raw: Any) -> None:
    with pytest.raises(UsageError):
        traits_from_json(raw, "token 0")
