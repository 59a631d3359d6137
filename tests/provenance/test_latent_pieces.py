"""A piece whose styles are stored has the same proof as one that is drawn from a seed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from nftgan.errors import CheckFailed
from nftgan.pixels import pixel_hash
from nftgan.synthesis.latent import Latent
from tests.provenance.stage import Document, Stage


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    return Stage(tmp_path_factory.mktemp("stage"), with_latent=True)


def test_every_link_of_it_is_proven_and_it_is_made_again(stage: Stage) -> None:
    verifier = stage.verifier()
    for token in range(len(stage.seeds)):
        report = verifier.verify(token)
        assert all(check.passed for check in report.links), [c for c in report.links]
    said = {check.name: check.found for check in verifier.verify(1).links}
    assert said["pixels"].startswith("made again from latent")
    made = verifier.regenerate(1)
    assert pixel_hash(made.image) == stage.pixels[1]
    plain = stage.model.recipe(truncation_psi=0.7)
    assert not np.array_equal(made.image, stage.model.render(stage.seeds[1], plain))


def _other(own: Document) -> None:
    rows = Latent.from_json(own["latent"]).rows.copy()
    rows[0, 0] += 1e-3
    own["latent"] = Latent(rows).to_json()


def _written_otherwise(own: Document) -> None:
    rows = np.repeat(Latent.from_json(own["latent"]).rows, 2, axis=0)
    values = Latent(np.arange(16.0).reshape(2, 8)).to_json()
    own["latent"] = {**values, "layers": 2, "width": rows.shape[1]}


@pytest.mark.parametrize(
    ("change", "link"),
    [
        (_other, "recipe"),
        (_written_otherwise, "recipe"),
        (lambda own: own.pop("latent"), "recipe"),
        (lambda own: own["recipe"].pop("latents"), "recipe"),
        (lambda own: own["latent"].update(values="AA=="), "recipe"),
    ],
)
def test_another_latent_than_the_chain_fixes_breaks_the_chain(
    stage: Stage, change: Callable[[Document], None], link: str
) -> None:
    uri = stage.changed(lambda document: change(document["nftgan"]))
    report = stage.verifier(uri).verify(1)
    assert link in {check.name for check in report.failed}
    assert not report.passed
    with pytest.raises(CheckFailed):
        stage.verifier(uri).regenerate(1)


def test_a_latent_beside_a_seed_is_refused(stage: Stage) -> None:
    latent = stage.documents[1]["nftgan"]["latent"]
    uri = stage.changed(lambda document: document["nftgan"].update(latent=latent), token=0)
    report = stage.verifier(uri).verify(0)
    assert "recipe" in {check.name for check in report.failed}
