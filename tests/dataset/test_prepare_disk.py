"""A disk that is full at any moment of `prepare`, and names that some disks take for one."""

from __future__ import annotations

import errno
import os
import resource
import zipfile
from pathlib import Path

import pytest

from nftgan.dataset.archive import Dataset
from nftgan.dataset.prepare import prepare
from nftgan.dataset.prepare_options import PrepareOptions
from nftgan.dataset.report import report_paths
from nftgan.errors import UsageError
from tests.dataset.test_prepare import art_folder, drawing

OPTIONS = PrepareOptions(resolution=32)


def test_a_full_disk_at_any_flush_is_one_sentence_and_the_same_command_mends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    art, real = art_folder(tmp_path / "art", 3), os.fsync
    whole = tmp_path / "whole" / "set.zip"
    prepare(art, whole, OPTIONS, workers=1)
    failed = 0
    for moment in range(1, 20):
        output = tmp_path / str(moment) / "set.zip"
        output.parent.mkdir()
        left = moment

        def full(handle: int) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                raise OSError(errno.ENOSPC, "No space left on device")
            real(handle)

        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", full)
            try:
                prepare(art, output, OPTIONS, workers=1)
            except UsageError as exc:
                failed += 1
                assert "no space left" in exc.message
                assert str(output.parent) in exc.message
                assert exc.hint is not None and "free some space" in exc.hint
        # Whole files or none, and nothing beside them.
        assert {path.name for path in output.parent.iterdir()} <= {
            path.name for path in (output, *report_paths(output))
        }
        if output.exists():
            Dataset.open(output)
        prepare(art, output, OPTIONS, workers=1)
        for mine, other in zip(
            (output, *report_paths(output)), (whole, *report_paths(whole)), strict=True
        ):
            assert mine.read_bytes() == other.read_bytes()
        if left > 0:
            break
    assert failed >= 4  # the zip and two reports, files and folders


def test_a_file_that_may_grow_no_further_leaves_the_old_data_set(tmp_path: Path) -> None:
    """The system's own refusal, in the middle of the zip, at its end, and in the reports."""
    art, output = art_folder(tmp_path / "art", 3), tmp_path / "out" / "set.zip"
    prepare(art, output, OPTIONS, workers=1)
    before = output.read_bytes()
    drawing(9).save(art / "more.png")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    for most in (0, 100, len(before) // 2, len(before)):
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, limits[1]))
        try:
            with pytest.raises(UsageError, match="file too large") as caught:
                prepare(art, output, OPTIONS, workers=1)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert str(output.parent) in caught.value.message
        assert output.read_bytes() == before
        assert len(list(output.parent.iterdir())) == 3
    assert prepare(art, output, OPTIONS, workers=1).kept == 4


def test_two_names_that_differ_by_case_are_two_images(tmp_path: Path) -> None:
    """Where a disk takes them for one, a zip has both, and neither overwrites the other."""
    with zipfile.ZipFile(tmp_path / "art.zip", "w") as archive:
        for seed, name in enumerate(("Owl.png", "owl.PNG", "OWLS/a.png", "owls/A.png")):
            drawing(seed).save(tmp_path / "one.png")
            archive.write(tmp_path / "one.png", name)
    report = prepare(tmp_path / "art.zip", tmp_path / "set.zip", OPTIONS, workers=1)
    assert report.kept == 4
    images = Dataset.open(tmp_path / "set.zip").images(range(4))
    assert len({image.tobytes() for image in images}) == 4
