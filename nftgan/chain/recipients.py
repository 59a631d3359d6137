"""Who gets how many tokens: a list for a mint, from a file or a few words, and its layout."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from nftgan.chain.accounts import check_address
from nftgan.chain.address_lists import Row, read_rows
from nftgan.chain.names import address_of, is_name
from nftgan.chain.rpc import Connection
from nftgan.chain.transfers import NOBODY
from nftgan.errors import UsageError
from nftgan.seeds import format_seeds
from nftgan.words import counted

MAX_TOKENS = 2**32 - 1
"""Of one collection."""

_TITLES = {
    "address": "address account holder holderaddress owner recipient receiver to wallet",
    "count": "amount balance count number quantity tokens",
    "token": "first firsttoken id token tokenid",
}
_COLUMNS = {word: column for column, words in _TITLES.items() for word in words.split()}


@dataclass(frozen=True)
class Recipient:
    """One line of a list: an account, how many tokens it gets, and maybe which."""

    to: str  # checksummed; an ENS name, until it is looked up
    count: int
    token: int | None = None  # the first of them; None: those that come next
    where: str = ""  # for a person: the file and line
    name: str = ""  # the ENS name that was looked up


@dataclass(frozen=True)
class Allotment:
    """Consecutive tokens that one account gets."""

    first: int
    count: int
    to: str
    where: str = ""

    @property
    def end(self) -> int:
        """The token after the last one."""
        return self.first + self.count


def read_recipients(path: Path) -> tuple[Recipient, ...]:
    """The list in a CSV file: address, count (else 1) and, in all lines or none, the first token.

    A line of titles may say which column is which, in the words that wallets and explorers use.
    Raises UsageError that names the file and the line.
    """
    titles, rows = read_rows(path)
    columns = _columns(titles, path)
    if titles and rows and "count" not in columns:
        _refuse_other_numbers(titles, rows, columns.values())
    width = max(3, len(titles))
    return checked([_recipient(row, columns, width) for row in rows], str(path))


def column_of(title: str) -> str | None:
    """What a column holds by its title: address, count or token; None for another thing."""
    return _COLUMNS.get(re.sub(r"[^a-z]", "", title.lower()))


def _columns(titles: Sequence[str], path: Path) -> dict[str, int]:
    """Column of each thing, by the titles; address, count, token where they say nothing.

    Raises UsageError for titles that say it twice, or of all but the address.
    """
    found: dict[str, int] = {}
    for index, title in enumerate(titles):
        column = column_of(title)
        if column in found:
            raise UsageError(
                f"{path}: {title[:40]!r} and {titles[found[column]][:40]!r} may both be the"
                f" {column}",
                hint="take one of the columns out",
            )
        if column is not None:
            found[column] = index
    if found and "address" not in found:
        raise UsageError(
            f"{path}: no title says which column is the address", hint="call that column address"
        )
    return found or {"address": 0, "count": 1, "token": 2}


def _refuse_other_numbers(
    titles: Sequence[str], rows: Sequence[Row], known: Collection[int]
) -> None:
    """Raises UsageError for a column of numbers that may be meant as counts."""
    for index, title in enumerate(titles):
        if index not in known and all(row.counts(index) for row in rows):
            raise UsageError(
                f"{rows[0].path}: no title says which column is the count, and {title[:40]!r} holds"
                " numbers",
                hint="call it count, or take it out",
            )


def _recipient(row: Row, columns: Mapping[str, int], width: int) -> Recipient:
    if len(row.cells) > width:
        raise UsageError(
            f"{row.where}: more than an address, a count and a token",
            hint="write 0x12…ef,2 or, with its first token, 0x12…ef,2,10",
        )
    address = row.address(columns["address"])
    count = row.number(columns["count"]) if "count" in columns else None
    token = row.number(columns["token"]) if "token" in columns else None
    return Recipient(address, 1 if count is None else count, token, row.where)


def parse_recipients(texts: Iterable[str]) -> tuple[Recipient, ...]:
    """ "0x12…ef=3" for each, or an ENS name; one token without a number. Raises UsageError."""
    found = []
    for text in texts:
        address, equals, number = text.partition("=")
        if equals and not re.fullmatch(r"[0-9]{1,10}", number):
            raise UsageError(f"--to {text[:80]!r} does not say how many", hint="--to 0x12…ef=3")
        to = address if is_name(address) else check_address(address, what="--to")
        found.append(Recipient(to, int(number) if equals else 1, None, f"--to {address}"))
    return checked(found, "--to")


def recipients_of(counts: Mapping[str, int]) -> tuple[Recipient, ...]:
    """The list of a program: address, or ENS name, to count, in that order. Raises UsageError."""
    return checked([Recipient(_meant(to), n) for to, n in counts.items()], "the list")


def _meant(text: str) -> str:
    """The checksummed address; an ENS name as it is."""
    return text if is_name(text) else check_address(text)


def checked(recipients: Iterable[Recipient], what: str) -> tuple[Recipient, ...]:
    """The list, if it can be meant. Raises UsageError for one that is empty, names nobody's
    address or a number of tokens that cannot be, an account twice, or tokens in some lines only.
    """
    found = tuple(recipients)
    if not found:
        raise UsageError(f"{what} names nobody", hint="write a line such as 0x12…ef,2")
    seen: dict[str, Recipient] = {}
    for one in found:
        where = f"{one.where}: " if one.where else ""
        if one.to == NOBODY:
            raise UsageError(f"{where}the address of zeros is nobody's")
        if not 1 <= one.count <= MAX_TOKENS:
            raise UsageError(f"{where}{one.to} cannot get {counted(one.count, 'token')}")
        if one.token is not None and one.token + one.count > MAX_TOKENS:
            raise UsageError(f"{where}no collection has a token {one.token}")
        if (one.token is None) != (found[0].token is None):
            raise UsageError(
                f"{where}this line and {found[0].where} differ: a token is in one of them only",
                hint="name the first token in every line, or in none",
            )
        if one.token is None and one.to in seen:
            raise UsageError(
                f"{where}{one.to} is named already: {seen[one.to].where}",
                hint="say once how many it gets",
            )
        seen[one.to] = one
    return found


def looked_up(connection: Connection, recipients: Sequence[Recipient]) -> tuple[Recipient, ...]:
    """The list with addresses for its ENS names. Raises as `address_of` and `checked`."""
    found = [
        replace(
            one,
            to=address_of(connection, one.to, what="--to"),
            name=one.to if is_name(one.to) else "",
        )
        for one in recipients
    ]
    return checked(found, "the list") if found else ()


def laid_out(recipients: Sequence[Recipient], first: int) -> tuple[Allotment, ...]:
    """Which tokens each gets, from `first` on in the order of the list, or as its lines name them.

    Raises UsageError when the lines give a token twice, or leave one out between others: tokens
    are minted in order.
    """
    if recipients[0].token is None:
        found = []
        for one in recipients:
            found.append(Allotment(first, one.count, one.to, one.where))
            first += one.count
        return tuple(found)
    named = sorted(recipients, key=lambda one: one.token or 0)
    found = [Allotment(one.token or 0, one.count, one.to, one.where) for one in named]
    for before, after in pairwise(found):
        if after.first < before.end:
            raise UsageError(f"{after.where}: token {after.first} is given already: {before.where}")
        if after.first > before.end:
            gap = format_seeds(range(before.end, after.first))
            raise UsageError(
                f"{after.where}: nobody gets token {before.end}, and tokens are minted in order",
                hint=f"add a line for tokens {gap}",
            )
    return tuple(found)
