"""Lists of addresses in CSV files, as people, spreadsheets and indexers write them.

Tolerant of what a spreadsheet does to a file (BOM, UTF-16, CRLF, semicolons, tabs, a line of
titles); what stands in the cells is the reader's to judge, line by line.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nftgan.chain.accounts import check_address
from nftgan.errors import UsageError
from nftgan.files import decode_text, os_error

MAX_BYTES = 16 << 20
"""Two hundred thousand addresses are ten million bytes."""

_SEPARATOR = re.compile(r"[,;\t]")
_TITLE = re.compile(r"[^0-9.]*")
_ADDRESS = re.compile(r"0[xX][0-9a-fA-F]{40}")
_NUMBER = re.compile(r"[0-9]{1,78}")


@dataclass(frozen=True)
class Row:
    """One line of a list: its cells without space around them, none empty at the end."""

    path: Path
    line: int  # from 1
    cells: tuple[str, ...]

    @property
    def where(self) -> str:
        return f"{self.path}, line {self.line}"

    def address(self, column: int = 0) -> str:
        """The checksummed address in a column. Raises UsageError with the number of the line."""
        text = self.cells[column] if column < len(self.cells) else ""
        try:
            return check_address(text[:80])
        except UsageError as exc:
            raise UsageError(f"{self.where}: {exc.message}", hint=exc.hint) from None

    def counts(self, column: int) -> bool:
        """Whether a whole number stands in a column."""
        return column < len(self.cells) and bool(_NUMBER.fullmatch(self.cells[column]))

    def number(self, column: int) -> int | None:
        """The whole number in a column; None for an empty one.

        Raises UsageError with the number of the line.
        """
        text = self.cells[column] if column < len(self.cells) else ""
        if text and not _NUMBER.fullmatch(text):
            raise UsageError(f"{self.where}: {text[:40]!r} is not a number")
        return int(text) if text else None


def read_rows(path: Path) -> tuple[tuple[str, ...], list[Row]]:
    """(titles, rows): the cells of a first line that holds words only, and the lines with data.

    Empty lines and those that begin with # are passed over. Raises UsageError for a file that
    cannot be read, is too large, or is no text.
    """
    titles: tuple[str, ...] = ()
    rows: list[Row] = []
    for number, line in enumerate(_lines(path), 1):
        if not line.strip() or line.lstrip().startswith("#") or _is_excels(number, line):
            continue
        separator = _SEPARATOR.search(line)
        try:
            [cells] = csv.reader([line], delimiter=separator[0] if separator else ",")
        except (csv.Error, ValueError) as exc:
            raise UsageError(f"{path}, line {number}: not a line of CSV: {exc}") from None
        cells = [cell.strip() for cell in cells]
        while cells and not cells[-1]:
            cells.pop()
        if not cells:
            continue
        meant = any(_ADDRESS.fullmatch(cell) for cell in cells)
        if not rows and not titles and not meant and _TITLE.fullmatch(cells[0]):
            titles = tuple(cells)
            continue
        rows.append(Row(path, number, tuple(cells)))
    return titles, rows


def _lines(path: Path) -> Iterator[str]:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as exc:
        raise os_error(exc, path) from exc
    if len(data) > MAX_BYTES:
        raise UsageError(f"{path} is larger than {MAX_BYTES >> 20} MiB: that is no list")
    try:
        text = decode_text(data)
    except UnicodeDecodeError:
        # Of an old spreadsheet: all that counts is ASCII, and a title may be anything.
        text = data.decode("latin-1")
    if "\0" in text:
        raise UsageError(f"{path} is not text", hint="save it as CSV in UTF-8")
    yield from re.split(r"\r\n|\r|\n", text)


def _is_excels(number: int, line: str) -> bool:
    """Whether it is the line that tells Excel the separator."""
    return number == 1 and line.strip().lower().startswith("sep=")
