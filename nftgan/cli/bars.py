"""Bars of progress on a terminal: one live display, a line a task, never wider than the window."""

from __future__ import annotations

import re

from rich.cells import cell_len
from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task, TextColumn
from rich.table import Column
from rich.text import Text

from nftgan.words import duration


class Figures(ProgressColumn):
    """ "3.2 of 16 kimg, 14.1 s/kimg, 3 min left", and the task's note; cut at the window's edge."""

    def render(self, task: Task) -> Text:
        return Text(figures(task), no_wrap=True, overflow="ellipsis")


def figures(task: Task) -> str:
    """What the bar does not show: how many, how fast, how long."""
    unit = str(task.fields.get("unit", ""))
    parts = []
    if task.total is not None:
        parts.append(f"{task.completed:,.6g} of {task.total:,.6g} {unit}".rstrip())
    elif task.completed:
        parts.append(f"{task.completed:,.6g} {unit}".rstrip())
    if unit == "kimg" and task.speed:
        parts.append(f"{1 / task.speed:.3g} s/kimg")
    if task.time_remaining is not None and not task.finished:
        parts.append(f"{duration(task.time_remaining)} left")
    note = str(task.fields.get("note", ""))
    return ", ".join([*parts, *([note] if note else [])])


def live_bars(console: Console) -> Progress:
    """The display; it takes itself away at the end. Tasks have the fields unit and note."""
    return Progress(
        SpinnerColumn(),
        TextColumn(
            "{task.description}",
            markup=False,
            table_column=Column(no_wrap=True, overflow="ellipsis", max_width=24),
        ),
        BarColumn(bar_width=30 if console.width >= 100 else 16 if console.width >= 60 else 6),
        Figures(table_column=Column(no_wrap=True, overflow="ellipsis", ratio=1)),
        console=console,
        transient=True,
        expand=True,
    )


def wrapped(text: Text, width: int) -> list[Text]:
    """Lines of at most `width` cells, broken at spaces; a longer word, as a CID, stays whole."""
    cuts: list[int] = []
    start, begun = 0, False  # of the line: its first letter, and whether a word stands in it
    for found in re.finditer(r"\S+|\n", text.plain):
        if found[0] == "\n":
            start, begun = found.end(), False
            continue
        if begun and cell_len(text.plain[start : found.end()]) > width:
            cuts.append(found.start())
            start = found.start()
        begun = True
    lines = [one for part in text.divide(cuts) for one in part.split("\n", allow_blank=True)]
    for one in lines:
        one.rstrip()
    return lines


def folded(command: str, width: int, first: int = 0) -> list[str]:
    """A command as lines that a shell takes as one: folded at words, with a backslash.

    first: columns that stand before it on its first line. A word that is wider stays whole.
    """
    lines: list[str] = []
    line, room = "", width - first
    for word in _words(command):
        if line and len(line) + 1 + len(word) + 2 > room:
            lines.append(line + " \\")
            line, room = "    " + word, width
        else:
            line = f"{line} {word}" if line else word
    return [*lines, line]


def _words(command: str) -> list[str]:
    """Split at spaces outside of quotes."""
    words, quote = [""], ""
    for letter in command:
        if letter == " " and not quote:
            words.append("")
            continue
        if letter in "'\"" and quote in ("", letter):
            quote = "" if quote else letter
        words[-1] += letter
    return [word for word in words if word]
