"""Text from outside made harmless for a terminal or a page: what acts or hides becomes visible."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

# C0 without tab and line feed, DEL, C1, marks that turn the direction of writing (Unicode
# UAX 9), separators that end a line, half surrogates (which no encoding can write).
_ACTIVE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
# What is shown as nothing (Default_Ignorable_Code_Point of UAX 44), fillers, and a Braille blank:
# two names that look alike could differ by them, and tags carry whole sentences that nobody sees.
_HIDDEN = re.compile(
    "[\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200d\u2060-\u2065\u206a-\u206f"
    "\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U00013430-\U0001343f"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_NON_JOINER, _JOINER = "\u200c", "\u200d"
_AS_TEXT, _AS_PICTURE = "\ufe0e", "\ufe0f"
_KEYCAP = "\u20e3"
_MOST_MARKS = 8
"""Accents on one letter; more of them would cover the lines around it."""
# Arabic, Syriac, the scripts of India, Tibetan, Burmese, Khmer, Mongolian: joiners are spelling.
_JOINED_SCRIPTS = re.compile("[\u0600-\u08ff\u0900-\u0dff\u0f00-\u109f\u1780-\u18af]")


def visible(text: str) -> str:
    """`text` with every character that acts or hides written out; tab and line feed stay.

    C0 and DEL become the symbols of Unicode's Control Pictures, the others their code: U+202E.
    Joiners and the forms of pictures stay where they belong: in emoji and in scripts that need
    them.
    """
    if text.isascii():
        return _ACTIVE.sub(lambda found: _written_out(found.group()), text)
    return "".join(shown for _, shown in _shown(text))


def one_line(text: str) -> str:
    """`visible(text)` with line feeds and tabs written out too: it cannot look like a new line."""
    return visible(text).replace("\n", "\u240a").replace("\t", "\u2409")


def first_active(text: str, allowed: str = "") -> str | None:
    """The first character of `text` that `visible` writes out, as its code: U+202E.

    Tab and line feed count too; those in `allowed` do not. None when there is none.
    """
    for letter, shown in _shown(text):
        if letter not in allowed and (letter in "\t\n" or shown != letter):
            return f"U+{ord(letter):04X}"
    return None


def _shown(text: str) -> Iterator[tuple[str, str]]:
    """Each character, and what is shown in its place."""
    before, marks = "", 0
    for i, letter in enumerate(text):
        shown = letter
        if letter >= "\u0300":
            marks = marks + 1 if unicodedata.category(letter) in {"Mn", "Me"} else 0
        else:
            marks = 0
        hides = _HIDDEN.match(letter) and not _belongs(before, letter, text[i + 1 : i + 2])
        if hides or _ACTIVE.match(letter) or marks > _MOST_MARKS:
            shown = _written_out(letter)
        before = shown[-1]
        yield letter, shown


def _belongs(before: str, letter: str, after: str) -> bool:
    """Whether a hidden character is part of how emoji, or words of some scripts, are written."""
    if letter in (_AS_TEXT, _AS_PICTURE):
        key = after == _KEYCAP and before != "" and before in "#*0123456789"
        return key or _pictures(before) or (before != "" and before in "\u203c\u2049\u3030\u303d")
    if letter == _JOINER and _pictures(after) and (before == _AS_PICTURE or _pictures(before)):
        return True
    if letter in (_JOINER, _NON_JOINER):
        return all(one and _JOINED_SCRIPTS.match(one) for one in (before, after))
    return False


def _pictures(letter: str) -> bool:
    """Symbols, and the colours of skin that may follow one."""
    return letter > "\x7f" and (
        unicodedata.category(letter) in {"So", "Sm"} or "\U0001f3fb" <= letter <= "\U0001f3ff"
    )


def _written_out(letter: str) -> str:
    code = ord(letter)
    if code < 0x20:
        return chr(0x2400 + code)
    return "\u2421" if code == 0x7F else f"<U+{code:04X}>"
