"""Text from outside made harmless for a terminal: what would act on it becomes visible."""

from __future__ import annotations

import re

# C0 without tab and line feed, DEL, C1, marks that turn the direction of writing (Unicode
# UAX 9), separators that end a line, half surrogates (which no encoding can write).
_ACTIVE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def visible(text: str) -> str:
    """`text` with every control and bidirectional character written out; tab and line feed stay.

    C0 and DEL become the symbols of Unicode's Control Pictures, the others their code: U+202E.
    """
    return _ACTIVE.sub(_written_out, text)


def one_line(text: str) -> str:
    """`visible(text)` with line feeds and tabs written out too: it cannot look like a new line."""
    return visible(text).replace("\n", "\u240a").replace("\t", "\u2409")


def _written_out(found: re.Match[str]) -> str:
    code = ord(found.group())
    if code < 0x20:
        return chr(0x2400 + code)
    return "\u2421" if code == 0x7F else f"<U+{code:04X}>"


def first_active(text: str, allowed: str = "") -> str | None:
    """The first character of `text` that acts on a terminal or turns its direction, written out.

    Tab and line feed count too; those in `allowed` do not. None when there is none.
    """
    for letter in text:
        if letter not in allowed and (letter in "\t\n" or _ACTIVE.match(letter)):
            return f"U+{ord(letter):04X}"
    return None
