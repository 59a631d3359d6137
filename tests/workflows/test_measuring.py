"""Measuring for metadata: what goes from process to process is what one process measures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nftgan.collection.added_traits import NamedTrait
from nftgan.errors import CheckFailed, MissingStepError
from nftgan.pixels import pixel_hash
from nftgan.png import write_png
from nftgan.project import Project
from nftgan.training.distributed import SINGLE_PROCESS
from nftgan.workflows.measuring import Wanted, measure_pieces


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


@pytest.fixture
def wanted(project: Project) -> Wanted:
    random = np.random.default_rng(0)
    pieces = []
    for id in (0, 1, 7):
        image = random.integers(0, 256, (32, 32, 3), dtype=np.uint8)
        write_png(project.images / f"{id}.png", image)
        pieces.append((id, pixel_hash(image)))
    return Wanted(tuple(pieces), 1, 2, ())


def test_what_a_group_sends_is_what_one_process_measures(project: Project, wanted: Wanted) -> None:
    alone = measure_pieces(project, wanted, None)
    assert len(alone) == 3 and len({cid for _, cid in alone}) == 3
    # One of one: the way of a group, with all its packing.
    assert measure_pieces(project, wanted, SINGLE_PROCESS) == alone


def test_what_is_wanted_reaches_the_others_whole() -> None:
    added = (NamedTrait("Sparkle", "nftgan-sparkle", 3),)
    wanted = Wanted(((0, "sha256:" + "a" * 64), (1, None)), 4, 1, added)
    assert Wanted.from_json(wanted.to_json()) == wanted


def test_an_image_that_is_missing_or_was_changed_is_told_by_its_number(
    project: Project, wanted: Wanted
) -> None:
    write_png(project.images / "1.png", np.zeros((32, 32, 3), dtype=np.uint8))
    with pytest.raises(CheckFailed, match=r"1\.png was changed"):
        measure_pieces(project, wanted, None)
    (project.images / "1.png").unlink()
    with pytest.raises(MissingStepError, match="piece 1 has not been rendered"):
        measure_pieces(project, wanted, None)
