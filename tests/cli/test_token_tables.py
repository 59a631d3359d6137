"""What verify shows of many tokens."""

from __future__ import annotations

import pytest

from nftgan.cli.token_tables import MOST_TABLES, TokenTables
from nftgan.cli.ui import Ui
from nftgan.provenance.checks import FAIL, PASS, Check, TokenReport


def test_tokens_that_are_not_there_end_in_one_line_not_in_tables_without_end(
    capsys: pytest.CaptureFixture[str],
) -> None:
    tables = TokenTables(Ui())
    broken = (Check("minted", FAIL, "there is no such token"),)
    for token in range(1000):
        tables.show(TokenReport(token, None, broken))
    said = capsys.readouterr().out
    assert said.count("there is no such token") == MOST_TABLES
    assert f"Token {MOST_TABLES - 1}\n" in said and f"Token {MOST_TABLES}\n" not in said
    assert said.count("further tokens that do not hold are counted at the end") == 1


def test_the_first_token_is_shown_whole_and_the_others_that_hold_in_a_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    tables = TokenTables(Ui())
    holds = (Check("minted", PASS, "by the contract"),)
    for token in range(MOST_TABLES + 5):
        tables.show(TokenReport(token, None, holds))
    said = capsys.readouterr().out
    assert said.count("by the contract") == 1
    assert f"token {MOST_TABLES + 4}: all 1 links hold" in said
    assert "further tokens" not in said


def test_quietly_only_what_does_not_hold_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    tables = TokenTables(Ui(quiet=True))
    for token in range(3):
        tables.show(TokenReport(token, None, (Check("minted", PASS, "by the contract"),)))
    tables.show(TokenReport(3, None, (Check("minted", FAIL, "there is no such token"),)))
    said = capsys.readouterr().out
    assert "by the contract" not in said and "links hold" not in said
    assert "Token 3\n" in said and "there is no such token" in said
