"""Where a list of recipients begins: exactly once, also when it is run again or was changed.

The journal tells what was signed for whom. The same list finds its own beginning there, and goes
on; a longer one goes on behind it; one that contradicts what was signed is refused. What was only
planned binds nobody.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from nftgan.chain.journal import Journal, PlannedMint
from nftgan.chain.recipients import Allotment, Recipient, laid_out
from nftgan.errors import UsageError
from nftgan.seeds import format_seeds
from nftgan.words import counted

MOST_REPEATS = 64
"""How often a journal may plan each token anew, as after reorganisations or for other lists."""


def placed(
    recipients: Sequence[Recipient],
    journal: Journal,
    *,
    minted: int,
    pieces: int,
    tokens: Sequence[int] | None = None,
    refused: Mapping[str, str] | None = None,
) -> tuple[Allotment, ...]:
    """Which token of the collection each of the list gets, or has got already.

    minted: the next token. pieces: how many there are. tokens: those that the list is for, where a
    person said so; else those that come next, unless the journal holds this list already. refused:
    addresses that cannot hold tokens, and what they are. Raises UsageError with the line.
    """
    for one in recipients:
        if what := (refused or {}).get(one.to):
            raise UsageError(f"{_at(one.where)}{one.to} is {what}: it cannot hold tokens")
    total = sum(one.count for one in recipients)
    if total > pieces:  # before anything counts them one by one
        raise UsageError(
            f"{_at(recipients[-1].where)}the list gives {counted(total, 'token')}, and there are"
            f" {counted(pieces, 'piece')}",
            hint="shorten the list",
        )
    known = _signed_for(journal, pieces)
    if recipients[0].token is None:
        first = min(tokens) if tokens else _beginning(recipients, journal, known, minted, pieces)
        allotments = laid_out(recipients, first)
    else:
        allotments = laid_out(recipients, 0)
        first = allotments[0].first
    end = first + total
    if tokens is not None and set(tokens) != set(range(first, min(end, pieces + 1))):
        raise UsageError(
            f"the list gives {counted(total, 'token')}, from {first} on, and --tokens names others",
            hint=f"--tokens {format_seeds(range(first, end))}",
        )
    for part in allotments:
        if part.end > pieces:
            raise UsageError(
                f"{_at(part.where)}there are {counted(pieces, 'piece')}, and the list gives"
                f" {total:,} from token {first} on",
                hint="shorten the list",
            )
    if first > minted:
        raise UsageError(
            f"tokens are minted in order: the next is {minted}, and the list begins with {first}",
            hint=f"nftgan mint --tokens {format_seeds(range(minted, first))} gives you those before"
            " it",
        )
    _refuse_contradiction(allotments, known, minted)
    return allotments


def promised(journal: Journal, minted: int, pieces: int) -> tuple[int, ...]:
    """Tokens of lists that were begun and not finished: planned for somebody, never signed."""
    mints = _mints(journal, pieces)
    begun = {one.start for one in mints if one.operation in journal.attempts}
    left: set[int] = set()
    signed: set[int] = set()
    for one in mints:
        tokens = range(max(one.first, minted), one.end)
        if one.operation in journal.attempts:
            signed.update(tokens)
        elif one.start is not None and one.start in begun:
            left.update(tokens)
    return tuple(sorted(left - signed))


def _mints(journal: Journal, pieces: int) -> list[PlannedMint]:
    """Every batch of the journal, no further than the last piece.

    Raises UsageError for a journal that plans every token many times: it is none of ours.
    """
    mints = [replace(one, end=min(one.end, pieces)) for one in journal.mints()]
    if sum(max(one.end - one.first, 0) for one in mints) > MOST_REPEATS * pieces + MOST_REPEATS:
        raise UsageError(
            f"{journal.path} is damaged: it plans the same tokens again and again",
            hint="restore it from a copy: it says what was already paid for",
        )
    return mints


def _signed_for(journal: Journal, pieces: int) -> dict[int, str]:
    """Token to whom this journal signed it for; what was seen on chain counts more."""
    known: dict[int, str] = {}
    signed = [one for one in _mints(journal, pieces) if one.operation in journal.attempts]
    seen = journal.mined.keys() | journal.finals.keys()
    for one in sorted(signed, key=lambda one: one.operation in seen):
        known.update(dict.fromkeys(range(one.first, one.end), one.to))
    return known


def _beginning(
    recipients: Sequence[Recipient],
    journal: Journal,
    known: Mapping[int, str],
    minted: int,
    pieces: int,
) -> int:
    """The first token of a list whose lines name none."""
    parts = [
        one
        for one in _mints(journal, pieces)
        if one.start is not None and one.start in known and one.operation in journal.attempts
    ]
    difference = None
    for start in sorted({one.start for one in parts if one.start is not None}, reverse=True):
        difference = _difference(laid_out(recipients, start), known)
        if difference is None:
            return start
    total = sum(one.count for one in recipients)
    here = f"--tokens {format_seeds(range(minted, min(minted + total, pieces)))}"
    left = promised(journal, minted, pieces)
    if left and difference is not None:
        one, token, to = difference
        raise UsageError(
            f"{_at(one.where)}another list was begun and is not finished: tokens"
            f" {format_seeds(left)} are left of it, and it gave token {token} to {to}",
            hint=f"put the list back as it was and run it again, or give up its rest: {here}",
        )
    had = {known[token]: token for part in parts for token in range(part.first, part.end)}
    for who in recipients:
        if who.to in had:
            raise UsageError(
                f"{_at(who.where)}{who.to} got token {had[who.to]} by an earlier list, and this is"
                " another one",
                hint=f"leave out who has theirs, or say that all are meant: {here}",
            )
    return minted


def _difference(
    allotments: Iterable[Allotment], known: Mapping[int, str]
) -> tuple[Allotment, int, str] | None:
    """The first line that gives a token to another than it was signed for: (line, token, to)."""
    for one in allotments:
        for token in range(one.first, one.end):
            if known.get(token, one.to) != one.to:
                return one, token, known[token]
    return None


def _refuse_contradiction(
    allotments: Sequence[Allotment], known: Mapping[int, str], minted: int
) -> None:
    difference = _difference(allotments, known)
    if difference is not None:
        one, token, to = difference
        raise UsageError(
            f"{_at(one.where)}token {token} was minted to {to}, not to {one.to}",
            hint="put the list back as it was, or leave out who has theirs",
        )
    for one in allotments:
        for token in range(one.first, min(one.end, minted)):
            if token not in known:
                raise UsageError(
                    f"{_at(one.where)}token {token} is minted already, and no journal here says to"
                    " whom",
                    hint=f"leave out the lines before token {minted}",
                )


def _at(where: str) -> str:
    return f"{where}: " if where else ""
