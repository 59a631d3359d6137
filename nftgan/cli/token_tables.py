"""What verify shows of tokens: the first one whole, then a line each, and never without end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nftgan.cli.ui import Ui

MOST_TABLES = 20
"""Tokens that do not hold and are shown whole: `verify 0-200000` must not fill the terminal."""


def rows(checks: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Rows of a table of checks: name, verdict, what was found."""
    from rich.text import Text

    marks = {
        "holds": "[green]holds[/]",
        "broken": "[bold red]broken[/]",
        "unchecked": "[yellow]unchecked[/]",
        "unproven": "[yellow]unproven[/]",
    }
    return [(one.name, Text.from_markup(marks[one.verdict]), one.found) for one in checks]


class TokenTables:
    """Shows one report after the other."""

    def __init__(self, ui: Ui) -> None:
        self._ui = ui
        self._seen = self._open = 0  # all reports; of them those that do not hold

    def show(self, report: Any) -> None:
        """The first report and those that do not hold as tables, of the others a line.

        With -q those that hold are only counted at the end.
        """
        burnt = " (burnt)" if report.burnt else ""
        self._seen += 1
        self._open += not report.passed
        if report.passed and self._seen > 1:
            self._ui.step(f"token {report.token}{burnt}: all {len(report.links)} links hold")
        elif self._open <= MOST_TABLES:
            table = self._ui.listing if report.passed else self._ui.table
            table(f"Token {report.token}{burnt}", ("link", "", "found"), rows(report.links))
        elif self._open == MOST_TABLES + 1:
            self._ui.print(
                "further tokens that do not hold are counted at the end; --json has them all"
            )
