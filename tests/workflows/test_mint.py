"""`nftgan mint` to several people, as a person types it, on the embedded chain."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import nftgan
from nftgan.chain import names
from nftgan.chain.accounts import embedded_account
from nftgan.chain.contract import Collection
from nftgan.chain.journal import Journal
from nftgan.chain.networks import CHAINS
from nftgan.chain.rpc import connect
from nftgan.files import read_json
from nftgan.project import Project
from tests.chain.actors import STAGES, account, dying, in_child, times_minted

Answer = Callable[..., Any]
A, B, C = (account(name).address for name in "abc")


class Desk:
    """Types mints, and looks at the chain beside nftgan's answers."""

    def __init__(self, project: Project, answer: Answer) -> None:
        self.project, self.answer = project, answer

    def mint(self, *words: str, expect: int = 0) -> Any:
        return self.answer("mint", "--force", "-C", str(self.project.root), *words, expect=expect)

    def list(self, *lines: str) -> tuple[str, str]:
        path = self.project.root / "people.csv"
        path.write_text("\r\n".join(lines), encoding="utf-8-sig")
        return "--airdrop", str(path)

    @property
    def owners(self) -> list[str | None]:
        connection = connect(CHAINS["embedded"])
        record = read_json(next(self.project.deployments.glob("*.json")))
        collection = Collection(connection, record["collection"])
        minted = collection.next_token_id()
        assert times_minted(connection, collection) == dict.fromkeys(range(minted), 1)
        return [collection.owner_of(token) for token in range(minted)]


@pytest.fixture
def desk(published: Project, answer: Answer) -> Desk:
    return Desk(published, answer)


def test_a_list_is_shown_then_minted_once(desk: Desk) -> None:
    people = desk.list("Address;Count", f"{A};1", f"{B};2")
    plan = desk.mint(*people, "--dry-run")
    assert [(one["to"], one["first"], len(one["seeds"])) for one in plan["batches"]] == [
        (A, 0, 1),
        (B, 1, 2),
    ]
    assert plan["to"] is None and plan["gas"] == sum(one["gas"] for one in plan["batches"])
    assert desk.owners == []
    done = desk.mint(*people)
    assert len(done["transactions"]) == 2 and desk.owners == [A, B, B]
    assert desk.mint(*people)["transactions"] == []  # run again: everybody has theirs
    assert desk.mint(*people, "--dry-run")["batches"] == []


def test_several_to_are_a_list_and_one_gets_all(desk: Desk) -> None:
    desk.mint("--to", f"{A}=1", "--to", B)
    assert desk.owners == [A, B]
    desk.mint("--to", f"{A}=1", "--to", B)
    assert desk.owners == [A, B]
    error = desk.mint("--to", f"{A}=1", expect=0)
    assert error["transactions"] == [] and desk.owners == [A, B]
    error = desk.mint("--to", f"{B}=1", expect=2)
    assert "got token 1 by an earlier list" in error["message"] and "--tokens 2" in error["hint"]
    desk.mint("--to", C)
    assert desk.owners == [A, B, C]


def test_a_changed_list_is_compared_with_what_was_signed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = (f"{A},1", f"{B},1", f"{C},1")

    def killed() -> None:
        """Once the first transaction is final, the second one signed."""
        owner, name = STAGES["signed"]
        monkeypatch.setattr(owner, name, dying(owner, name, 2))
        desk.mint(*desk.list(*people))

    assert in_child(killed) == -signal.SIGKILL
    error = desk.mint(expect=2)
    assert "tokens 2 are left of it" in error["message"]
    changed = desk.list(f"{C},1", f"{B},1", f"{A},1")
    error = desk.mint(*changed, expect=2)
    assert "people.csv, line 1" in error["message"] and "gave token 0 to" in error["message"]
    error = desk.mint(*changed, "--tokens", "0-2", expect=2)
    assert f"token 0 was minted to {A}, not to {C}" in error["message"]
    assert desk.owners == [A]
    desk.mint(*desk.list(f"{A},1", f"{B},1", f"{A},1,2"[:-2]), expect=2)  # A twice
    desk.mint(*desk.list(*people))
    assert desk.owners == [A, B, C]


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("number", [1, 2])
def test_a_kill_at_any_stage_gives_each_token_once(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, stage: str, number: int
) -> None:
    people = desk.list(f"{A},1,1", f"{B},1,0", f"{C},1,2")

    def killed() -> None:
        owner, name = STAGES[stage]
        monkeypatch.setattr(owner, name, dying(owner, name, number))
        desk.mint(*people)

    assert in_child(killed) == -signal.SIGKILL
    desk.mint(*people)
    assert desk.owners == [B, A, C]
    journal = Journal.read(next(desk.project.root.glob("mint-*.jsonl")))
    assert [len(tried) for tried in journal.attempts.values()] == [1, 1, 1]


