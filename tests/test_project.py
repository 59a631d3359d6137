"""A collection folder is found from inside it, and what is a link in it is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from nftgan.errors import MissingStepError, NftganError, UsageError
from nftgan.project import CONFIG_NAME, Project, find_project, state_home


@pytest.fixture
def birds(tmp_path: Path) -> Path:
    root = tmp_path / "birds"
    (root / "images" / "deep").mkdir(parents=True)
    (root / CONFIG_NAME).write_text("[collection]\n")
    return root


def test_the_nearest_folder_above_is_the_collection(
    birds: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(birds / "images" / "deep")
    assert find_project() == Project(birds.resolve()) and find_project().name == "birds"
    (birds / "images" / CONFIG_NAME).touch()
    assert find_project().root == (birds / "images").resolve()
    assert find_project(birds).root == birds.resolve()


def test_no_collection_is_a_step_that_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(MissingStepError, match=r"in .* or above it"):
        find_project()
    with pytest.raises(MissingStepError, match=f"has no {CONFIG_NAME}"):
        find_project(tmp_path)
    with pytest.raises(UsageError, match="is not a folder"):
        find_project(tmp_path / "missing")


def test_a_link_out_of_the_folder_is_refused(birds: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (birds / "metadata").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UsageError, match="metadata"):
        find_project(birds)


def test_all_that_is_written_lies_in_the_folder(birds: Path) -> None:
    project = Project(birds)
    paths = [
        value
        for name in dir(Project)
        if not name.startswith("_") and isinstance(getattr(Project, name), property)
        for value in [getattr(project, name)]
        if isinstance(value, Path)
    ]
    assert len(paths) >= 12 and len(set(paths)) == len(paths)
    assert all(birds in path.parents for path in paths)
    assert project.car_path.name == "birds.car"


def test_two_verbs_do_not_write_at_once(birds: Path) -> None:
    project = Project(birds)
    with project.lock(), pytest.raises(NftganError, match="the collection birds"), project.lock():
        pass
    with project.lock():
        pass


def test_state_lies_where_the_person_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NFTGAN_HOME", str(tmp_path / "home"))
    assert state_home() == tmp_path / "home"
    monkeypatch.setenv("NFTGAN_HOME", "~/art")
    assert state_home() == Path("~/art").expanduser()
    monkeypatch.delenv("NFTGAN_HOME")
    assert state_home().name == "nftgan" and state_home().is_absolute()
