"""How `--help` looks: a line a verb under its group, and a line an option under its subject."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import Any

import typer
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text
from typer.core import TyperCommand, TyperGroup

from nftgan.cli.markup import own_markup

NAMES = {"help_option_names": ["-h", "--help"]}
"""Context settings of every command."""
PANELS = (
    "Start",
    "Art and training",
    "Explore",
    "Collection",
    "Publish",
    "Sale",
    "Proof",
    "Ownership",
)
"""The groups of verbs, in the order in which one comes to them."""
SHARED = "After every verb"
ADVANCED = "Advanced: "
"""Begins the title of a group of options of which the short help has the names only."""
_WHOLE = "nftgan.help.whole"
_WIDEST_NAME = 28
_WIDEST_LINE = 100
_KINDS = {"int": "N", "int range": "N", "float": "X", "float range": "X", "path": "PATH"}


class VerbCommand(TyperCommand):
    """A verb."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Print what the verb does, an example, its arguments and its options."""
        console = _console()
        arguments = [p for p in self.get_params(ctx) if p.param_type_name == "argument"]
        options = [p for p in self.get_params(ctx) if p.param_type_name == "option"]
        words = [_argument(p) for p in arguments]
        words += [_spelling(p) for p in options if p.required]
        console.print(Text(f"Usage: {' '.join([ctx.command_path, *words])} [options]"))
        _paragraphs(console, self.help or "")
        _section(console, "", [(_argument(p), p) for p in arguments])
        groups: dict[str, list[Any]] = {"Options": []}
        for one in options:
            if not getattr(one, "hidden", False):
                groups.setdefault(_panel(one), []).append(one)
        shared = groups.pop(SHARED, []) + [p for p in groups["Options"] if p.name == "help"]
        groups["Options"] = [p for p in groups["Options"] if p.name != "help"]
        shown = dict(groups) if _WHOLE in ctx.meta else _without_advanced(groups)
        for title, members in [*shown.items(), (SHARED, shared)]:
            _section(console, title, [(_spelling(p), p) for p in members])
        if len(shown) < len(groups):
            rest = {t: members for t, members in groups.items() if t not in shown}
            _heading(console, f"Advanced ({ctx.command_path} --help-all says what they do)")
            for title, members in rest.items():
                names = ", ".join(_in_order(p.opts)[0] for p in members)
                line = Text.assemble((f"{title.removeprefix(ADVANCED)}: ", "dim"), names)
                console.print(Padding(line, (0, 0, 0, 2)))


def _without_advanced(groups: dict[str, list[Any]]) -> dict[str, list[Any]]:
    return {title: rows for title, rows in groups.items() if not title.startswith(ADVANCED)}


def show_all(ctx: typer.Context, value: bool) -> None:
    """The callback of --help-all: the help with the advanced options, and stop."""
    if value:
        ctx.meta[_WHOLE] = True
        ctx.get_help()
        raise typer.Exit


class VerbGroup(TyperGroup):
    """The program, or verbs that belong together."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Print the verbs, a line each, in their groups."""
        console = _console()
        console.print(Text(f"Usage: {ctx.command_path} VERB [options]"))
        _paragraphs(console, self.help or "")
        groups: dict[str, list[Any]] = {panel: [] for panel in PANELS}
        for name in self.list_commands(ctx):
            command: Any = self.get_command(ctx, name)
            if command is not None and not command.hidden:
                groups.setdefault(command.rich_help_panel or "Verbs", []).append(command)
        if ctx.parent is not None:  # of one subject: it has no groups
            groups = {"": [one for members in groups.values() for one in members]}
        width = max(len(name) for name in self.list_commands(ctx))
        for title, members in groups.items():
            if not members:
                continue
            _heading(console, title)
            table = _table(width)
            for one in members:
                table.add_row(Text(str(one.name), style="bold"), _first_line(one))
            console.print(Padding(table, (0, 0, 0, 2)))
        own = [p for p in self.get_params(ctx) if not getattr(p, "hidden", False)]
        _section(console, "Options", [(_spelling(p), p) for p in own])


def _console() -> Console:
    console = Console(highlight=False)
    console.width = min(console.width, _WIDEST_LINE)
    return console


def _marked(text: str) -> Text:
    return Text.from_markup(own_markup(text))


def _first_line(command: Any) -> Text:
    text = _marked(inspect.cleandoc(command.short_help or command.help or "").split("\n\n")[0])
    return Text(" ".join(text.plain.split()).removesuffix("."))


def _paragraphs(console: Console, text: str) -> None:
    for part in inspect.cleandoc(text).split("\n\n"):
        console.print()
        console.print(_marked(" ".join(part.split())))


def _heading(console: Console, title: str) -> None:
    console.print()
    if title:
        console.print(Text(title, style="bold cyan"))


def _table(width: int) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(min_width=width, no_wrap=True)
    table.add_column()
    return table


def _section(console: Console, title: str, rows: list[tuple[str, Any]]) -> None:
    """The names in one column; one that is wider than it has its words below."""
    if not rows:
        return
    _heading(console, title)
    width = min(max(len(name) for name, _ in rows), _WIDEST_NAME)
    for name, one in rows:
        fits = len(name) <= width
        if not fits:
            console.print(Padding(Text(name, style="bold"), (0, 0, 0, 2)))
        table = _table(width)
        table.add_row(Text(name if fits else "", style="bold"), _about(one))
        console.print(Padding(table, (0, 0, 0, 2)))


def _about(one: Any) -> Text:
    if one.name == "help":
        return Text("Show this and stop.")
    text = _marked(getattr(one, "help", None) or "")
    default = _default(one)
    if one.required:
        text.append(" Required.", style="dim")
    elif default:
        text.append(f" [{default}]", style="dim")
    return text


def _default(one: Any) -> str:
    """What holds without the option, for a person; "" where its words say that."""
    shown = getattr(one, "show_default", True)
    if isinstance(shown, str):
        return shown
    if not shown or one.default is None or isinstance(one.default, bool):
        return "on" if one.default is True and one.secondary_opts else ""
    return str(one.default) if not isinstance(one.default, list | tuple) else ""


def _panel(one: Any) -> str:
    return getattr(one, "rich_help_panel", None) or "Options"


def _argument(one: Any) -> str:
    name = one.metavar or str(one.name).upper()
    return name if one.required or name.startswith("[") else f"[{name}]"


def _spelling(one: Any) -> str:
    """ "-o, --output RUNS"; of a switch that can be said both ways "--exact, --no-exact"."""
    names = ", ".join(_in_order([*one.opts, *one.secondary_opts]))
    return names if one.is_flag else f"{names} {one.metavar or _kind(one)}"


def _in_order(names: Iterable[str]) -> list[str]:
    return sorted(names, key=lambda name: name.startswith("--"))


def _kind(one: Any) -> str:
    """The sort of value, where the option names none."""
    describe = getattr(one, "bare_type", None)  # newer than Typer 0.16
    kind = describe() if describe is not None else one.type.name
    return _KINDS.get(str(kind).lower(), "TEXT")