def test_a_list_that_cannot_be_meant_costs_nothing(desk: Desk) -> None:
    record = read_json(next(desk.project.deployments.glob("*.json")))
    for lines, said in (
        ((f"{A},4",), "there are 3 pieces"),
        ((f"{A},1", f"{record['collection']},1"), "the collection's own contract"),
        ((f"{A},1,1",), "the next is 0, and the list begins with 1"),
        (("0x12,1",), "people.csv, line 1: '0x12' is not a valid address"),
    ):
        error = desk.mint(*desk.list(*lines), expect=2)
        assert said in error["message"], error
    error = desk.mint("--to", A, *desk.list(f"{B},1"), expect=2)
    assert "exclude each other" in error["message"]
    assert desk.owners == []
    assert Journal.read(next(desk.project.root.glob("mint-*.jsonl"), Path("none"))).plans == {}


def test_gifts_beside_a_sale_are_told_their_way(desk: Desk) -> None:
    where = ("--force", "-C", str(desk.project.root))
    desk.answer("sale", "open", "--price", "0.01", "--signer", "self", *where)
    hint = desk.mint("--to", f"{A}=1", expect=2)["hint"]
    assert "nftgan sale voucher ADDR --price 0" in hint
    voucher = desk.answer(
        "sale", "voucher", A, "--price", "0", "-C", str(desk.project.root)
    )  # and that way is one
    assert voucher["voucher"]["price_wei"] == "0"
    desk.answer("sale", "close", "-C", str(desk.project.root))
    desk.answer("sale", "open", "--price", "0.02", *where)
    hint = desk.mint(*desk.list(f"{A},1"), expect=2)["hint"]
    assert "after nftgan sale close" in hint and "send them on" in hint
    assert desk.mint(expect=2)["hint"] == "it is on sale, nftgan sale close gives it back"
    desk.answer("sale", "close", "-C", str(desk.project.root))
    desk.mint("--to", f"{A}=2")
    assert desk.owners == [A, A]


def test_a_name_that_moved_splits_no_drop_and_repeats_none(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = {"alice.eth": A, "bob.eth": B}
    monkeypatch.setattr(names, "_resolved", lambda connection, name, what: known[name])
    both = ("--to", "alice.eth=1", "--to", "bob.eth=1")

    def killed() -> None:
        owner, name = STAGES["signed"]
        monkeypatch.setattr(owner, name, dying(owner, name, 2))
        desk.mint(*both)

    assert in_child(killed) == -signal.SIGKILL
    known["bob.eth"] = C
    error = desk.mint(*both, expect=2)
    assert f"bob.eth stands for {C} now, and stood for {B}" in error["message"]
    assert desk.owners == [A]
    known["bob.eth"] = B
    desk.mint(*both)
    known["alice.eth"] = C  # the list is done: again, it would be another one
    assert f"stood for {A}" in desk.mint(*both, expect=2)["message"]
    assert f"stood for {A}" in desk.mint("--to", "alice.eth", expect=2)["message"]
    assert desk.owners == [A, B]
    desk.mint("--to", C)  # an address is what was meant
    assert desk.owners == [A, B, C]


@pytest.mark.parametrize("whom", ["collection", "zeros"])
def test_all_tokens_go_to_nobody_who_cannot_hold_them(desk: Desk, whom: str) -> None:
    record = read_json(next(desk.project.deployments.glob("*.json")))
    to = record["collection"] if whom == "collection" else "0x" + 40 * "0"
    error = desk.mint("--to", to, expect=2)
    assert "it cannot hold tokens" in error["message"] and desk.owners == []


@pytest.mark.parametrize("other", [A, B])
def test_a_token_that_another_machine_gave_to_somebody_else_is_not_said_to_be_done(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, other: str
) -> None:
    people = desk.list(f"{A},1")

    def killed() -> None:
        owner, name = STAGES["signed"]
        monkeypatch.setattr(owner, name, dying(owner, name, 1))
        desk.mint(*people)

    assert in_child(killed) == -signal.SIGKILL
    journal = next(desk.project.root.glob("mint-*.jsonl"))
    here = journal.read_bytes()
    journal.unlink()
    desk.mint("--to", f"{other}=2")  # the other machine, with the same key
    journal.write_bytes(here)
    if other == A:  # it went on with the same list
        assert desk.mint(*people)["transactions"] == []
        return
    error = desk.mint(*people, expect=3)
    assert f"token 0 was signed for {A} here, but another" in error["message"]
    assert B in error["message"] and "--tokens 2" in error["hint"]
    desk.mint(*people, "--tokens", "2")
    assert desk.owners == [B, B, A]


def test_python_gives_to_several_too(desk: Desk) -> None:
    local = nftgan.ChainChoice("embedded")
    seen: list[Any] = []

    def approve(plan: Any) -> bool:
        seen.append(plan)
        return True

    nftgan.mint(desk.project, local, recipients={A: 1, B: 1}, approve=approve, force=True)
    assert [batch.to for batch in seen[0].batches] == [A, B]
    path = desk.list(f"{A},1", f"{B},1", f"{C},1")[1]
    nftgan.mint(desk.project, local, recipients=path, approve=approve, force=True)
    assert desk.owners == [A, B, C] and len(seen) == 2
    with pytest.raises(nftgan.UsageError, match="exclude each other"):
        nftgan.mint(desk.project, local, to=A, recipients={B: 1})
    assert embedded_account().address not in desk.owners
