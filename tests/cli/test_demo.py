"""The demo goes on only where a demo of the same art was."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from nftgan.cli import demo
from nftgan.cli.main import app
from nftgan.dataset.shipped import SHIPPED_SETS
from nftgan.networks.sources import BASE_SIDES


def typed(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["demo", *words])
    return done.exit_code, done.output


def test_the_folder_of_a_demo_of_other_art_is_refused(tmp_path: Path) -> None:
    (tmp_path / "art").mkdir()
    (tmp_path / "art" / "pixel-art-0000.png").touch()
    code, said = typed("--keep", str(tmp_path))
    assert code == 2 and "holds a demo of other art than landscape" in " ".join(said.split())
    assert [path.name for path in tmp_path.iterdir()] == ["art"]


def test_art_that_does_not_ship_is_named_with_what_does(tmp_path: Path) -> None:
    code, said = typed("--art", "cats", "--keep", str(tmp_path / "new"))
    assert code == 2 and "landscape and pixel-art" in said
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(("typed_kimg", "expected"), [((), 4.0), (("--kimg", "0"), 0.0)])
def test_a_length_of_zero_is_no_missing_length(
    typed_kimg: tuple[str, ...],
    expected: float,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[float] = []
    monkeypatch.setattr(demo, "_run", lambda ui, folder, art, kimg, kept: seen.append(kimg))
    typed("--keep", str(tmp_path), *typed_kimg)
    assert seen == [expected]


def test_every_example_is_shipped_art_with_a_base_model_of_its_size() -> None:
    for name, example in demo.EXAMPLES.items():
        assert name in SHIPPED_SETS and example.side in BASE_SIDES
