"""`prepare` says what it refused, and what comes next for the size it chose."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nftgan.cli.main import app
from nftgan.networks import sources


@pytest.fixture
def art(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NFTGAN_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "200")
    (tmp_path / "art").mkdir()
    for n in range(6):
        pixels = np.random.default_rng(n).integers(0, 256, (64, 64, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "art" / f"{n}.png")
    (tmp_path / "art" / "torn.png").write_bytes(b"\x89PNG\r\n\x1a\n, and no more")
    return tmp_path / "art"


@pytest.mark.parametrize(("side", "start"), [(64, ""), (32, " --resume base")])
def test_the_next_command_starts_from_the_base_model_where_there_is_one(
    art: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    side: int,
    start: str,
) -> None:
    monkeypatch.setattr(sources, "BASE_SIDES", (16, 32))
    words = ["prepare", str(art), "-o", f"{art}.zip", "--resolution", str(side)]
    with pytest.raises(SystemExit) as ended:
        app(words, standalone_mode=False)
    said = capsys.readouterr().out
    assert not ended.value.code
    assert "torn.png" in said and f"6 images of {side}x{side}" in said
    assert said.rstrip().endswith(f"-o runs{start}")


def test_a_home_that_cannot_be_written_stops_no_prepare(
    art: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "home").write_text("a file stands there")
    with pytest.raises(SystemExit) as ended:
        app(["prepare", str(art), "-o", f"{art}.zip", "-q"], standalone_mode=False)
    assert ended.value.code == 0
    assert (tmp_path / "home").is_file()


def test_quietly_the_refused_files_are_counted_and_the_report_is_named(
    art: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        app(["prepare", str(art), "-o", f"{art}.zip", "--quiet"], standalone_mode=False)
    shown = capsys.readouterr()
    assert ended.value.code == 0 and shown.err == ""
    assert "torn.png" not in shown.out and "next:" not in shown.out
    report = Path(f"{art}.report.html")
    assert f"1 file not used: {report} says why" in shown.out
    assert "torn.png" in report.read_text()


def test_of_many_refused_files_the_first_are_listed(
    art: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for n in range(30):
        (art / f"torn{n:02}.png").write_bytes(b"\x89PNG\r\n\x1a\n, and no more" + bytes([n]))
    with pytest.raises(SystemExit):
        app(["prepare", str(art), "-o", f"{art}.zip"], standalone_mode=False)
    said = capsys.readouterr().out
    assert "Not used: 31, the first of them" in said and "31 files not used: " in said
    assert "torn00.png" in said and "torn29.png" not in said
