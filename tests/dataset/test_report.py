"""The sheet beside a data set shows the same whoever made it."""

from pathlib import Path

import numpy as np

from nftgan.dataset.prepare import prepare
from nftgan.dataset.prepare_options import PrepareOptions
from nftgan.dataset.report import report_paths
from tests.dataset.test_prepare import art_folder


def test_the_reports_are_the_same_with_one_process_and_with_two(tmp_path: Path) -> None:
    art = art_folder(tmp_path / "art", 5)
    made: list[list[bytes]] = []
    for workers in (1, 2):
        output = tmp_path / str(workers) / "set.zip"
        prepare(art, output, PrepareOptions(resolution=32), workers=workers)
        made.append([path.read_bytes() for path in (output, *report_paths(output))])
    assert made[0] == made[1]
    assert made[0][2].count(b"data:image/png") >= 5


def test_the_sheet_shows_no_more_than_two_hundred(tmp_path: Path) -> None:
    from nftgan.dataset import report
    from nftgan.dataset.pack import dataset_writer

    output = tmp_path / "set.zip"
    with dataset_writer(output) as writer:
        names = [writer.add(np.full((16, 16, 3), n % 251, np.uint8)) for n in range(450)]
        writer.finish()
    sources = [{"name": name, "source": f"{n}.png", "notes": []} for n, name in enumerate(names)]
    notes = {"rejected": [], "sources": sources, "resolution": 16, "notes": []}
    page = report._page(output, {**notes, "fingerprint": "sha256:0"}, 1)
    assert page.count("data:image/png") == 150
    assert "447.png" in page and "446.png" not in page
