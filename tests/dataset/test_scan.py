import os
from pathlib import Path

import pytest

from nftgan.dataset import scan as scan_module
from nftgan.dataset.scan import scan
from nftgan.errors import UsageError


def test_every_file_is_a_candidate_or_has_a_reason(tmp_path: Path) -> None:
    art, outside = tmp_path / "art", tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.png").write_bytes(b"x")
    for folder in ("sub/deep", ".git", "__MACOSX"):
        (art / folder).mkdir(parents=True)
    for name in ("b.png", "sub/deep/a.jpeg", "ünï 画.png", "no-ending", ".git/x.png"):
        (art / name).write_bytes(b"x")
    (art / "__MACOSX/._b.png").write_bytes(b"x")
    (art / "empty.png").touch()
    (art / ".DS_Store").write_bytes(b"x")
    (art / "Thumbs.db").write_bytes(b"x")
    (art / "link.png").symlink_to(art / "b.png")
    (art / "dangling.png").symlink_to(art / "nothing.png")
    (art / "linked").symlink_to(outside)
    os.mkfifo(art / "pipe.png")
    found = scan(art)
    names = [item.name for item in found.candidates]
    assert names == ["b.png", "no-ending", "sub/deep/a.jpeg", "ünï 画.png"]
    assert dict(found.rejected) == {
        ".DS_Store": "a hidden or system file",
        ".git": "a hidden folder",
        "Thumbs.db": "a hidden or system file",
        "__MACOSX": "a hidden folder",
        "dangling.png": "a symbolic link",
        "empty.png": "an empty file",
        "link.png": "a symbolic link",
        "linked": "a symbolic link",
        "pipe.png": "not a regular file",
    }


def test_a_name_that_is_not_utf8_is_shown_escaped(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/caf\xe9.png"
    try:
        Path(os.fsdecode(path)).write_bytes(b"x")
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    (candidate,) = scan(tmp_path).candidates
    assert candidate.name == "caf\\udce9.png"
    assert candidate.path.read_bytes() == b"x"


def test_a_huge_file_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan_module, "MAX_FILE_BYTES", 10)
    (tmp_path / "a.png").write_bytes(bytes(11))
    assert scan(tmp_path).rejected == (("a.png", "a file of 11 bytes is too large"),)


def test_ignored_paths_are_no_part_of_the_art(tmp_path: Path) -> None:
    (tmp_path / "out.zip").write_bytes(b"x")
    found = scan(tmp_path, ignore=frozenset({(tmp_path / "out.zip").resolve()}))
    assert found.candidates == () and found.rejected == ()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every folder")
def test_a_locked_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0)
    try:
        assert "cannot be read" in dict(scan(tmp_path).rejected)["locked"]
    finally:
        (tmp_path / "locked").chmod(0o700)


def test_a_source_that_is_no_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"x")
    with pytest.raises(UsageError, match="is a file, not a folder"):
        scan(tmp_path / "a.png")
    with pytest.raises(UsageError, match="does not exist"):
        scan(tmp_path / "none")
