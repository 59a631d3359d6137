"""Looking together: what is sent is what is seen, and a run that was cut off goes on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest

from nftgan.collection.inspection import Candidate, LocalInspector, Refusal
from nftgan.collection.novelty import NoveltyGuard
from nftgan.dataset.archive import Dataset
from nftgan.dataset.pack import write_dataset
from nftgan.progress import SILENT
from nftgan.project import Project
from nftgan.synthesis.model import Model
from nftgan.training.distributed import SINGLE_PROCESS
from nftgan.workflows.curate_shared import Job, Notes, Share, SharedInspector, shared_inspector
from tests.synthesis import tiny

T = TypeVar("T")


class Counting(LocalInspector):
    """Remembers what it was asked, and breaks off where it is told to."""

    def __init__(self, *rest: Any, **more: Any) -> None:
        super().__init__(*rest, **more)
        self.asked: list[tuple[str, tuple[int, ...]]] = []
        self.stop_after = 1000

    def inspect(self, seeds: Sequence[int]) -> list[Candidate | Refusal]:
        return self._counted("inspect", seeds, super().inspect)

    def logits(self, seeds: Sequence[int]) -> list[float]:
        return self._counted("logits", seeds, super().logits)

    def margins(self, seeds: Sequence[int]) -> list[float]:
        return self._counted("margins", seeds, super().margins)

    def _counted(
        self, what: str, seeds: Sequence[int], then: Callable[[Sequence[int]], list[T]]
    ) -> list[T]:
        if len(self.asked) >= self.stop_after:
            raise KeyboardInterrupt
        self.asked.append((what, tuple(seeds)))
        return then(seeds)


@pytest.fixture(scope="module")
def model() -> Model:
    return tiny.stylegan3()


@pytest.fixture
def training(model: Model, tmp_path: Path) -> Dataset:
    art = list(model.generate(range(100, 112)))
    art.append(model.generate([3], truncation_psi=0.7)[0])
    write_dataset(tmp_path / "art.zip", art)
    return Dataset.open(tmp_path / "art.zip")


def inspector_of(inspector: LocalInspector, folder: Path) -> SharedInspector:
    return SharedInspector(
        SINGLE_PROCESS, Share(SINGLE_PROCESS, inspector, Notes(folder, 0)), SILENT
    )


def same(one: Candidate | Refusal, other: Candidate | Refusal) -> bool:
    if isinstance(one, Refusal) or isinstance(other, Refusal):
        return one == other
    arrays = np.array_equal(one.row, other.row) and np.array_equal(one.small, other.small)
    rest = [(c.seed, c.hash, c.neighbour, c.copy) for c in (one, other)]
    return arrays and one.row.dtype == other.row.dtype and rest[0] == rest[1]


def test_what_is_sent_is_what_one_process_sees(
    model: Model, training: Dataset, tmp_path: Path
) -> None:
    local = LocalInspector(model, model.recipe(truncation_psi=0.7), NoveltyGuard(training))
    inspector = inspector_of(local, tmp_path / "notes")
    alone, sent = local.inspect(range(12)), inspector.inspect(range(12))
    assert any(isinstance(one, Refusal) and one.seed == 3 for one in sent)
    assert any(isinstance(one, Candidate) and one.neighbour for one in sent)
    assert all(map(same, alone, sent)) and len(alone) == len(sent) == 12
    assert inspector.logits(range(12)) == local.logits(range(12))
    assert inspector.margins([1, 5]) == local.margins([1, 5])


def test_a_run_that_was_cut_off_looks_at_nothing_twice(model: Model, tmp_path: Path) -> None:
    inspector = Counting(model, model.recipe())
    inspector.stop_after = 2
    with pytest.raises(KeyboardInterrupt):
        inspector_of(inspector, tmp_path).inspect(range(30))
    with (tmp_path / "seen-0.jsonl").open("a") as file:
        file.write('["inspect 16,17,18')  # killed in the middle of a line
    again = Counting(model, model.recipe())
    seen = inspector_of(again, tmp_path).inspect(range(30))
    assert [one.seed for one in seen] == list(range(30))
    assert again.asked == [("inspect", tuple(range(16, 24))), ("inspect", tuple(range(24, 30)))]
    assert all(map(same, seen, LocalInspector(model, model.recipe()).inspect(range(30))))


def test_notes_of_another_look_of_the_collection_go_and_its_own_go_when_it_is_done(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NFTGAN_HOME", str(tmp_path / "home"))
    project = Project(tmp_path / "birds")
    job, other = (
        Job(Path("model"), model.recipe(truncation_psi=psi), None, False) for psi in (0.7, 0.5)
    )
    Notes(other.notes(project, None, "cpu"), 0).add("inspect 1", [])
    assert job.notes(project, None, "cuda:1") == job.notes(project, None, "cuda:0")
    assert job.notes(project, None, "cuda:1") != job.notes(project, None, "cpu")
    with shared_inspector(project, SINGLE_PROCESS, job, model, None, "cpu", SILENT) as inspector:
        assert not other.notes(project, None, "cpu").exists()
        inspector.inspect([1, 2])
        assert len(Notes(job.notes(project, None, "cpu"), 1)) == 1
    assert not job.notes(project, None, "cpu").exists()


def test_a_job_reaches_the_others_whole(model: Model) -> None:
    for source, art in ((Path("/a/model"), Path("/a/art.zip")), ("https://a/b#sha256=1", None)):
        job = Job(source, model.recipe(truncation_psi=0.7), art, True)
        assert Job.from_json(job.to_json()) == job
