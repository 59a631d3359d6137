import json
import re

import pytest

from nftgan.errors import UsageError
from nftgan.training import report
from nftgan.training.config import OPTIONS_FILE
from nftgan.training.loop import train


@pytest.fixture
def run_dir(configure, tmp_path):
    for _ in train(configure(), run_dir=tmp_path / "run"):
        pass
    return tmp_path / "run"


def test_the_page_stands_alone_and_shows_curves_and_sheets(run_dir):
    page = report.write_report(run_dir).read_text(encoding="utf-8")
    assert not re.search(r"""(src|href)=["'](?!data:)""", page)
    assert "<script" not in page
    assert page.count("<svg") >= 3
    assert page.count("data:image/png;base64,") == 2
    assert "squares, 24 images of 16 pixels" in page and "The art" in page


def test_a_chart_names_its_curves_for_people():
    lines = [{"images": 1000 * n, "Loss/G": float(n)} for n in range(5)]
    plot = report.chart("t", ("Loss/G", "Loss/D"), lines)
    assert [(curve.name, curve.last) for curve in plot.curves] == [("generator", "4")]
    named = {name for _, names in report.CHARTS for name in names}
    assert named == set(report.NAMES)


def test_lengths_are_written_for_people(run_dir):
    options = json.loads((run_dir / OPTIONS_FILE).read_text())
    options["total_images"] = 25_000_000
    (run_dir / OPTIONS_FILE).write_text(json.dumps(options))
    with (run_dir / "stats.jsonl").open("a") as file:
        file.write(json.dumps({"images": 5_123_400, "seconds": 1.0}) + "\n")
    page = report.render(run_dir)
    assert "5,123 of 25,000" in page
    assert "Before training" in page and "After 0 kimg" not in page


def test_a_sheet_that_is_no_image_is_left_out(run_dir):
    (run_dir / "fakes000005.png").write_bytes(b"garbage")
    page = report.render(run_dir)
    assert page.count("data:image/png;base64,") == 2 and "After 5 kimg" not in page


def test_names_and_warnings_cannot_inject_markup(run_dir):
    options = json.loads((run_dir / "training_options.json").read_text())
    options["dataset"]["name"] = "<script>alert(1)</script>"
    (run_dir / "training_options.json").write_text(json.dumps(options))
    line = {"images": 30, "seconds": 1.0, "warnings": ["<b>bad</b>"]}
    with (run_dir / "stats.jsonl").open("a") as file:
        file.write(json.dumps(line) + "\n")
    page = report.render(run_dir)
    assert "<script" not in page
    assert "&lt;b&gt;bad" in page


def test_missing_values_and_half_written_lines_are_left_out(run_dir):
    with (run_dir / "stats.jsonl").open("a") as file:
        file.write('{"images": 40, "Loss/G": null, "seconds": 1.0}\n{"images": 5')
    assert report.chart("t", ("Loss/G",), []) is None and report.render(run_dir)


def test_a_folder_without_a_run_is_refused(tmp_path):
    with pytest.raises(UsageError, match="not a run folder"):
        report.render(tmp_path)
