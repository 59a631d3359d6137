"""`prepare` says what it refused, and what comes next for the size it chose."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nftgan.cli.main import app


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
    art: Path, capsys: pytest.CaptureFixture[str], side: int, start: str
) -> None:
    words = ["prepare", str(art), "-o", f"{art}.zip", "--resolution", str(side), "-q"]
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
