"""Single keys change; what a person wrote beside them stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from nftgan.collection.toml_edit import edit_section
from nftgan.errors import UsageError

TEXT = """# my words
[collection]
name = "A"   # the name

[recipe]
trunc = 0.7      # not too wild
pixel_grid = "auto"            # squares

[chain]
name = "embedded"
"""


def test_only_the_named_keys_change_and_comments_stay(tmp_path: Path) -> None:
    path = tmp_path / "nftgan.toml"
    path.write_text(TEXT)
    before = edit_section(path, "recipe", {"trunc": 0.5, "pixel_grid": 16, "palette": 8})
    assert before == {"trunc": 0.7, "pixel_grid": "auto", "palette": None}
    text = path.read_text()
    assert (
        "trunc = 0.5      # not too wild" in text and "pixel_grid = 16            # squares" in text
    )
    assert "palette = 8" in text.split("[chain]")[0]
    edit_section(path, "recipe", before)
    assert path.read_text() == TEXT


def test_a_file_that_is_no_toml_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "nftgan.toml"
    path.write_text("[recipe")
    with pytest.raises(UsageError, match="not valid TOML"):
        edit_section(path, "recipe", {"trunc": 0.5})
    assert path.read_text() == "[recipe"
