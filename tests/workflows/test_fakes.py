"""Fakes that a run which was cut off has measured are not generated again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nftgan.errors import MissingStepError
from nftgan.metrics.observed import Observed, Observer
from nftgan.networks.sources import base_model
from nftgan.progress import SILENT
from nftgan.synthesis.model import Model, load_model
from nftgan.training.distributed import SINGLE_PROCESS
from nftgan.workflows import fakes as subject
from nftgan.workflows.fakes import Fakes, observe
from tests.metrics.test_observed import Mean, same


@pytest.fixture(scope="module")
def model() -> Model:
    return load_model(base_model(16))


def test_batches_are_of_one_class_and_are_told_whole() -> None:
    order = [(seed, seed // 20) for seed in range(40)]
    fakes = Fakes.of(order, 0.7)
    assert [len(batch) for batch in fakes.batches] == [16, 4, 16, 4]
    assert [one for batch in fakes.batches for one in batch] == order
    assert Fakes.heard(fakes.told()) == fakes
    told = Fakes.of([(1, (0.5, 1.0)), (2, (0.5, 1.0)), (3, (1.0, 0.0))], 1.0)
    assert [len(batch) for batch in told.batches] == [2, 1]
    assert Fakes.heard(told.told()) == told


def test_a_run_that_was_cut_off_goes_on_and_leaves_nothing(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NFTGAN_HOME", str(tmp_path))
    monkeypatch.setattr(subject, "WORTH_KEEPING", 3)
    extractor: Any = Mean()
    fakes, observer = (
        Fakes.of([(n, None) for n in range(40)], 1.0),
        Observer(["kid", "copies"], extractor, seed=0),
    )
    made = []

    def run(stop: int | None = None, what: tuple[str, ...] = ("kid",)) -> Observed | None:
        def counting(images: np.ndarray, first: int) -> Observed:
            if first == stop:
                raise MissingStepError("killed")
            made.append(first)
            return observer(images, first)

        counted: Any = counting
        return observe(fakes, model, counted, SINGLE_PROCESS, SILENT, what=what)

    whole = run(what=("other",))
    made.clear()
    with pytest.raises(MissingStepError):
        run(stop=32)
    assert made == [0, 16]
    kept = next((tmp_path / "cache" / "evaluate").glob("*/1.npz"))
    kept.write_bytes(kept.read_bytes()[:100])  # a damaged one is made again
    again = run()
    assert made == [0, 16, 16, 32]
    assert again is not None and whole is not None
    same(again, whole)
    assert not list((tmp_path / "cache" / "evaluate").iterdir())


def test_fakes_that_cannot_be_kept_are_measured_all_the_same(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.write_text("a file where the folder should be")
    monkeypatch.setenv("NFTGAN_HOME", str(home))
    monkeypatch.setattr(subject, "WORTH_KEEPING", 1)
    extractor: Any = Mean()
    observer = Observer(["kid", "copies"], extractor, seed=0)
    fakes = Fakes.of([(n, None) for n in range(17)], 1.0)
    assert observe(fakes, model, observer, SINGLE_PROCESS, SILENT, what=("kid",)) is not None
