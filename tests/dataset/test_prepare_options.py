"""Options that cannot be are refused with those that can."""

from __future__ import annotations

from pathlib import Path

import pytest

from nftgan.dataset.prepare import prepare
from nftgan.dataset.prepare_options import PrepareOptions
from nftgan.errors import UsageError
from tests.dataset.test_prepare import art_folder


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (PrepareOptions(resolution=100), "the resolution 100 is not a power of two"),
        (PrepareOptions(resolution=8), "the resolution 8"),
        (PrepareOptions(crop="middle"), "no crop 'middle'"),
        (PrepareOptions(resample="cubic"), "no resampling 'cubic'"),
        (PrepareOptions(background="blurple"), "'blurple' is not a colour"),
        (PrepareOptions(min_side=0), "smallest side 0"),
        (PrepareOptions(dedupe=-2), "dedupe -2"),
        (PrepareOptions(labels="none.csv"), "none.csv does not exist"),
    ],
)
def test_a_wrong_option_is_refused(options: PrepareOptions, message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=message):
        prepare(art_folder(tmp_path / "art", 1), tmp_path / "out.zip", options)


@pytest.mark.parametrize(
    ("wrong", "near"), [(8, 16), (0, 16), (-64, 16), (20, 16), (24, 16), (100, 128), (9999, 4096)]
)
def test_a_resolution_that_cannot_be_leads_to_the_nearest_that_can(
    wrong: int, near: int, tmp_path: Path
) -> None:
    with pytest.raises(UsageError) as caught:
        prepare(tmp_path, tmp_path / "out.zip", PrepareOptions(resolution=wrong))
    assert f"--resolution {near}," in (caught.value.hint or "")
