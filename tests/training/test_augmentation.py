"""Chance draws for each image of a batch; pipes by name are the core's or refused."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from nftgan import plugins
from nftgan.plugins import Part, PluginError
from nftgan.training.augmentation import Augmentation, Chance, operations_of
from nftgan.training.pipes import GROUP, OPERATIONS, PIPES


def test_chance_changes_a_share_of_the_images_and_leaves_the_others() -> None:
    chance = Chance(np.random.default_rng(0), 20_000, 0.3)
    values = chance.where(np.full((20_000, 2), 5.0), 1)
    changed = (values == 5).all(axis=1)
    assert ((values == 1).all(axis=1) == ~changed).all()
    assert changed.mean() == pytest.approx(0.3, abs=0.015)
    assert chance.where(np.zeros(20_000), 1, p=1.0).sum() == 0


def test_draws_have_their_ranges_and_repeat_with_the_seed() -> None:
    one, two = (Chance(np.random.default_rng(4), 1000, 1.0) for _ in range(2))
    assert (one.normal(2) == two.normal(2)).all() and one.normal(2).shape == (1000, 2)
    assert set(one.integers(4)) == {0.0, 1.0, 2.0, 3.0}
    assert np.abs(one.angle()).max() <= math.pi
    assert np.log2(one.power_of_two(0.5)).std() == pytest.approx(0.5, abs=0.05)


def test_every_pipe_of_the_core_comes_by_the_same_door() -> None:
    own = [part for part in plugins.parts(GROUP).values() if part.is_core]
    assert [part.name for part in own] == list(PIPES)
    for part in own:
        assert operations_of(part.name) == PIPES[part.name] and set(part.load()) <= OPERATIONS


TWICE = Augmentation("xflip", lambda chance: chance.normal(), lambda images, values: images)
BROKEN: dict[str, Any] = {"text": "xflip", "number": 3, "unknown": ["xflap"], "taken": [TWICE]}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_no_pipe_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        plugins, "_installed", lambda *_: (Part(GROUP, name, "x:y", "art-tools 1"),)
    )
    monkeypatch.setattr(Part, "load", lambda part: BROKEN[part.name])
    with pytest.raises(PluginError, match=f"the plugin {name} "):
        operations_of(name)
