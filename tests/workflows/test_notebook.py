"""What a notebook shows, with stand-ins for the notebook's own packages."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nftgan.errors import MissingStepError
from nftgan.png import read_png, write_png
from nftgan.workflows import notebook
from nftgan.workflows.notebook import Picker


class Widget:
    """As much of ipywidgets as the picker asks of it."""

    def __init__(self, children: Any = (), **traits: Any) -> None:
        self.children = children
        self.value = self.description = ""
        self.seen: list[Callable[..., None]] = []
        self.__dict__.update(traits)

    def observe(self, function: Callable[..., None], names: str) -> None:
        assert names == "value"
        self.seen.append(function)

    on_click = lambda self, function: self.seen.append(function)  # noqa: E731

    def click(self) -> None:
        """A toggle changes its value; a button only tells."""
        if isinstance(self.value, bool):
            self.value = not self.value
        for function in self.seen:
            function({"new": self.value})


def all_in(widget: Any) -> list[Any]:
    return [widget, *(inner for child in widget.children for inner in all_in(child))]


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What was displayed, by a stand-in for IPython."""
    found: list[Any] = []

    class Handle:
        def update(self, data: Any) -> None:
            found.append(data)

    def display(data: Any, **_: Any) -> Handle:
        found.append(data)
        return Handle()

    module = types.ModuleType("IPython.display")
    module.display = display  # type: ignore[attr-defined]
    module.Image = lambda data: data  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", types.ModuleType("IPython"))
    monkeypatch.setitem(sys.modules, "IPython.display", module)
    return found


@pytest.fixture
def candidates(tmp_path: Path) -> Path:
    for seed in range(30):
        image = np.full((16, 16, 3), seed, np.uint8)
        write_png(tmp_path / "candidates" / f"seed{seed:04d}.png", image)
    (tmp_path / "candidates" / "grid.png").touch()
    return tmp_path / "candidates"


def test_clicks_pick_in_their_order_and_are_kept(candidates: Path, tmp_path: Path) -> None:
    picker = Picker(candidates, tmp_path / "picks.json")
    assert picker.options(12, "0-63") == "--auto 12 --seeds 0-63"
    assert [picker.toggle(seed) for seed in (8, 3, 5, 3)] == [True, True, True, False]
    assert picker.options(12, "0-63") == "--pick 8,5"
    assert Picker(candidates, tmp_path / "picks.json").seeds == (8, 5)
    (tmp_path / "picks.json").write_text('[8, 99, "x"]')  # another data set's, or a damaged one
    assert Picker(candidates, tmp_path / "picks.json").seeds == (8,)
    (tmp_path / "picks.json").write_text("{")
    assert Picker(candidates, tmp_path / "picks.json").seeds == ()
    with pytest.raises(MissingStepError):
        Picker(tmp_path, tmp_path / "picks.json")


def test_the_grid_is_clicked_page_by_page(
    candidates: Path, tmp_path: Path, shown: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    module = types.ModuleType("ipywidgets")
    for name in ("HTML", "Box", "HBox", "VBox", "Image", "Button", "ToggleButton"):
        setattr(module, name, Widget)
    monkeypatch.setitem(sys.modules, "ipywidgets", module)
    picker = Picker(candidates, tmp_path / "picks.json", page=24)
    picker.toggle(29)
    picker.show()
    (grid,) = shown

    def named(words: str) -> Any:
        return next(one for one in all_in(grid) if one.description == words)

    assert sum(one.description.startswith("seed") for one in all_in(grid)) == 24
    named("seed 7").click()
    named("more ▶").click()
    named("more ▶").click()  # there is no third page
    assert named("seed 29").value is True and named("seed 29").button_style == "success"
    named("seed 29").click()
    named("◀ back").click()
    assert named("seed 7").value is True
    assert picker.seeds == (7,)
    assert "1 picked</b>: 7" in all_in(grid)[1].value


def test_without_widgets_a_sentence_says_what_to_do(
    candidates: Path, tmp_path: Path, shown: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    Picker(candidates, tmp_path / "picks.json").show()
    assert "PICK" in shown[0]["text/plain"]


def test_sheets_appear_in_one_place_as_they_come(tmp_path: Path, shown: list[Any]) -> None:
    end = notebook.watch_sheets(tmp_path / "runs", every_seconds=3600)
    for run, sheet in (("00000-a", "fakes000000"), ("00001-a", "fakes000008")):
        (tmp_path / "runs" / run).mkdir(parents=True)
        (tmp_path / "runs" / run / f"{sheet}.png").write_bytes(sheet.encode())
    (tmp_path / "runs" / "00001-a" / "fakes_grid.png").touch()
    end()
    end()
    assert shown[1:] == [b"fakes000008"]  # the newest, once


def test_all_pieces_are_on_one_sheet_in_their_order(tmp_path: Path) -> None:
    (tmp_path / "nftgan.toml").write_text('[collection]\nname = "Birds"\n')
    for number in (10, 2):
        image = np.full((512, 512, 3), number, np.uint8)
        write_png(tmp_path / "images" / f"{number}.png", image)
    (tmp_path / "sheet.png").write_bytes(notebook.pieces_sheet(tmp_path))
    sheet = read_png(tmp_path / "sheet.png")
    assert sheet.shape == (256, 520, 3)
    assert sheet[0, 0, 0] == 2 and sheet[0, -1, 0] == 10


def test_a_page_inside_a_cell_cannot_leave_its_frame(tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    page.write_text('<p title="a">&amp;</p><script>alert(1)</script>')
    frame = notebook.inline_page(page)
    assert frame.count('"') == 6 and "<script" not in frame and 'sandbox=""' in frame


def test_pieces_on_a_chain_are_fixed(tmp_path: Path) -> None:
    assert not notebook.already_fixed(tmp_path)
    (tmp_path / "deployments").mkdir()
    (tmp_path / "deployments" / "embedded.json").touch()
    assert notebook.already_fixed(tmp_path)
