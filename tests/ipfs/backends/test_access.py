"""Tokens are read, never shown, and never sent where others could read them."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from nftgan.errors import CredentialError, UsageError
from nftgan.ipfs.backends.access import (
    authorization,
    checked_url,
    read_token,
    redacted,
    require_token,
)
from nftgan.redaction import redact

SECRET = "pin-me-73c1f0a9d2"


@pytest.fixture(autouse=True)
def _unset(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DRAWER_TOKEN", "DRAWER_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)


def test_a_token_comes_from_the_variable_or_else_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert read_token("DRAWER_TOKEN") is None
    (tmp_path / "token").write_text(f"{SECRET}\nanother line\n")
    monkeypatch.setenv("DRAWER_TOKEN_FILE", str(tmp_path / "token"))
    assert read_token("DRAWER_TOKEN") == SECRET
    monkeypatch.setenv("DRAWER_TOKEN", f" {SECRET}2 ")
    assert require_token("DRAWER_TOKEN", "the drawer") == f"{SECRET}2"
    assert SECRET not in redact(f"the server said {SECRET}2")


def test_a_token_that_is_none_is_refused_without_being_shown(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(CredentialError, match="the drawer needs a token") as none:
        require_token("DRAWER_TOKEN", "the drawer")
    assert "DRAWER_TOKEN_FILE" in str(none.value.hint)
    monkeypatch.setenv("DRAWER_TOKEN", f"{SECRET}\r\nX-Evil: 1")
    with pytest.raises(CredentialError, match="holds more than a token") as more:
        read_token("DRAWER_TOKEN")
    assert SECRET not in str(more.value)
    monkeypatch.delenv("DRAWER_TOKEN")
    for content in (b"", b"\n", b"\xff\xfe"):
        (tmp_path / "token").write_bytes(content)
        monkeypatch.setenv("DRAWER_TOKEN_FILE", str(tmp_path / "token"))
        with pytest.raises(CredentialError, match="the token file"):
            read_token("DRAWER_TOKEN")
    monkeypatch.setenv("DRAWER_TOKEN_FILE", str(tmp_path / "missing"))
    with pytest.raises(CredentialError, match="cannot be read"):
        read_token("DRAWER_TOKEN")


def test_a_token_is_written_as_kubo_s_settings_write_it() -> None:
    assert authorization(SECRET) == f"Bearer {SECRET}"
    assert authorization(f"bearer:{SECRET}") == f"Bearer {SECRET}"
    pair = base64.b64encode(f"ada:{SECRET}".encode()).decode()
    assert authorization(f"basic:ada:{SECRET}") == f"Basic {pair}"
    assert pair not in redact(f"refused: Basic {pair}")


def test_what_a_stranger_says_loses_the_token_and_its_lines() -> None:
    text = redacted(f"bad\n\ttoken {SECRET} " + "x" * 500, SECRET)
    assert text.startswith("bad token (token) ") and len(text) == 200


@pytest.mark.parametrize(
    "url",
    ["", "127.0.0.1:5001", "ftp://host", "http://", "https://host:0", "https://host:99999"],
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="cannot be used"):
        checked_url(url, None)


@pytest.mark.parametrize(
    "url", [f"https://ada:{SECRET}@host", f"https://host?key={SECRET}", f"https://host#{SECRET}"]
)
def test_a_secret_in_an_address_is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(UsageError, match="the address of host holds more") as caught:
        checked_url(url, None)
    assert SECRET not in f"{caught.value} {caught.value.hint}"


def test_a_token_goes_over_https_or_stays_on_this_machine() -> None:
    assert checked_url("https://host/api", SECRET).hostname == "host"
    assert checked_url("http://127.0.0.1:5001", SECRET).port == 5001
    assert checked_url("http://host", None).hostname == "host"
    for url in ("http://host", "http://127.0.0.1.evil.example", "http://10.0.0.1"):
        with pytest.raises(UsageError, match=r"not sent to .* over plain http"):
            checked_url(url, SECRET)
