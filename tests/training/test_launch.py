from __future__ import annotations

from pathlib import Path

import pytest

from nftgan.errors import Cancelled, PartlyDone, UsageError
from nftgan.training import launch


def test_a_child_imports_nothing_from_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trap = "import pathlib; pathlib.Path(__file__).with_name('ran').touch()\n"
    for name in ("nftgan", "typer", "rich"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(trap)
        (tmp_path / name / "__main__.py").write_text(trap)
    (tmp_path / "out").mkdir()
    monkeypatch.chdir(tmp_path)
    child = launch._start(["--version"], 1, 2, tmp_path / "out")
    assert child.wait() == 0
    assert not list(tmp_path.rglob("ran"))


def test_one_process_of_a_group_speaks(monkeypatch: pytest.MonkeyPatch) -> None:
    assert launch.speaks() and launch.local_processes() == 1
    monkeypatch.setenv("RANK", "3")
    assert launch.speaks(), "a number that something else left behind"
    monkeypatch.setenv("WORLD_SIZE", "4")
    assert not launch.speaks()
    assert launch.local_processes() == 4
    monkeypatch.setenv("LOCAL_RANK", "first")
    with pytest.raises(UsageError, match="LOCAL_RANK is 'first'"):
        launch.local_rank()


class Ended:
    """A process that has ended with `code`."""

    def __init__(self, code: int) -> None:
        self.returncode = code

    def poll(self) -> int:
        return self.returncode


@pytest.mark.parametrize(
    ("main", "said"), [(6, None), (-9, "process 0 of 2"), (0, "process 1 of 2")]
)
def test_a_killed_process_is_exit_code_6_and_is_said_once(
    main: int, said: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The main process has said it already, unless it was killed or did not notice."""

    codes = (main, -9)
    monkeypatch.setattr(launch, "_start", lambda words, rank, size, folder: Ended(codes[rank]))
    if said is None:
        assert launch.launch(["render"], 2) == 6
        return
    with pytest.raises(PartlyDone, match=said):
        launch.launch(["render"], 2)


@pytest.mark.parametrize("codes", [(130, 130), (130, 6), (130, -9), (6, 130), (0, 130)])
def test_a_group_that_was_stopped_has_the_exit_code_of_ctrl_c(
    codes: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever noticed first ended first; the others may find only that somebody is gone."""
    monkeypatch.setattr(launch, "_start", lambda words, rank, size, folder: Ended(codes[rank]))
    assert launch.launch(["train"], 2) == 130


def test_a_stopped_group_whose_speaker_was_killed_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    codes = (-9, 130)
    monkeypatch.setattr(launch, "_start", lambda words, rank, size, folder: Ended(codes[rank]))
    with pytest.raises(Cancelled, match="stopped"):
        launch.launch(["train"], 2)
