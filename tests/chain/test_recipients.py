"""Lists of recipients: what they say, and the lines that cannot be meant."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nftgan.chain import recipients
from nftgan.chain.recipients import (
    Allotment,
    Recipient,
    laid_out,
    looked_up,
    parse_recipients,
    read_recipients,
    recipients_of,
)
from nftgan.errors import UsageError
from tests.chain.actors import account

A, B, C = (account(name).address for name in "abc")
ZERO = "0x" + 40 * "0"


def read(tmp_path: Path, *lines: str) -> tuple[Recipient, ...]:
    path = tmp_path / "list.csv"
    path.write_text("\n".join(lines))
    return read_recipients(path)


def spread(recipients: tuple[Recipient, ...], first: int = 0) -> list[tuple[int, int, str]]:
    return [(one.first, one.count, one.to) for one in laid_out(recipients, first)]


def test_a_list_gives_tokens_in_its_order(tmp_path: Path) -> None:
    people = read(tmp_path, f"{A},2", B, f"{C.lower()},3")
    assert spread(people, 5) == [(5, 2, A), (7, 1, B), (8, 3, C)]
    assert people[2].where.endswith("list.csv, line 3")
    assert spread(parse_recipients([f"{A}=2", B]), 1) == [(1, 2, A), (3, 1, B)]
    assert spread(recipients_of({B: 4, A: 1})) == [(0, 4, B), (4, 1, A)]


def test_lines_may_name_the_tokens_in_any_order(tmp_path: Path) -> None:
    people = read(tmp_path, f"{A},2,3", f"{B},,2", f"{A},1,5")
    assert spread(people, 99) == [(2, 1, B), (3, 2, A), (5, 1, A)]
    assert laid_out(people, 0)[0] == Allotment(2, 1, B, people[1].where)


@pytest.mark.parametrize(
    "titles,line,meant",
    [
        ("Address,Count", f"{A},2", (A, 2, None)),
        ("wallet;token", f"{A};2", (A, 1, 2)),
        ("Token ID,Owner,Amount", f"7,{A},3", (A, 3, 7)),
        ('"HolderAddress","Balance","PendingBalanceUpdate"', f'"{A}","4","No"', (A, 4, None)),
        ("who,how many", f"{A},5", (A, 5, None)),
    ],
)
def test_titles_say_which_column_is_which(
    tmp_path: Path, titles: str, line: str, meant: tuple[str, int, int | None]
) -> None:
    [one] = read(tmp_path, titles, line)
    assert (one.to, one.count, one.token) == meant


@pytest.mark.parametrize(
    "titles,line,said",
    [
        ("address,pieces", f"{A},5", "no title says which column is the count, and 'pieces' holds"),
        ("token,owner,pieces", f"0,{A},5", "and 'pieces' holds numbers"),
        ("wallets,token id", f"{A},2", "no title says which column is the address"),
        ("holder,recipient,count", f"{A},{B},2", "'recipient' and 'holder' may both be the addr"),
    ],
)
def test_titles_that_leave_open_who_gets_how_many_are_refused(
    tmp_path: Path, titles: str, line: str, said: str
) -> None:
    with pytest.raises(UsageError) as refused:
        read(tmp_path, titles, line)
    assert said in refused.value.message


def test_a_line_with_an_address_is_never_taken_for_titles(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="line 1: '' is not a valid address"):
        read(tmp_path, f",{A}", f"{B},1")


@pytest.mark.parametrize(
    "lines,said",
    [
        ([], "list.csv names nobody"),
        (["address,count"], "list.csv names nobody"),
        ([f"{A},1", f"{B},0"], f"line 2: {B} cannot get 0 tokens"),
        ([f"{A},1", f"{B},{2**32}"], f"line 2: {B} cannot get {2**32:,} tokens"),
        ([f"{A},1,{2**32}"], f"line 1: no collection has a token {2**32}"),
        ([f"{A},1", f"{ZERO},2"], "line 2: the address of zeros is nobody's"),
        ([f"{A},1", B, f"{A.lower()},2"], f"line 3: {A} is named already: "),
        ([f"{A},1,0", f"{B},1"], "line 2: this line and "),
        ([f"{A},1,0,9"], "line 1: more than an address, a count and a token"),
        ([A.swapcase()], "line 1: '0X"),
        (["0x" + A[2:].swapcase()], "line 1: the address 0x"),
    ],
)
def test_a_list_that_cannot_be_meant_names_its_line(
    tmp_path: Path, lines: list[str], said: str
) -> None:
    with pytest.raises(UsageError) as refused:
        read(tmp_path, *lines)
    assert said in refused.value.message


def test_tokens_are_given_once_and_without_gaps(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"line 1: token 4 is given already: .*line 2"):
        laid_out(read(tmp_path, f"{A},1,4", f"{B},3,2"), 0)
    with pytest.raises(UsageError, match="line 2: nobody gets token 1") as refused:
        laid_out(read(tmp_path, f"{A},1,0", f"{B},1,3"), 0)
    assert refused.value.hint == "add a line for tokens 1-2"


@pytest.mark.parametrize("text", [f"{A}=", f"{A}=x", f"{A}=-1", f"{A}=0", f"{A}=1=2", "=3", ZERO])
def test_words_that_are_no_recipient_are_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_recipients([text])


def test_names_are_looked_up_and_then_checked_for_two_of_one_person(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    known = {"a.eth": A, "also-a.eth": A}
    monkeypatch.setattr(
        recipients, "address_of", lambda connection, text, what: known.get(text, text)
    )
    nobody: Any = None
    people = parse_recipients(["a.eth=2", B])
    assert [one.to for one in looked_up(nobody, people)] == [A, B]
    assert [one.to for one in looked_up(nobody, recipients_of({B: 1, "a.eth": 1}))] == [B, A]
    assert looked_up(nobody, ()) == ()
    with pytest.raises(UsageError, match=f"{A} is named already"):
        looked_up(nobody, parse_recipients(["a.eth=2", "also-a.eth"]))
