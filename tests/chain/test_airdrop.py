"""A list finds its own beginning in the journal, and gives nobody anything twice."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

import pytest

from nftgan.chain.airdrop import placed, promised
from nftgan.chain.journal import Attempt, Journal
from nftgan.chain.recipients import recipients_of
from nftgan.errors import UsageError
from tests.chain.actors import account

A, B, C, D = (account(name).address for name in "abcd")
PIECES = 12


def journal(tmp_path: Path, *batches: tuple[int, int, str, int | None], signed: int) -> Journal:
    """With these batches planned, (first, count, to, start), and the first ones signed."""
    tmp_path.mkdir(exist_ok=True)
    found = Journal(tmp_path / "mint.jsonl")
    for number, (first, count, to, start) in enumerate(batches):
        more = {} if start is None else {"start": start}
        found.plan(f"mint {first}-{first + count - 1}", first=first, count=count, to=to, **more)
        if number < signed:
            name = f"mint {first}-{first + count - 1}"
            found.attempt(Attempt(name, number, f"0x{number}", "0x", 1, 1))
    return found


def places(people: dict[str, int], known: Journal, minted: int, **more: object) -> list[int]:
    found = placed(recipients_of(people), known, minted=minted, pieces=PIECES, **more)  # type: ignore[arg-type]
    return [one.first for one in found]


def test_a_list_begins_at_the_next_token_and_goes_on_where_it_was_begun(tmp_path: Path) -> None:
    people = {A: 2, B: 1}
    assert places(people, Journal(tmp_path / "none"), 4) == [4, 6]
    known = journal(tmp_path, (4, 2, A, 4), (6, 1, B, 4), signed=1)
    for minted in (4, 6):
        assert places(people, known, minted) == [4, 6]
    assert places({A: 2, B: 1, C: 3}, known, 6) == [4, 6, 7]  # a longer one
    assert places({A: 2, C: 1}, known, 6) == [4, 6]  # B was planned, not signed
    assert promised(known, 6, PIECES) == (6,)
    done = journal(tmp_path / "done", (4, 2, A, 4), (6, 1, B, 4), signed=2)
    assert places(people, done, 7) == [4, 6] and promised(done, 7, PIECES) == ()


def test_another_list_neither_mixes_with_one_that_is_not_finished_nor_gives_twice(
    tmp_path: Path,
) -> None:
    half = journal(tmp_path, (0, 2, A, 0), (2, 1, B, 0), signed=1)
    with pytest.raises(UsageError, match="tokens 2 are left of it, and it gave token 0") as no:
        places({C: 1}, half, 2)
    assert "--tokens 2" in (no.value.hint or "")
    assert places({C: 1}, half, 2, tokens=(2,)) == [2]
    given_up = (0, 2, A, 0), (2, 2, C, None), (2, 1, B, 0)  # C's are signed instead of B's
    assert promised(journal(tmp_path / "up", *given_up, signed=2), 2, PIECES) == ()
    done = journal(tmp_path / "done", (0, 2, A, 0), (2, 1, B, 0), signed=2)
    assert places({C: 1, D: 1}, done, 3) == [3, 4]
    with pytest.raises(UsageError, match=f"{B} got token 2 by an earlier list") as no:
        places({B: 1, C: 1}, done, 3)
    assert "--tokens 3-4" in (no.value.hint or "")
    assert places({B: 1, C: 1}, done, 3, tokens=(3, 4)) == [3, 4]


def test_what_was_minted_to_another_is_never_said_to_be_done(tmp_path: Path) -> None:
    known = journal(tmp_path, (0, 2, A, 0), (2, 1, B, None), signed=2)
    with pytest.raises(UsageError, match=f"token 2 was minted to {B}, not to {C}"):
        places({C: 1}, known, 3, tokens=(2,))
    with pytest.raises(UsageError, match="token 3 is minted already, and no journal"):
        places({C: 2}, known, 4, tokens=(3, 4))


@pytest.mark.parametrize(
    "people,tokens,said",
    [
        ({A: 9}, None, "there are 12 pieces, and the list gives 9 from token 4 on"),
        ({A: 2}, (4,), "the list gives 2 tokens, from 4 on, and --tokens names others"),
        ({A: 1}, (6,), "the next is 4, and the list begins with 6"),
        ({A: 1, D: 1}, None, f"{D} is the sale: it cannot hold tokens"),
        ({A: 2**32 - 1}, None, "tokens, and there are 12 pieces"),
        ({A: 1, B: 2**32 - 1}, (4,), "the list gives 4,294,967,296 tokens"),
    ],
)
def test_a_list_that_does_not_fit_is_refused(
    tmp_path: Path, people: dict[str, int], tokens: tuple[int, ...] | None, said: str
) -> None:
    started = time.process_time()
    known = journal(tmp_path, (0, 4, C, 0), signed=1)
    with pytest.raises(UsageError) as refused:
        places(people, known, 4, tokens=tokens, refused={D: "the sale"})
    assert said in refused.value.message
    assert time.process_time() - started < 5  # not a range of four thousand million


def test_a_journal_that_no_mint_wrote_is_refused_at_once(tmp_path: Path) -> None:
    for batches in (
        [(n, 2**200, A, 0) for n in range(0, 3000)],
        [(2**255, 1, A, 2**255)],
        [(0, 1, "nobody", 2**255)],
    ):
        known = Journal(tmp_path / "mint.jsonl")
        for number, (first, count, to, start) in enumerate(batches):
            plan = {"operation": f"m{number}", "first": first, "count": count}
            known.plans[f"m{number}"] = {**plan, "to": to, "start": start}
            known.attempts[f"m{number}"] = []
        with contextlib.suppress(UsageError):
            assert places({B: 1}, known, 1) == [1]
    known.plans["m"] = {"operation": "m", "first": 0, "count": 1}
    with pytest.raises(UsageError, match="a plan without its to"):
        places({B: 1}, known, 0)
