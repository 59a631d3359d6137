"""What a person or a machine sees: tables and progress, or one JSON document with --json."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import shlex
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from rich.console import Console, ConsoleOptions, RenderableType
from rich.errors import MarkupError
from rich.progress import Progress, TaskID
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from nftgan.cli.bars import folded, live_bars, wrapped
from nftgan.cli.markup import own_markup
from nftgan.errors import Cancelled, NftganError
from nftgan.redaction import redact
from nftgan.terminal import one_line, visible
from nftgan.words import duration

LINE_EVERY_SECONDS = 10
NEXT = "next: "
"""How the line begins that says what to type."""


def plain(value: Any) -> Any:
    """`value` as JSON-able data: dataclasses become objects, paths become strings.

    A field whose name in JSON is another one holds that as `json` in its metadata.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = dataclasses.fields(value)
        return {f.metadata.get("json", f.name): plain(getattr(value, f.name)) for f in fields}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value


class SafeConsole(Console):
    """A console on which text from outside cannot act.

    The last place before the terminal: whatever way a text took (markup, a table's cell, the note
    of a progress bar), its control and bidirectional characters are written out here. Rich's own
    control codes are segments of another kind and pass.
    """

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            text = segment.text if segment.control else visible(segment.text)
            yield segment if text == segment.text else Segment(text, segment.style)

    def on_broken_pipe(self) -> None:
        """Whoever read along has left (`| head`): the work goes on, and nobody hears of it."""
        _to_nobody(sys.stderr if self.stderr else sys.stdout)


