import zipfile
from pathlib import Path

import pytest

from nftgan.dataset.zips import members, open_zip
from nftgan.errors import UsageError


def make_zip(path: Path, *names: str) -> Path:
    with zipfile.ZipFile(path, "w") as file:
        for name in names:
            file.writestr(name, b"x")
    return path


def test_the_files_are_named_with_forward_slashes_and_folders_are_left_out(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "set.zip", "sub/", "sub/a.png", "sub\\b.png")
    found = members(open_zip(path), path)
    assert {name: (one.packed_name, one.size) for name, one in found.items()} == {
        "sub/a.png": ("sub/a.png", 1),
        "sub/b.png": ("sub\\b.png", 1),
    }


@pytest.mark.parametrize(
    "name", ["../a.png", "/a.png", "x/../../a.png", "C:/a.png", "x\\..\\a.png"]
)
def test_a_name_that_points_outside_is_refused(name: str, tmp_path: Path) -> None:
    path = make_zip(tmp_path / "set.zip", name)
    with pytest.raises(UsageError, match="points outside"):
        members(open_zip(path), path)


def test_a_name_that_occurs_twice_in_either_spelling_is_refused(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "set.zip", "a/b.png", "a\\b.png")
    with pytest.raises(UsageError, match="occurs twice") as caught:
        members(open_zip(path), path)
    assert caught.value.hint is not None and "nftgan prepare" in caught.value.hint


def test_a_file_that_is_no_zip_is_refused(tmp_path: Path) -> None:
    (tmp_path / "set.zip").write_bytes(b"PK not really")
    with pytest.raises(UsageError, match="is not a readable zip"):
        open_zip(tmp_path / "set.zip")
