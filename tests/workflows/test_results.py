from pathlib import Path

import pytest

from nftgan.progress import NullProgress
from nftgan.workflows.results import result


class Heard(NullProgress):
    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, message: str) -> None:
        self.notes.append(message)


def test_another_result_of_the_same_name_is_kept_and_said(tmp_path: Path) -> None:
    path, heard = tmp_path / "seed0000.png", Heard()
    for content in (b"class 0", b"class 1", b"class 2"):
        with result(path, heard):
            path.write_bytes(content)
    found = {one.name: one.read_bytes() for one in tmp_path.iterdir()}
    assert found == {
        "seed0000.png": b"class 2",
        "seed0000.old-1.png": b"class 0",
        "seed0000.old-2.png": b"class 1",
    }
    assert heard.notes[0] == "the seed0000.png that was there is now seed0000.old-1.png"


def test_the_same_result_again_leaves_nothing_beside_it(tmp_path: Path) -> None:
    path, heard = tmp_path / "a.png", Heard()
    for _ in range(3):
        with result(path, heard):
            path.write_bytes(b"same")
    assert [one.name for one in tmp_path.iterdir()] == ["a.png"] and heard.notes == []


def test_a_result_that_fails_leaves_the_old_one_in_place(tmp_path: Path) -> None:
    path = tmp_path / "a.gif"
    path.write_bytes(b"old")
    with pytest.raises(RuntimeError), result(path, NullProgress()):
        raise RuntimeError
    assert path.read_bytes() == b"old" and len(list(tmp_path.iterdir())) == 1
