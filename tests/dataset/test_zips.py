import io
import shutil
import zipfile
from collections import namedtuple
from pathlib import Path

import pytest

from nftgan.dataset.zips import art_folder
from nftgan.errors import UsageError


def make_zip(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in members.items():
            file.writestr(name, data)
    return path


def test_a_folder_is_itself(tmp_path: Path) -> None:
    with art_folder(tmp_path) as folder:
        assert folder == tmp_path


def test_a_zip_is_unpacked_for_a_while(tmp_path: Path) -> None:
    members = {"a.png": b"one", "sub/b.png": b"two"}
    with art_folder(make_zip(tmp_path / "art.zip", {"sub/": b"", **members})) as folder:
        found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*.png")}
        assert {name: path.read_bytes() for name, path in found.items()} == members
    assert not folder.exists()


@pytest.mark.parametrize("name", ["../a.png", "/a.png", "x/../../a.png", "C:/a.png"])
def test_nothing_is_written_outside(name: str, tmp_path: Path) -> None:
    path = make_zip(tmp_path / "art.zip", {name: b"x"})
    with pytest.raises(UsageError, match="points outside"), art_folder(path):
        pass
    assert [item.name for item in tmp_path.iterdir()] == ["art.zip"]


def test_a_zip_larger_than_the_disk_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")(10, 5, 5)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    path = make_zip(tmp_path / "art.zip", {"a.png": b"123456"})
    with pytest.raises(UsageError, match="inflates to 6 bytes; 5 are free"), art_folder(path):
        pass


def test_a_damaged_member_is_refused(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("a.png", b"0123456789")
    (tmp_path / "art.zip").write_bytes(buffer.getvalue().replace(b"0123456789", b"0123456780"))
    with (
        pytest.raises(UsageError, match=r"a\.png cannot be read"),
        art_folder(tmp_path / "art.zip"),
    ):
        pass


def test_a_name_that_is_a_file_and_a_folder_is_refused(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "art.zip", {"a": b"x", "a/b.png": b"y"})
    with pytest.raises(UsageError), art_folder(path):
        pass
