"""Training images are called as the artist's files, where prepare wrote those down."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nftgan.dataset.archive import Dataset
from nftgan.dataset.art_names import in_own_names, index_of, own_name
from nftgan.dataset.pack import write_dataset

IMAGES = [np.full((8, 8, 3), 40 * number, dtype=np.uint8) for number in range(3)]


def test_a_sentence_names_the_artist_s_own_files(tmp_path: Path) -> None:
    files = [{"source": name} for name in ("a.png", "birds/b c.jpg", "d.png")]
    write_dataset(tmp_path / "art.zip", IMAGES, notes={"sources": files})
    art = Dataset.open(tmp_path / "art.zip")
    words = "a near copy of training image 00000/img00000001.png: 0.10 of the usual distance"
    assert in_own_names(art, words) == (
        "a near copy of training image birds/b c.jpg: 0.10 of the usual distance"
    )
    assert index_of(art, "00000/img00000002.png") == 2
    assert in_own_names(art, "like 00000/img00000009.png") == "like 00000/img00000009.png"
    assert in_own_names(None, words) == words


@pytest.mark.parametrize("sources", [None, [], "no", [None, 3, {}], [{"source": 7}] * 3])
def test_without_such_notes_the_names_are_those_inside(tmp_path: Path, sources: object) -> None:
    write_dataset(tmp_path / "art.zip", IMAGES, notes={"sources": sources})
    assert own_name(Dataset.open(tmp_path / "art.zip"), 2) == "00000/img00000002.png"
