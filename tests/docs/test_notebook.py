"""The Colab notebook runs from top to bottom, also when the session dies in the training."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from nftgan.dataset.shipped import unpack
from tests.docs.session import cells
from tests.test_docs import Call, problem

ROOT = Path(__file__).parents[2]
NOTEBOOK = ROOT / "docs" / "colab.ipynb"
TINY = {
    "TRAIN": "--resume base --kimg 0.16 --tick 0.032 --snap 1",
    "LOOK": "--trunc 0.7 --pixel-grid 16 --palette 12 --upscale 2",
    "SEEDS": "0-15",
    "PIECES": 2,
}


def session(drive: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.docs.session", str(NOTEBOOK), str(drive), json.dumps(TINY)],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_it_is_a_clean_notebook() -> None:
    document: dict[str, Any] = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    assert (document["nbformat"], document["nbformat_minor"]) == (4, 5)
    assert len({cell["id"] for cell in document["cells"]}) == len(document["cells"])
    for cell in cells(NOTEBOOK):
        assert cell["outputs"] == [] and cell["execution_count"] is None
    assert sum("parameters" in cell["metadata"].get("tags", ()) for cell in cells(NOTEBOOK)) == 1


@pytest.mark.parametrize(
    "line",
    [
        line
        for cell in cells(NOTEBOOK)
        for line in "".join(cell["source"]).split("\n")
        if line.lstrip().startswith("!")
    ],
)
def test_every_command_exists(line: str) -> None:
    assert line.lstrip().startswith("!nftgan ")
    text = line.lstrip().removeprefix("!nftgan ")
    for name, value in {**TINY, "CHOICE": "--pick 3"}.items():
        text = text.replace(f"{{{name}}}", str(value))
    assert problem(Call("colab.ipynb", text, True)) is None


@pytest.mark.slow
def test_a_session_that_dies_is_gone_on_with_by_running_all_again(tmp_path: Path) -> None:
    drive = tmp_path / "MyDrive"
    art = drive / "art"
    unpack("pixel-art", art)
    for path in sorted(art.glob("*.png"))[32:]:
        path.unlink()
    (drive / "nftgan-0.1.0-py3-none-any.whl").touch()
    first = session(drive)
    until = time.monotonic() + 900
    while first.poll() is None and time.monotonic() < until:
        if list(drive.glob("runs/*/state-*.json")):
            break
        time.sleep(0.01)
    first.send_signal(signal.SIGKILL)
    said, _ = first.communicate()
    assert first.returncode == -signal.SIGKILL, said[-2000:]
    assert not (drive / "candidates").exists()
    second = session(drive)
    said, _ = second.communicate(timeout=1800)
    assert second.returncode == 0, said[-3000:]
    (run,) = (drive / "runs").iterdir()
    log = (run / "stats.jsonl").read_text().splitlines()
    assert json.loads(log[-1])["images"] == 160  # the killed session's images count
    assert "2 tokens proven" in said
    assert (drive / "collections" / "my-birds" / "report.html").is_file()
    assert "no ipywidgets here" in said and "bytes in its place" in said
