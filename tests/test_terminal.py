from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from nftgan.terminal import one_line, visible


def test_the_escape_of_a_terminal_becomes_a_symbol() -> None:
    assert visible("\x1b[2J\x1b[H 1 tokens proven") == "␛[2J␛[H 1 tokens proven"
    assert visible("\x9b31m\x7f\r\x07") == "<U+009B>31m␡␍␇"


def test_marks_that_turn_the_direction_are_written_out() -> None:
    assert visible("gpj.\u202eexe") == "gpj.<U+202E>exe"


def test_line_feeds_and_tabs_stay_unless_one_line_is_wanted() -> None:
    assert visible("a\n\tb") == "a\n\tb"
    assert one_line("a\n\tb") == "a␊␉b"


@given(st.text(st.characters(codec=None)))
def test_nothing_that_acts_is_left_in_any_text(text: str) -> None:
    shown = one_line(text)
    shown.encode()  # half surrogates cannot be written
    for letter in shown:
        assert unicodedata.category(letter) not in {"Cc", "Cs", "Zl", "Zp"}
        assert unicodedata.bidirectional(letter) not in {
            *("LRE", "RLE", "LRO", "RLO", "PDF"),
            *("LRI", "RLI", "FSI", "PDI"),
        }
