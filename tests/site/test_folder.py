"""A site's folder is replaced as a whole, and no other folder is touched."""

from __future__ import annotations

from pathlib import Path

import pytest

from nftgan.errors import NftganError, UsageError
from nftgan.site.folder import write_site


def test_a_site_replaces_the_one_before(tmp_path: Path) -> None:
    folder = tmp_path / "site"
    write_site(folder, [("a.txt", b"1"), ("b/c.txt", lambda: b"2")])
    assert write_site(folder, [("a.txt", b"three")]) == 5
    assert (folder / "a.txt").read_bytes() == b"three"
    assert not (folder / "b").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


def test_a_folder_with_other_things_is_refused_and_kept(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear", encoding="utf-8")
    with pytest.raises(UsageError, match=r"letter\.txt"):
        write_site(tmp_path, [("a.txt", b"1")])
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_a_site_to_which_something_was_added_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "site"
    write_site(folder, [("a.txt", b"1")])
    (folder / "mine.txt").write_text("x", encoding="utf-8")
    with pytest.raises(UsageError, match=r"mine\.txt"):
        write_site(folder, [("a.txt", b"2")])
    assert (folder / "a.txt").read_bytes() == b"1"


def test_what_fails_in_the_middle_leaves_the_site_before(tmp_path: Path) -> None:
    folder = tmp_path / "site"
    write_site(folder, [("a.txt", b"1")])
    with pytest.raises(NftganError):
        write_site(folder, [("a.txt", b"2"), ("b.txt", tmp_path / "absent")])
    assert (folder / "a.txt").read_bytes() == b"1"
    assert [path.name for path in tmp_path.iterdir()] == ["site"]
