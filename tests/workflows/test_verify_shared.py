"""verify in several processes: the same reports, whoever made an image, and notes of each."""

from __future__ import annotations

import copy
import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from nftgan import __version__
from nftgan.errors import UsageError
from nftgan.plugins import MissingPlugin
from nftgan.provenance.rendered import Made, RenderedNotes
from nftgan.provenance.whole import collection_checks
from nftgan.synthesis.canonical import Rendered
from nftgan.synthesis.model import Model
from nftgan.training.distributed import SINGLE_PROCESS
from nftgan.workflows import verify_shared
from nftgan.workflows.verify_run import VerifyRun, folder_name, resumable
from nftgan.workflows.verify_shared import make_again, notes_path
from tests.provenance.stage import Stage

PIXELS = "sha256:" + "0" * 64


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    return Stage(tmp_path_factory.mktemp("stage"))


def test_what_was_made_by_all_is_what_is_checked_then(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    verifier, plain = stage.verifier(), stage.verifier()
    verifier.measuring = plain.measuring = True
    reports = [plain.verify(token) for token in range(4)]
    make_again(verifier, range(4), SINGLE_PROCESS, "cpu")
    assert sorted(verifier.measures) == [0, 1, 2, 3], "measured where the image was made"
    monkeypatch.setattr(Model, "render_checked", None)  # nothing is made a second time
    assert [verifier.verify(token) for token in range(4)] == reports
    assert all(one.passed for one in reports)
    assert verifier.measures == plain.measures
    whole = collection_checks(verifier, measured=True)
    assert [check.passed for check in whole if check.name == "traits"] == [True]


def test_a_token_with_a_fault_is_left_to_the_check_that_says_so(stage: Stage) -> None:
    moved = stage.changed(lambda document: document["nftgan"].update(seed=4))
    verifier = stage.verifier(moved)
    make_again(verifier, range(4), SINGLE_PROCESS, "cpu")
    made = [stage.seeds[token] for token in range(4) if token != 1]
    found = [verifier.rendered.get(stage.args.model, stage.args.recipe, seed) for seed in range(30)]
    assert [one.seed for one in found if one] == made
    assert verifier.verify(1).failed[0].name == "seed"


def test_nobody_is_accused_on_the_word_of_a_gpu(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a card gives otherwise than promised, the processor makes again before it counts."""
    exact, devices = Model.render_checked, list[str]()

    def wrong(self: Model, seed: int, recipe: object) -> Rendered:
        if devices[-1:] == ["cuda"] and seed == 8:
            return Rendered(np.zeros((16, 16, 3), dtype=np.uint8), 0.4)
        return exact(self, seed, recipe)  # type: ignore[arg-type]

    def to(self: Model, device: str) -> Model:
        devices.append(device)
        return self

    monkeypatch.setattr(Model, "render_checked", wrong)
    monkeypatch.setattr(Model, "to", to)
    verifier = stage.verifier()
    make_again(verifier, range(4), SINGLE_PROCESS, "cuda")
    assert devices == ["cuda", "cpu"]
    assert verifier.rendered.get(stage.args.model, stage.args.recipe, 8) is None
    assert all(verifier.verify(token).passed for token in range(4))


def test_a_run_goes_on_from_the_notes_of_every_process(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NFTGAN_HOME", str(tmp_path))
    verifier = stage.verifier()
    verifier.rendered = RenderedNotes(__version__, notes_path(folder_name("here"), 3))
    make_again(verifier, [2], SINGLE_PROCESS, "cpu")
    run, said = VerifyRun(), list[str]()
    with resumable(
        run, "here", 32, lambda notes: setattr(verifier, "rendered", notes), said.append
    ):
        assert said == ["going on: 1 image made again already by a run that was cut off"]
        made = list[int]()
        exact = Model.render_checked
        monkeypatch.setattr(
            verify_shared.Model,
            "render_checked",
            lambda self, seed, recipe: (made.append(seed), exact(self, seed, recipe))[1],
        )
        make_again(verifier, range(4), SINGLE_PROCESS, "cpu")
        assert made == [stage.seeds[token] for token in (0, 1, 3)]


@pytest.mark.parametrize("problem", [MissingPlugin("not here"), UsageError("no"), RuntimeError()])
def test_what_cannot_be_made_is_said_of_its_token_and_ends_nothing(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, problem: Exception
) -> None:
    """As in one process: the recipe is a stranger's, and the others have their answers."""
    exact = Model.render_checked

    def render(self: Model, seed: int, recipe: object) -> Rendered:
        if seed == 8:
            raise problem
        return exact(self, seed, recipe)  # type: ignore[arg-type]

    monkeypatch.setattr(Model, "render_checked", render)
    verifier, plain = stage.verifier(), stage.verifier()
    make_again(verifier, range(4), SINGLE_PROCESS, "cpu")
    reports = [verifier.verify(token) for token in range(4)]
    assert reports == [plain.verify(token) for token in range(4)]
    assert [one.passed for one in reports] == [True, False, True, True]


def test_traits_of_plugins_are_measured_by_all(stage: Stage) -> None:
    """The one that is not here is said to be missing, as in one process."""
    named = [{"name": "Aura", "package": "nowhere", "version": 1}]
    documents = copy.deepcopy(stage.documents)
    for one in documents:
        one["nftgan"]["added_traits"] = named
    verifier, plain = (stage.verifier(stage.folder(documents)) for _ in range(2))
    verifier.measuring = plain.measuring = True
    make_again(verifier, range(4), SINGLE_PROCESS, "cpu")
    for token in range(4):
        assert verifier.verify(token) == plain.verify(token)
    assert verifier.measures == plain.measures and verifier.measures[0].added is None
    assert collection_checks(verifier, measured=True) == collection_checks(plain, measured=True)


@pytest.mark.parametrize("change", [{"seed": 15}, {"version": "0.0"}, {"safe": None}])
def test_an_answer_to_another_question_counts_for_nothing(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, change: dict[str, object]
) -> None:
    """A process on another machine may be of another release."""
    made = Made(stage.args.model, stage.args.recipe, 8, PIXELS, True, 0.25, __version__)
    answer = json.dumps([asdict(made) | change, None]).encode()
    monkeypatch.setattr(verify_shared, "shared", lambda *of: {1: answer})
    verifier = stage.verifier()
    make_again(verifier, range(4), SINGLE_PROCESS, "cpu")
    assert all(verifier.verify(token).passed for token in range(4))
