"""Royalties of several people: made by deploy, named by the contract, paid out once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nftgan.chain.accounts import embedded_account
from nftgan.chain.contract import Collection
from nftgan.chain.operations import Operation
from nftgan.chain.splitter import packed_shares, splitter_address
from nftgan.project import Project
from nftgan.workflows.publishing import ChainChoice, open_chain, sender_for

ANN, BOB = "0x" + "a1" * 20, "0x" + "b2" * 20
Answer = Callable[..., Any]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: Answer) -> Project:
    monkeypatch.setenv("NFTGAN_HOME", str(tmp_path / "home"))
    where = ("-C", str(tmp_path / "birds"))
    answer("init", "birds", "--in", str(tmp_path))
    path = tmp_path / "birds" / "nftgan.toml"
    shares = f'\n[royalty.shares]\n"{ANN}" = 60\n"{BOB}" = 40.0\n\n[chain]'
    path.write_text(path.read_text().replace("\n[chain]", shares, 1))
    answer("curate", *where, "-m", "base", "--pick", "3,8")
    answer("render", *where)
    answer("metadata", *where)
    return Project(tmp_path / "birds")


def test_royalties_are_divided_by_a_contract_that_deploy_makes(
    project: Project, answer: Answer
) -> None:
    where = ("-C", str(project.root))
    address = splitter_address(packed_shares({ANN: 60, BOB: 40}))
    plan = answer("deploy", *where, "--force", "--dry-run")
    assert "royalty splitter" in plan["steps"] and "splitter contract" in plan["steps"]
    assert plan["royalty_shares"] == {ANN: 60.0, BOB: 40.0}
    assert plan["fixed"]["royalty_receiver"] == address
    missing = answer("royalties", *where, expect=2)
    assert "is not on embedded" in missing["message"] and "nftgan deploy" in missing["hint"]
    deployed = answer("deploy", *where, "--force")
    connection = open_chain(ChainChoice(), project)
    collection = Collection(connection, deployed["collection"])
    assert collection.immutable_args().royalty_receiver == address
    assert deployed == {**answer("deploy", *where, "--force"), "created": True}

    assert answer("royalties", "--pay", "--dry-run", *where)["steps"] == []
    me = embedded_account()
    sender = sender_for(connection, me, project.root / "sale.jsonl", ChainChoice())
    sender.send_and_confirm([Operation("sale", address, b"", None, 1_000_001)])
    status = answer("royalties", *where)
    assert [(s["paid"], s["due"]) for s in status["shares"]] == [(0, 600_000), (0, 400_000)]
    paid = answer("royalties", "--pay", *where)
    assert [(s["paid"], s["due"]) for s in paid["shares"]] == [(600_000, 0), (400_000, 0)]
    again = answer("royalties", "--pay", *where)
    assert again == paid
    assert [connection.w3.eth.get_balance(a) for a in map(_sum, (ANN, BOB))] == [600_000, 400_000]
    sender.send_and_confirm([Operation("sale 2", address, b"", None, 10)])
    assert [s["due"] for s in answer("royalties", *where)["shares"]] == [6, 4]
    answer("royalties", "--pay", *where)
    assert [s["paid"] for s in answer("royalties", *where)["shares"]] == [600_006, 400_004]


def _sum(address: str) -> Any:
    from eth_utils import to_checksum_address

    return to_checksum_address(address)


def test_a_collection_with_one_receiver_says_so(published: Project, answer: Answer) -> None:
    error = answer("royalties", "-C", str(published.root), expect=2)
    assert "go to one account" in error["message"] and "royalty.shares" in error["hint"]
