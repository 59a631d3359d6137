"""What the studio keeps of candidates on disk, and when that does not count any more."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nftgan.studio import cache
from nftgan.studio.cache import Cache
from nftgan.synthesis.recipe import Recipe

RECIPE = Recipe("sha256:" + "a" * 64, (32, 32))


def kept(folder: Path) -> list[int]:
    opened = Cache(RECIPE, "art", folder)
    try:
        return [one.seed for one in opened.all(range(10))]
    finally:
        opened.close()


def test_candidates_are_found_again_by_their_recipe(tmp_path: Path) -> None:
    opened = Cache(RECIPE, "art", tmp_path)
    opened.put([(3, b"image", np.zeros(4, np.int16), {"parts": 0.5})])
    opened.close()
    assert kept(tmp_path) == [3]


def test_measures_from_before_parts_of_any_size_counted_are_taken_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Version 3 judged parts by art of another size as if there were none."""
    with monkeypatch.context() as before:
        before.setattr(cache, "VERSION", 3)
        opened = Cache(RECIPE, "art", tmp_path)
        opened.put([(3, b"image", np.zeros(4, np.int16), {"parts": None})])
        opened.close()
        assert kept(tmp_path) == [3]
    assert kept(tmp_path) == []
