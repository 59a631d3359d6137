"""A terminal as a person sees it: lines, a cursor, and the few movements that bars use."""

from __future__ import annotations

import io
import re

_PIECE = re.compile(r"\x1b\[(\??[\d;]*)([A-Za-z])|(\r\n|\n|\r)|([^\x1b\r\n]+)")


class Screen(io.StringIO):
    """A stream that is a terminal; what it shows is in `lines`.

    Its driver makes \\n a new line, as a terminal does. Text beyond the edge stands on the next
    line; `broken` says which lines that befell.
    """

    def __init__(self, columns: int) -> None:
        super().__init__()
        self.columns = columns
        self.lines: list[str] = [""]
        self.broken: list[str] = []
        self._row = self._column = 0

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        for code, act, control, words in _PIECE.findall(text):
            if act:
                self._act(code, act)
            elif control:
                self._column = 0
                self._row += "\n" in control
                self._grow()
            else:
                self._put(words)
        return len(text)

    def _act(self, code: str, act: str) -> None:
        number = int(code) if code.isdecimal() else 1
        if act == "A":
            self._row = max(self._row - number, 0)
        elif act == "K":  # only "the whole line" is used
            self.lines[self._row] = ""
        else:
            assert act in "mhl", f"a movement that is not known here: {code}{act}"

    def _put(self, words: str) -> None:
        for letter in words:
            if self._column == self.columns:
                self.broken.append(self.lines[self._row])
                self._row, self._column = self._row + 1, 0
                self._grow()
            line = self.lines[self._row].ljust(self._column)
            self.lines[self._row] = line[: self._column] + letter + line[self._column + 1 :]
            self._column += 1

    def _grow(self) -> None:
        while len(self.lines) <= self._row:
            self.lines.append("")
