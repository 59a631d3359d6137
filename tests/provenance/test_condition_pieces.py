"""A piece of a model that is told numbers has the same proof; other numbers break it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from nftgan.errors import CheckFailed
from nftgan.pixels import pixel_hash
from tests.provenance.stage import TINY, Document, Stage

TOLD = (0.25, 0.0, 1.0)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    return Stage(
        tmp_path_factory.mktemp("stage"), config=replace(TINY, c_dim=len(TOLD)), condition=TOLD
    )


def test_every_link_of_it_is_proven_and_it_is_made_again(stage: Stage) -> None:
    verifier = stage.verifier()
    for token in range(len(stage.seeds)):
        report = verifier.verify(token)
        assert all(check.passed for check in report.links), report.links
    assert stage.documents[0]["nftgan"]["recipe"]["condition"] == list(TOLD)
    assert pixel_hash(verifier.regenerate(1).image) == stage.pixels[1]
    other = replace(stage.recipe, condition=(0.25, 1.0, 1.0))
    assert not np.array_equal(stage.images[1], stage.model.render(stage.seeds[1], other))


@pytest.mark.parametrize(
    "change",
    [
        lambda recipe: recipe.update(condition=[0.25, 1.0, 1.0]),
        lambda recipe: recipe.update(condition=[0.25, 0.0]),
        lambda recipe: recipe.update(condition=[0.25, 0.0, 1e300]),
        lambda recipe: recipe.update(condition="0.25,0,1"),
        lambda recipe: recipe.pop("condition"),
        lambda recipe: recipe.update(class_idx=0),
    ],
)
def test_other_numbers_than_the_chain_fixes_break_the_chain(
    stage: Stage, change: Callable[[Document], object]
) -> None:
    uri = stage.changed(lambda document: change(document["nftgan"]["recipe"]))
    report = stage.verifier(uri).verify(1)
    assert not report.passed and report.failed
    with pytest.raises(CheckFailed):
        stage.verifier(uri).regenerate(1)
