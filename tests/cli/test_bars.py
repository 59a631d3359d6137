"""Bars and lines share a terminal and leave nothing of each other, at any width."""

from __future__ import annotations

import shlex
import sys

import pytest
from rich.text import Text

from nftgan.cli import verbs
from nftgan.cli.bars import folded, wrapped
from nftgan.cli.ui import Ui
from tests.cli.screen import Screen

WIDTHS = (80, 100, 200)
CID = "ipfs://bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi"


def on_a_terminal(monkeypatch: pytest.MonkeyPatch, columns: int) -> tuple[Ui, Screen]:
    screen = Screen(columns)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setattr(sys, "stdout", screen)
    monkeypatch.setattr(sys, "stderr", screen)
    return Ui(), screen


def the_demo(ui: Ui) -> None:
    """What `nftgan demo --keep demo` said on a real terminal, in its order, by the same calls."""
    ui.note("unpacking 1024 shipped CC0 pixel avatars into demo/art")
    ui.command("1/13", "nftgan prepare demo/art -o demo/art.zip")
    with ui.task("reading images", 1024, "images") as task:
        for _ in range(1024 // 64):
            task.advance(64)
    ui.print("1024 images of 16x16 in demo/art.zip")
    ui.print("next: [bold]nftgan train demo/art.zip -o runs --resume base[/]")
    ui.command("2/13", "nftgan train demo/art.zip -o demo/runs --resume base --kimg 16")
    ui.note("new run demo/runs/00000-stylegan2-art-batch16-gamma0.0128")
    with ui.task("training", 16, "kimg") as task:
        task.update(completed=0)
        for kimg in range(1, 17):
            task.update(completed=kimg)
            if kimg % 4 == 0:
                ui.print(f"{kimg} of 16 kimg, 4.15 s/kimg, 50 s left")
                with ui.task("measuring the network against the art held out", 500, "images") as it:
                    it.advance(250)
                    ui.warn("the watchdog saw something, and says so in a sentence that is long")
                    it.advance(250)
    ui.command(
        "5/13",
        "nftgan curate -C demo/collections/avatars -m demo/runs --auto 12 --seeds 0-255"
        " --dataset demo/art.zip",
    )
    ui.print("12 pieces: seeds 4,9,14,23,60,71,88,102,120,160,201,255")
    ui.print(f"images    {CID}")
    ui.print(f"pinned {CID} to embedded: 35 of 35 blocks read back")
    ui.print("next: [bold]nftgan deploy -C demo/collections/avatars[/]")
    ui.table("Plan", ("", ""), [("what", "collection; seeds in the log"), ("gas, about", "9,000")])
    with ui.task("verifying", 12, "tokens") as task:
        for token in range(12):
            task.advance()
            if token == 0:
                ui.table("Token 0", ("link", "", "found"), [("image", "holds", f"{CID}/0.png")])
            else:
                ui.print(f"token {token}: all 14 links hold")
    ui.print("[green]12 tokens proven[/] by 0x5FbDB2315678afecb367f032d93F642f64180aa3")


@pytest.mark.parametrize("columns", WIDTHS)
def test_the_demo_leaves_no_bar_and_no_broken_line(
    monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    ui, screen = on_a_terminal(monkeypatch, columns)
    the_demo(ui)
    shown = [line.rstrip() for line in screen.lines]
    assert not [line for line in shown if "━" in line or "⠋" in line or " left -" in line]
    assert screen.broken == []
    assert shown[shown.index("Plan") - 1] == ""  # tables stand apart
    for words in ("16 of 16 kimg, 4.15 s/kimg, 50 s left", "token 11: all 14 links hold"):
        assert shown.count(words) == 1
    # What is to be typed can be pasted.
    text = "\n".join(shown).replace(" \\\n", " ")
    assert "--seeds 0-255 --dataset demo/art.zip" in " ".join(text.split())


@pytest.mark.parametrize("columns", (20, 40, *WIDTHS))
def test_a_bar_is_one_line_with_how_many_how_fast_and_how_long(
    monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    ui, screen = on_a_terminal(monkeypatch, columns)
    now = 0.0
    with ui.task("training", 16, "kimg") as task:
        assert ui._bars is not None
        monkeypatch.setattr(ui._bars, "get_time", lambda: now)
        for kimg in (1, 2, 3):
            now += 14
            task.update(completed=kimg, note="a note that is too long for every window " * 5)
        ui._bars.refresh()
        (bar,) = [line for line in screen.lines if line.strip()]
        assert len(bar) <= columns
        if columns >= 80:
            assert "3 of 16 kimg, 14 s/kimg, 3 min left" in bar
        if columns < 200:
            assert bar.rstrip().endswith("…")
    assert screen.broken == [] and not "".join(screen.lines).strip()


def test_a_log_line_and_a_warning_go_above_the_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    import logging

    ui, screen = on_a_terminal(monkeypatch, 80)
    handler = verbs._StderrHandler()
    with ui.task("training", 3, "kimg") as task:
        task.advance()
        handler.emit(logging.LogRecord("a", logging.WARNING, "b", 1, "a log line", (), None))
        print("a library's own line", file=sys.stderr)
        task.advance()
    shown = [line.rstrip() for line in screen.lines]
    assert "a log line" in shown and "a library's own line" in shown
    assert not [line for line in shown if "━" in line]


def test_words_are_wrapped_at_spaces_and_a_cid_stays_whole() -> None:
    lines = [line.plain for line in wrapped(Text(f"pinned {CID} to 日本 embedded\n\nend"), 20)]
    assert lines == ["pinned", CID, "to 日本 embedded", "", "end"]
    assert [line.plain for line in wrapped(Text(""), 20)] == [""]
    assert [line.plain for line in wrapped(Text("\nimages    ipfs://x"), 40)] == [
        "",
        "images    ipfs://x",
    ]


@pytest.mark.parametrize("width", (20, 40, 80))
def test_a_folded_command_is_one_command_to_a_shell(width: int) -> None:
    command = f"nftgan train {shlex.quote('my art & more.zip')} -o runs --resume base --kimg 20"
    lines = folded(command, width, first=6)
    assert all(line.endswith(" \\") for line in lines[:-1]) and not lines[-1].endswith("\\")
    assert max(map(len, lines)) <= max(width, len("    'my art & more.zip' \\"))
    assert shlex.split("\n".join(lines).replace("\\\n", "")) == shlex.split(command)


def test_where_the_next_command_types_itself_none_is_proposed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ui, screen = on_a_terminal(monkeypatch, 80)
    monkeypatch.setattr(Ui, "leads", False)
    ui.print("next: [bold]nftgan train[/]")
    ui.print("what comes next: nothing")
    assert [line.rstrip() for line in screen.lines if line.strip()] == ["what comes next: nothing"]
