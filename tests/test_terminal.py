from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nftgan.terminal import first_active, one_line, visible


def test_the_escape_of_a_terminal_becomes_a_symbol() -> None:
    assert visible("\x1b[2J\x1b[H 1 tokens proven") == "␛[2J␛[H 1 tokens proven"
    assert visible("\x9b31m\x7f\r\x07") == "<U+009B>31m␡␍␇"


def test_marks_that_turn_the_direction_are_written_out() -> None:
    assert visible("gpj.\u202eexe") == "gpj.<U+202E>exe"


def test_line_feeds_and_tabs_stay_unless_one_line_is_wanted() -> None:
    assert visible("a\n\tb") == "a\n\tb"
    assert one_line("a\n\tb") == "a␊␉b"


@pytest.mark.parametrize(
    "hidden",
    [
        *("\u00ad", "\u034f", "\u115f", "\u180e", "\u200b", "\u200c", "\u200d", "\u2060", "\u2064"),
        *("\u206a", "\u2800", "\u3164", "\ufe00", "\ufe0e", "\ufe0f", "\ufeff", "\uffa0", "\ufffa"),
        *("\U00013430", "\U0001d173", "\U000e0001", "\U000e0041", "\U000e007f", "\U000e0100"),
    ],
)
def test_what_is_shown_as_nothing_is_written_out(hidden: str) -> None:
    assert visible(f"0x1{hidden}2") == f"0x1<U+{ord(hidden):04X}>2"
    assert first_active(f"birds{hidden}") == f"U+{ord(hidden):04X}"


@pytest.mark.parametrize(
    "text",
    [
        *("❤️", "☎︎", "3️⃣", "©️", "👩‍🚀", "👨‍👩‍👧‍👦", "🏳️‍🌈", "👩🏽‍🔬", "🧔🏻‍♂️"),
        *("می‌خواهم", "क्‍ष", "é", "ḗ", "日本語", "Ω"),
    ],
)
def test_emoji_and_the_spelling_of_other_scripts_stay(text: str) -> None:
    assert visible(text) == text and first_active(text) is None


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("❤️️", "❤️<U+FE0F>"),  # one form is enough
        ("👩‍‍🚀", "👩<U+200D><U+200D>🚀"),
        ("👩‍", "👩<U+200D>"),
        ("a‌b", "a<U+200C>b"),
        ("🏴\U000e0067\U000e007f", "🏴<U+E0067><U+E007F>"),
        ("a️‍🚀", "a<U+FE0F><U+200D>🚀"),
        ("e" + "\u0301" * 10, "e" + "\u0301" * 8 + "<U+0301>" * 2),
    ],
)
def test_the_same_characters_elsewhere_hide_something(text: str, shown: str) -> None:
    assert visible(text) == shown


@given(st.text(st.characters(codec=None) | st.sampled_from("❤️👩‍🚀\u200c\u200dक्ش1")))
def test_what_was_made_visible_stays_as_it_is(text: str) -> None:
    assert visible(visible(text)) == visible(text)


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
