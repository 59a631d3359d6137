"""What a journal and a node say of a transaction is proven before it counts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nftgan.chain.journal import Attempt, Journal
from nftgan.chain.minting import plan_mint, run_mint
from nftgan.errors import CheckFailed
from tests.chain.actors import account, seeds_of, sender
from tests.chain.conftest import FAULTY, Start
from tests.chain.world import ME, TOKENS, World


def test_another_transaction_in_the_journal_is_not_taken_for_ours(
    bad_node: Start, tmp_path: Path
) -> None:
    world = World(bad_node(lambda *_: None), tmp_path)
    seeds = seeds_of(TOKENS)
    plan = plan_mint(world.minter(), world.collection, ME.address, seeds, until=2)
    run_mint(world.minter(), world.collection, plan)
    [sent] = world.attempts()
    begun = Journal.read(tmp_path / "mint.jsonl")
    for change, named in (
        ({"hash": "0x" + "11" * 32}, "another hash"),
        ({"raw": "0x02"}, "not a signed transaction"),
        ({"raw": "0x" + "00" * 40}, "not a transaction of type 2"),
        ({"nonce": sent.nonce + 1}, "another nonce"),
        ({"operation": "mint 2-5"}, "another calldata"),
    ):
        forged = replace(sent, **{"operation": "mint 2-5", **change})
        path = tmp_path / "mint.jsonl"
        journal = Journal.open(path, {})
        journal.attempts.clear()
        lines = path.read_text()
        journal.attempt(forged)
        with pytest.raises(CheckFailed, match=named):
            minter = world.minter()
            rest = plan_mint(minter, world.collection, ME.address, seeds)
            run_mint(minter, world.collection, rest)
        path.write_text(lines)
    assert world.collection.next_token_id() == 2
    assert begun.attempts.keys() == {"mint 0-1"}


def test_a_transaction_of_another_account_is_not_taken_for_ours(
    bad_node: Start, tmp_path: Path
) -> None:
    world = World(bad_node(lambda *_: None), tmp_path)
    code = bytes.fromhex("600160005360016000f3")
    call: dict[str, Any] = {"data": code, "value": 0, "type": 2, "gas": 90_000, "nonce": 0}
    call |= {"maxFeePerGas": 2, "maxPriorityFeePerGas": 1, "chainId": FAULTY.chain_id}
    raw, tx_hash = account("stranger").sign(call)
    mine = sender(world.connection, ME, tmp_path / "mine.jsonl")
    mine.journal.attempt(Attempt("factory", 0, tx_hash, "0x" + raw.hex(), 2, 1, 90_000))
    with pytest.raises(CheckFailed, match="another sender") as caught:
        mine.execute("factory", to=None, data=code)
    assert "mine.jsonl" in (caught.value.hint or "")


def test_a_node_that_lies_about_the_new_contract_is_not_asked(
    bad_node: Start, tmp_path: Path
) -> None:
    world = World(bad_node(lambda *_: None), tmp_path)
    honest = world.honest

    def lying(params: list[Any]) -> dict[str, Any]:
        answer = honest("eth_getTransactionReceipt", params)
        if answer.get("result"):
            answer = {**answer, "result": {**answer["result"], "contractAddress": "0x" + "66" * 20}}
        return answer

    world.answering("eth_getTransactionReceipt", lying)
    own = sender(world.connection, ME, tmp_path / "create.jsonl")
    code = bytes.fromhex("600160005360016000f3")
    made = own.execute("anything", to=None, data=code).contract
    assert made is not None and made.lower() != "0x" + "66" * 20
    assert world.connection.w3.eth.get_code(made)  # type: ignore[arg-type]
