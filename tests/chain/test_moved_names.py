"""A name that a mint was begun with is refused once it stands for somebody else."""

from __future__ import annotations

from pathlib import Path

import pytest

from nftgan.chain.journal import Journal
from nftgan.chain.moved_names import refuse_moved_names
from nftgan.errors import UsageError
from tests.chain.actors import account

A, B = account("a").address, account("b").address


def test_a_name_stays_with_the_account_that_the_journal_holds(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "mint.jsonl")
    journal.plan("mint 0-1", first=0, count=2, to=A, name="alice.eth")
    journal.plan("mint 2-2", first=2, count=1, to=B)
    journal = Journal.read(journal.path)
    refuse_moved_names(journal, {A: "alice.eth", B: "bob.eth"})
    refuse_moved_names(journal, {})
    with pytest.raises(UsageError, match=f"alice.eth stands for {B} now, and stood for {A}"):
        refuse_moved_names(journal, {B: "alice.eth"})
    journal.plan("mint 0-1", first=0, count=2, to=B)  # the address itself was given instead
    refuse_moved_names(journal, {B: "alice.eth"})
