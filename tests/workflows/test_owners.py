"""`nftgan owners` as a person types it, and its list given to the mint of another collection."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nftgan.chain.accounts import embedded_account
from nftgan.chain.recipients import read_recipients
from nftgan.project import Project
from tests.chain.actors import account

Answer = Callable[..., Any]
A, B = account("a").address, account("b").address


def test_the_owners_of_one_collection_are_given_tokens_of_another(
    published: Project, answer: Answer, tmp_path: Path
) -> None:
    where = ("-C", str(published.root))
    other = tmp_path / "others"
    shutil.copytree(published.root, other)
    shutil.rmtree(other / "deployments")
    answer("mint", "--force", *where, "--to", f"{A}=2", "--to", B)
    found = answer("owners", *where)
    assert found["owners"] == [
        {"address": A, "count": 2, "tokens": [0, 1]},
        {"address": B, "count": 1, "tokens": [2]},
    ]
    assert (found["minted"], found["burnt"], found["chain"]) == (3, [], "embedded")
    people, named = tmp_path / "people.csv", tmp_path / "named.csv"
    by_contract = ("owners", "--contract", found["contract"], "--chain", "embedded")
    assert answer(*by_contract, "-o", str(people))["owners"] == found["owners"]
    assert people.read_text() == f"address,count\n{A},2\n{B},1\n"
    answer("owners", *where, "-o", str(named), "--with-tokens", "--without", A)
    assert named.read_text() == f"address,count,token\n{B},1,2\n"
    assert [one.count for one in read_recipients(people)] == [2, 1]
    error = answer("owners", *where, "-o", str(named), "--without", A, "--without", B, expect=2)
    assert "nobody would be on the list" in error["message"]
    assert named.read_text().endswith(",2\n")  # as it was

    there = ("-C", str(other))
    answer("deploy", "--force", *there, "--seed-store", "code")  # another contract
    answer("mint", "--force", *there, "--airdrop", str(people))
    given = answer("owners", *there)
    assert given["owners"] == found["owners"] and given["contract"] != found["contract"]


def test_what_is_no_question_is_refused(published: Project, answer: Answer) -> None:
    where = ("-C", str(published.root))
    assert answer("owners", *where)["owners"] == []  # nothing is minted yet
    for words, code, said in (
        (("--with-tokens",), 2, "--with-tokens is about the list"),
        (("--confirmations", "finalized"), 2, "below a number of blocks"),
        (("--without", "0x12"), 2, "is not a valid --without"),
    ):
        assert said in answer("owners", *where, *words, expect=code)["message"]
    me = embedded_account().address
    error = answer("owners", "--contract", me, "--chain", "embedded", expect=3)
    assert "cannot be trusted" in error["message"]
