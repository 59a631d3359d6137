"""A run folder as the studio shows it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nftgan.errors import MissingStepError
from nftgan.studio.run import POINTS, charts, describe
from tests.studio.conftest import Serve


def make_run(folder: Path, ticks: int = 5) -> Path:
    folder.mkdir(exist_ok=True)
    options = {
        "dataset": {
            "name": "squares", "images": 24, "resolution": 16, "fingerprint": "sha256:" + 64 * "0",
        },
        "cfg": "stylegan3-t", "batch": 4, "gamma": 0.5, "aug": "ada", "augpipe": "art",
        "preset": "tiny", "seed": 0, "parent": None,
        "total_images": 20_000,
    }  # fmt: skip
    (folder / "training_options.json").write_text(json.dumps(options))
    lines = [
        {
            "images": 1000 * (n + 1), "augment_p": n / 100, "seconds": 60.0 * (n + 1),
            "seconds_per_kimg": 30.0, "Loss/G": 1.5 - n / 10, "Loss/D": 1.0, "KID": 50.0 / (n + 1),
            "warnings": ["the fakes all look alike"] if n == 3 else [],
        }
        for n in range(ticks)
    ]  # fmt: skip
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (folder / "stats.jsonl").write_text(text + '{"images": 9')
    (folder / "log.txt").write_text("started\n")
    for n, name in enumerate(("reals.png", "fakes000000.png", "fakes000002.png", "fakes4.png")):
        sheet = np.full((64, 96, 3), 60 * n, dtype=np.uint8)
        sheet[::8] = 255
        Image.fromarray(sheet).save(folder / name)
    return folder


def test_a_run_is_told_from_its_folder(tmp_path: Path) -> None:
    run = describe(make_run(tmp_path / "run"))
    assert (run["kimg"], run["total_kimg"], run["seconds"]) == (5, 20, 300)
    assert run["seconds_left"] == 15 * 30
    assert run["sheets"] == [0, 2] and run["has_reals"]
    assert run["warnings"] == [{"kimg": 4, "text": "the fakes all look alike"}]
    curves = {c["name"]: c["points"] for chart in run["charts"] for c in chart["curves"]}
    assert curves["KID"][0] == [1, 50] and len(curves["Loss/G"]) == 5
    assert set(curves) == {"Loss/G", "Loss/D", "augment_p", "seconds_per_kimg", "KID"}


def test_a_run_that_has_only_begun_is_told_too(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", ticks=0)
    (folder / "log.txt").unlink()
    run = describe(folder)
    assert run["charts"] == [] and run["seconds_left"] is None
    assert run["seconds_since_news"] is None
    with pytest.raises(MissingStepError):
        describe(tmp_path)


def test_a_long_run_is_thinned_but_keeps_its_end() -> None:
    lines = [{"images": 1000 * n, "KID": float(n)} for n in range(10_000)]
    (chart,) = charts(lines)
    points = chart["curves"][0]["points"]
    assert len(points) <= POINTS + 1 and points[0] == [0, 0] and points[-1] == [9999, 9999]


def test_only_sheets_of_the_run_are_served(serve: Serve, tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    served = serve(range(2), run_dir=run)
    assert served.get("/api/run")["name"] == "run"
    assert served.request("GET", "/sheet/2")[2] == (run / "fakes000002.png").read_bytes()
    assert served.request("GET", "/reals")[2] == (run / "reals.png").read_bytes()
    for path in ("/sheet/4", "/sheet/-1", "/sheet/..", "/sheet/000002.png"):
        assert served.request("GET", path)[0] == 404
    assert serve(range(2)).request("GET", "/api/run")[0] == 404
