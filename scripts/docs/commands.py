"""Writes docs/commands.md from the commands themselves; a test tells when it is stale.

python scripts/docs/commands.py
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
TARGET = ROOT / "docs" / "commands.md"
COMMON = ("as_json", "quiet", "verbose", "debug")
HEAD = """# Commands

<!-- Written by scripts/docs/commands.py from the commands themselves. -->

![nftgan --help](images/terminal-help.svg)

`-h` after a verb says the same. Every verb also takes the options of [all verbs](#all-verbs).
"""


def commands() -> list[tuple[str, str, Any]]:
    """(panel, words after nftgan, command) of every verb, in the order of --help."""
    import typer

    import nftgan.cli.main
    from nftgan.cli.verbs import app

    assert nftgan.cli.main
    found: list[tuple[str, str, Any]] = []
    for name, command in typer.main.get_command(app).commands.items():  # type: ignore[attr-defined]
        inner = getattr(command, "commands", None)
        panel = command.rich_help_panel
        if inner is None:
            found.append((panel, name, command))
        else:
            found += [(panel, f"{name} {verb}", one) for verb, one in inner.items()]
    return found


def plain(text: str) -> str:
    """Help without rich's markup, fit for a table."""
    from rich.text import Text

    from nftgan.cli.markup import own_markup

    return " ".join(Text.from_markup(own_markup(text)).plain.split()).replace("|", "\\|")


def rows(parameters: list[Any]) -> list[str]:
    lines = []
    for one in parameters:
        if one.param_type_name == "argument":
            names = f"`{(one.metavar or one.name.upper()).strip('[]').replace(']…', '…')}`"
        else:
            spelled = [*sorted(one.opts, key=len, reverse=True), *one.secondary_opts]
            value = "" if one.is_flag else f" {one.metavar or 'VALUE'}"
            names = ", ".join(f"`{name}{value}`" for name in spelled)
        needed = " **Required.**" if one.required else ""
        shown = one.default is not None and not isinstance(one.default, bool | tuple | list)
        default = f" Default: `{one.default}`." if shown else ""
        lines.append(f"| {names} | {plain(one.help or '')}{needed}{default} |")
    return lines


def page() -> str:
    """The whole page."""
    from nftgan.cli.help import PANELS

    parts = [HEAD]
    verbs = commands()
    for panel in PANELS:
        parts.append(f"## {panel}\n")
        for where, words, command in verbs:
            if where != panel:
                continue
            text, _, example = plain(command.help).partition("Example: ")
            own = [p for p in command.params if p.name not in (*COMMON, "help")]
            parts.append(f"### {words}\n\n{text.strip()}\n\n```sh\n{example}\n```\n")
            if own:
                parts.append("| | |\n| --- | --- |\n" + "\n".join(rows(own)) + "\n")
    shared = [p for p in verbs[0][2].params if p.name in COMMON]
    parts.append("## All verbs\n\n| | |\n| --- | --- |\n" + "\n".join(rows(shared)) + "\n")
    return "\n".join(parts)


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    from nftgan.files import write_text

    write_text(TARGET, page())
