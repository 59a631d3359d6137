from __future__ import annotations

import base64
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nftgan import redaction
from nftgan.redaction import REDACTED, redact, remember

TOKEN = "pinata/JWT+eyJhbGciOi.9c0ffee-77"


@pytest.fixture(autouse=True)
def nothing_remembered(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(redaction, "_windows", set())
    yield


def test_a_secret_is_not_shown_as_it_is_nor_in_the_encodings_of_http() -> None:
    remember(TOKEN)
    forms = [
        TOKEN,
        TOKEN.upper(),
        quote(TOKEN, safe=""),
        TOKEN.encode().hex(),
        base64.b64encode(TOKEN.encode()).decode(),
        base64.b64encode(f"Bearer {TOKEN}".encode()).decode(),
        base64.b64encode(f"a:{TOKEN}:b".encode()).decode(),
        base64.b64encode(f"user:{TOKEN}".encode()).decode(),
    ]
    for form in forms:
        shown = redact(f"the server said <{form}>")
        assert REDACTED in shown
        for start in range(len(form) - 11):
            assert form[start : start + 12] not in shown


def test_a_secret_in_two_parts_is_not_shown() -> None:
    remember(TOKEN)
    shown = redact(f"first {TOKEN[:15]!r} then {TOKEN[15:]!r}")
    assert shown == f"first '{REDACTED}' then '{REDACTED}'"


def test_other_words_and_short_secrets_stay() -> None:
    remember(TOKEN, "short", "")
    assert redact("a short sentence about pinata") == "a short sentence about pinata"


def test_the_zeros_of_a_key_hide_no_address() -> None:
    key = "0x" + "0" * 58 + "a11ce5"
    remember(key)
    burnt = "it belongs to 0x000000000000000000000000000000000000dEaD"
    assert redact(burnt) == burnt
    assert "a11ce5" not in redact(f"the key is {key}")


@given(before=st.text(), after=st.text())
def test_no_text_around_a_secret_hides_it(before: str, after: str) -> None:
    remember(TOKEN)
    assert TOKEN[:8] not in redact(before + TOKEN + after)
