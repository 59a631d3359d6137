"""What desktops leave behind is told from what somebody made."""

from __future__ import annotations

import pytest

from nftgan.junk import is_junk


@pytest.mark.parametrize(
    "name",
    [".DS_Store", "._0.json", "Thumbs.db", "THUMBS.DB", "desktop.ini", "0.json~", ".0.json.swp"],
)
def test_a_file_of_a_desktop_or_an_editor_is_junk(name: str) -> None:
    assert is_junk(name)


@pytest.mark.parametrize("name", ["0.json", "walk.gif", "Thumbs.db.png", "desktop.ini.html", "a.b"])
def test_a_file_that_somebody_made_is_not(name: str) -> None:
    assert not is_junk(name)
