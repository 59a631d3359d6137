"""verify --all goes on where it was cut off, asks a busy gateway again, and never says broken."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from nftgan.errors import MissingStepError
from nftgan.ipfs.fetched import FetchedBlocks, Kept
from nftgan.ipfs.reader import FileReader
from nftgan.ipfs.remote import RemoteGateway
from nftgan.provenance.content import Content
from nftgan.provenance.verify import Verifier
from nftgan.provenance.whole import collection_checks
from nftgan.workflows import verify_run
from nftgan.workflows.verify import keeping
from nftgan.workflows.verify_run import VerifyRun
from tests.ipfs.busy_gateway import BusyGateway
from tests.ipfs.serving import serving
from tests.provenance.stage import Stage


@dataclass
class Scene:
    stage: Stage
    gateway: BusyGateway

    def verifier(self, run: VerifyRun, *others: BusyGateway) -> Verifier:
        sources = []
        for one in (*others, self.gateway):
            blocks = FetchedBlocks(RemoteGateway(one.url, wait=lambda s: None), run.kept)
            sources.append((one.url, FileReader(blocks, blocks.fetch)))
        verifier = self.stage.verifier()
        verifier.content, verifier.rendered = Content(sources), run.rendered
        return verifier


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    return Stage(tmp_path_factory.mktemp("stage"))


@pytest.fixture
def scene(stage: Stage) -> Iterator[Scene]:
    gateway = BusyGateway(stage.get)
    with serving(gateway):
        yield Scene(stage, gateway)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NFTGAN_HOME", str(tmp_path))
    monkeypatch.setattr(verify_run, "WORTH_KEEPING", 3)
    return tmp_path


FAULTS: dict[str, Callable[[int], str]] = {
    "each third is limited": lambda number: "429:1" if number % 3 == 0 else "",
    "one is late": lambda number: "504" if number == 4 else "",
    "one is cut": lambda number: "cut" if number == 4 else "",
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
@pytest.mark.parametrize("cars", [True, False])
def test_a_busy_gateway_proves_as_much_as_an_idle_one(
    scene: Scene, fault: Callable[[int], str], cars: bool
) -> None:
    scene.gateway.fault, scene.gateway.cars = fault, cars
    verifier = scene.verifier(VerifyRun())
    assert all(verifier.verify(token).passed for token in range(4))


def test_a_gateway_that_stays_busy_breaks_nothing(scene: Scene) -> None:
    scene.gateway.fault = lambda number: "429"
    report = scene.verifier(VerifyRun()).verify(1)
    assert not report.failed and not report.passed
    assert "answers 429" in report.skipped[0].found


def test_the_next_gateway_has_what_the_first_does_not_give(scene: Scene) -> None:
    with serving(first := BusyGateway(scene.stage.get, lambda number: "503")):
        report = scene.verifier(VerifyRun(), first).verify(1)
    assert report.passed
    assert len(first.asked) <= 15, "it is given up after three blocks"


def test_all_tokens_take_three_requests(scene: Scene) -> None:
    verifier = scene.verifier(VerifyRun())
    verifier.measuring = True
    assert all(verifier.verify(token).passed for token in range(4))
    assert all(not check.failed for check in collection_checks(verifier, measured=True))
    asked = ["format=car" in path for path in scene.gateway.asked]
    assert asked == [True, False, True], "metadata, the model, images"


def test_a_run_that_was_cut_off_makes_and_fetches_nothing_twice(
    scene: Scene, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(stop: int | None = None) -> list[str]:
        run, notes = VerifyRun(), list[str]()
        verifier = scene.verifier(run)
        verifier.measuring = True
        with keeping(verifier, run, 4, notes.append):
            for token in range(4):
                if token == stop:
                    raise MissingStepError("killed")
                assert verifier.verify(token).passed
            run.complete = True
        return notes

    made: list[int] = []
    model = type(scene.stage.model)
    render = model.render_checked
    monkeypatch.setattr(
        model,
        "render_checked",
        lambda self, seed, *a: (made.append(seed), render(self, seed, *a))[1],
    )
    with pytest.raises(MissingStepError):
        run(stop=2)
    first, asked = list(made), len(scene.gateway.asked)
    assert first == [3, 8] and list((home / "verify").glob("*/rendered.jsonl"))
    notes = run()
    assert made[2:] == [15, 21]
    assert len(scene.gateway.asked) == asked, "all blocks were on this disk"
    assert notes == ["going on: 2 images made again already by a run that was cut off"]
    assert not list((home / "verify").iterdir()), "a run that is complete leaves nothing behind"
    assert run() == [] and made[4:] == [3, 8, 15, 21], "and the next one begins anew"


def test_a_home_that_cannot_be_written_keeps_nothing_and_proves_all_the_same(
    scene: Scene, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "file").write_text("")
    monkeypatch.setenv("NFTGAN_HOME", str(home / "file"))
    run = VerifyRun()
    verifier = scene.verifier(run)
    with keeping(verifier, run, 4, lambda message: None):
        assert verifier.verify(0).passed
    assert isinstance(run.kept, Kept)