def _to_nobody(stream: Any) -> None:
    with contextlib.suppress(OSError, ValueError):  # no real file below it
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def _write_document(document: dict[str, Any]) -> None:
    try:
        sys.stdout.write(json.dumps(document, sort_keys=True) + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        _to_nobody(sys.stdout)


class _RichTask:
    def __init__(self, bars: Progress, task: TaskID) -> None:
        self._bars, self._task = bars, task

    def advance(self, amount: float = 1) -> None:
        self._bars.advance(self._task, amount)

    def update(self, *, completed: float | None = None, note: str | None = None) -> None:
        changes: dict[str, Any] = {}
        if completed is not None:
            changes["completed"] = completed
        if note is not None:
            changes["note"] = note
        self._bars.update(self._task, **changes)


class _LineTask:
    """Progress where no terminal is: a line every ten seconds, so that logs stay short."""

    def __init__(self, console: Console, description: str, total: float | None, unit: str) -> None:
        self._console, self._description, self._total, self._unit = (
            console,
            description,
            total,
            unit,
        )
        self._completed, self._first, self._note = 0.0, 0.0, ""
        self._began = self._said = time.monotonic()
        self._started = False  # whether it is known where this run begins

    def advance(self, amount: float = 1) -> None:
        if not self._started:
            self.update(completed=self._completed)  # it begins at zero
        self.update(completed=self._completed + amount)

    def update(self, *, completed: float | None = None, note: str | None = None) -> None:
        if note is not None:
            self._note = note
        if completed is not None:
            if not self._started:
                # A resumed job says first how far it was: its time left counts from there.
                self._started, self._first, self._began = True, completed, time.monotonic()
            self._completed = completed
        now = time.monotonic()
        if now - self._said >= LINE_EVERY_SECONDS:
            self._said = now
            self._console.print(self._line(now), style="dim", highlight=False)

    def _line(self, now: float) -> str:
        text = f"{self._description}: {self._completed:,.6g}"
        if self._total:
            text += f"/{self._total:,.6g} {self._unit} ({self._completed / self._total:.0%})"
            done = self._completed - self._first
            if done > 0:
                left = (now - self._began) / done * max(self._total - self._completed, 0)
                text += f", {duration(left)} left"
        return f"{text} {self._note}".rstrip()


class Ui:
    """One command's voice. The answer goes to stdout, everything else to stderr.

    quiet: what was done or found, the plan before money is spent, warnings, questions and errors
    stay; how far it is, notes, lists of what the answer counts already, and what to type next go.

    It is also the `Progress` that workflows report to.
    """

    leads = True  # whether it says what to type next: not in a demo, which types it by itself

    def __init__(self, *, as_json: bool = False, quiet: bool = False, debug: bool = False) -> None:
        self.as_json, self.quiet, self.debug = as_json, quiet, debug
        self.out = SafeConsole(highlight=False, soft_wrap=True)
        self.details: Any = None  # of a check that failed: part of its JSON document
        self.names: dict[str, str] = {}  # ENS names that were typed, and their addresses
        self.err = SafeConsole(stderr=True, highlight=False, soft_wrap=True)
        self._bars: Progress | None = None  # those that stand on the terminal now

    # -- the answer

    def print(self, *items: Any) -> None:
        """Part of the answer for a person; with --json nothing.

        On a terminal it is wrapped at words; a command after "next:" so that it can be pasted.
        """
        leads = self.leads and not self.quiet
        if self.as_json or (items and not leads and str(items[0]).startswith(NEXT)):
            return
        console = self._answer()
        try:
            marked = [own_markup(item) for item in items]
            if not (console.is_terminal and len(items) == 1 and isinstance(items[0], str)):
                console.print(*marked)
                return
            text = Text.from_markup(visible(marked[0]))
            if text.plain.startswith(NEXT):
                command = self._folded(text.plain.removeprefix(NEXT), len(NEXT))
                console.print(NEXT, *command, sep="")
            else:
                _print_wrapped(console, text)
        except (
            MarkupError
        ):  # a folder may be called [/bold]; what was paid for is shown all the same
            console.print(*items, markup=False)

    def command(self, number: str, words: str) -> None:
        """A command as one would type it, as `demo` shows its steps."""
        before = f"{number} $ "
        if self.as_json:
            return
        self.print("")
        parts: list[Any] = [Text(f"{number} ", "bold cyan"), Text("$ ", "bold")]
        self._answer().print(*parts, *self._folded(words, len(before)), sep="")

    def _folded(self, command: str, first: int) -> list[Text]:
        console = self._answer()
        width = console.width if console.is_terminal else 10**6
        return [Text("\n".join(folded(visible(command), width, first)), "bold")]

    def text(self, text: str) -> None:
        """Text that is not ours: printed as it is, no markup."""
        if not self.as_json:
            self._answer().print(text, markup=False)

    def step(self, line: str) -> None:
        """A line of the answer's course, such as a tick of a training: not with -q."""
        if not self.quiet:
            self.print(line)

    def listing(self, title: str, columns: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
        """A table of what the answer counts in a line of its own: not with -q."""
        if not self.quiet:
            self.table(title, columns, rows)

    def table(self, title: str, columns: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
        """A table that is the answer, or the plan before money is spent."""
        if self.as_json:
            return
        # A table without names of columns is a list of facts: their names are its first column.
        table = Table(
            header_style="dim",
            show_header=any(columns),
            box=None,
            pad_edge=False,
            padding=(0, 2, 0, 0),
        )
        for column in columns:
            table.add_column(column, overflow="fold")
        for row in rows:
            table.add_row(*map(_cell, row))
        console = self._answer() if self._bars else SafeConsole(highlight=False)
        if title:
            console.print()
            console.print(Text(title, "bold"), soft_wrap=True)
        console.print(table)

    def mark(self, state: Literal["done", "next", "open"]) -> Text:
        """A tick, an arrow or a point for a step; letters where the terminal has no such signs."""
        plain_signs = {"done": "done", "next": "next", "open": ""}
        signs = {"done": "✓", "next": "→", "open": "·"}
        chosen = signs if self.out.encoding.lower().startswith("utf") else plain_signs
        styles = {"done": "green", "next": "bold", "open": "dim"}
        return Text(chosen[state], styles[state])

    def _answer(self) -> Console:
        """Where the answer goes: above the bars, where both share one terminal.

        Written past them, a line would land behind a bar and leave its remains on the screen.
        """
        return self.err if self._bars is not None and self.out.is_terminal else self.out

    def document(self, result: Any) -> None:
        """The one JSON document of a command that worked."""
        if self.as_json:
            document = self._with_names(plain(result))
            _write_document({"ok": True, "result": document})

    def _with_names(self, document: Any) -> Any:
        """A result with the names that it was asked for by, beside their addresses in it."""
        if not self.names or not isinstance(document, dict):
            return document
        return {**document, "names": self.names}

    def failure(self, error: NftganError) -> None:
        """One sentence and its remedy, or the one JSON document of a command that failed."""
        if self.as_json:
            body = {
                "kind": error.kind,
                "message": redact(error.message),
                "hint": error.hint and redact(error.hint),
            }
            document: dict[str, Any] = {"ok": False, "error": body}
            if self.details is not None:
                document["result"] = self._with_names(plain(self.details))
            _write_document(document)
            return
        if isinstance(error, Cancelled):  # it was asked for: no fault
            self._say(Text(one_line(redact(error.message))))
        else:
            message = one_line(redact(error.message))
            self._say(Text.assemble(("error:", "bold red"), " ", message))
        if error.hint:
            self._say(Text.assemble(("  try:", "bold"), " ", one_line(redact(error.hint))))

    def confirm(self, question: str) -> bool:
        """A yes or no from the person at the terminal; UsageError when there is none."""
        from nftgan.errors import UsageError

        if not sys.stdin.isatty():
            raise UsageError("nobody can be asked here", hint="add --yes after a look at --dry-run")
        if self._bars is not None:  # they would write over the question
            self._bars.stop()
        try:
            self.err.print(f"{_escape(one_line(redact(question)))} \\[y/N] ", end="")
            return sys.stdin.readline().strip().lower() in {"y", "yes"}
        finally:
            if self._bars is not None:
                self._bars.start()

    def ask_heavy(self, what: str) -> bool:
        """Whether to do what is above the limits; no, unasked, where nobody is at a terminal."""
        if self.as_json or not sys.stdin.isatty():
            return False
        return self.confirm(f"{what}: do it all the same?")

    # -- progress

    def note(self, message: str) -> None:
        if not self.quiet:
            self._say(Text(one_line(redact(message)), "dim"))

    def named(self, name: str, address: str) -> None:
        """An ENS name that was typed and the address that it stands for: shown, also with -q."""
        from nftgan.chain.names import spelled

        if self.names.get(name) != address:
            self.names[name] = address
            self.err.print(_escape(one_line(f"{spelled(name)} is {address}")))

    def warn(self, message: str) -> None:
        self._say(Text.assemble(("warning:", "yellow"), " ", one_line(redact(message))))

    def _say(self, text: Text) -> None:
        if self.err.is_terminal:
            _print_wrapped(self.err, text)
        else:
            self.err.print(text)

    @contextmanager
    def task(
        self, description: str, total: float | None = None, unit: str = ""
    ) -> Iterator[_RichTask | _LineTask]:
        if self.quiet or not self.err.is_terminal:
            console = SafeConsole(stderr=True, quiet=True) if self.quiet else self.err
            yield _LineTask(console, description, total, unit)
            return
        if self._bars is not None:  # a task inside another: one display for both
            inner = self._bars.add_task(description, total=total, unit=unit, note="")
            try:
                yield _RichTask(self._bars, inner)
            finally:
                self._bars.remove_task(inner)
            return
        with live_bars(self.err) as bars:
            self._bars = bars
            try:
                yield _RichTask(bars, bars.add_task(description, total=total, unit=unit, note=""))
            finally:
                self._bars = None


def _print_wrapped(console: Console, text: Text) -> None:
    for line in wrapped(text, console.width):
        console.print(line)


def shell(path: Any) -> str:
    """`path` as a shell reads it again, for a line that is to be pasted."""
    return shlex.quote(str(path))


def _cell(value: Any) -> Any:
    return value if isinstance(value, Text) else _escape(one_line(str(value)))


def _escape(value: Any) -> str:
    from rich.markup import escape

    return escape(str(value))
