"""A data set is written where nothing of anybody else's lies, by one run at a time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nftgan.dataset.output import check_output, only_writer, own_files
from nftgan.dataset.pack import write_dataset
from nftgan.errors import NftganError, UsageError


def test_a_file_of_somebody_else_is_never_written_over(tmp_path: Path) -> None:
    check_output(tmp_path / "new.zip")
    with pytest.raises(UsageError, match=r"must be a \.zip file"):
        check_output(tmp_path / "new.tar")
    for name, content in (("text.zip", b"mine"), ("empty.zip", b"")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UsageError, match="was not made by nftgan prepare"):
            check_output(tmp_path / name)
    other = tmp_path / "other.zip"
    write_dataset(other, [np.zeros((8, 8, 3), np.uint8)], labels=None)
    with pytest.raises(UsageError, match="was not made by nftgan prepare"):
        check_output(other)


def test_what_a_run_writes_beside_its_output_is_no_art(tmp_path: Path) -> None:
    output = tmp_path / "art[1].zip"
    left = tmp_path / ".art[1].zip.x7"
    left.touch()
    (tmp_path / ".art1.zip.x7").touch()  # another's, whom the brackets would match
    own = own_files(output, tmp_path / "labels.json")
    assert {output, left, tmp_path / "labels.json"} <= {Path(path) for path in own}
    assert tmp_path / ".art1.zip.x7" not in own and tmp_path / "art.png" not in own


def test_a_second_run_is_refused_and_what_a_killed_one_left_is_cleared(tmp_path: Path) -> None:
    output = tmp_path / "art.zip"
    left, foreign = tmp_path / ".art.zip.k2", tmp_path / ".other.zip.k2"
    left.touch()
    foreign.touch()
    with only_writer(output):
        assert not left.exists() and foreign.exists()
        with pytest.raises(NftganError, match=r"art\.zip"), only_writer(output):
            pass
    assert sorted(path.name for path in tmp_path.iterdir()) == [".other.zip.k2"]
    with pytest.raises(RuntimeError), only_writer(output):
        raise RuntimeError("in the middle")
    with only_writer(output):
        pass
