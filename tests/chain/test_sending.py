"""One operation at a time through scripted faults: what is signed, sent, replaced and refused."""

from __future__ import annotations

import errno
import resource
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nftgan.chain import sending as sending_module
from nftgan.chain.fees import FeeTooHigh
from nftgan.chain.journal import Journal
from nftgan.chain.minting import plan_mint, run_mint
from nftgan.chain.sending import TX_GAS_CAP
from nftgan.errors import PartlyDone, ServiceError, UsageError
from nftgan.files import os_error
from tests.chain.actors import (
    in_child,
    mint,
    seeds_of,
)
from tests.chain.conftest import Start
from tests.chain.world import ME, TOKENS, World


@pytest.fixture
def world(bad_node: Start, tmp_path: Path) -> World:
    return World(bad_node(lambda method, params: None), tmp_path)


def failing_once(error: str, *, after: Callable[[list[Any]], Any] | None = None) -> Any:
    """An answer that is an error for the first request, which `after` gets, and none later."""
    asked: list[Any] = []

    def answer(params: list[Any]) -> dict[str, Any] | None:
        asked.append(params)
        if len(asked) > 1:
            return None
        if after is not None:
            after(params)
        return {"error": {"code": -32000, "message": error}}

    return answer


@pytest.mark.parametrize(
    "words",
    [
        "already known",  # geth
        "ALREADY_EXISTS: already known",  # Erigon
        "existing tx with same hash",
        "AlreadyKnown",  # Nethermind
        "OldNonce, Current nonce: 1, nonce of rejected tx: 0",
        "Known transaction",  # Besu
        "NONCE_TOO_LOW",
        "TRANSACTION_REPLACEMENT_UNDERPRICED",
        "Transaction with the same hash was already imported.",  # Parity and its heirs
        "nonce too low: next nonce 4, tx nonce 3",
        "replacement transaction underpriced",
    ],
)
def test_that_a_node_has_it_already_is_an_answer_in_every_clients_words(
    world: World, words: str
) -> None:
    def forward(params: list[Any]) -> None:
        world.honest("eth_sendRawTransaction", params)

    said: list[str] = []
    world.answering("eth_sendRawTransaction", failing_once(words, after=forward))
    mint(world.minter(on_wait=said.append), world.collection, TOKENS)
    world.check()
    assert len(world.attempts()) == 1 and said == []


def test_the_name_of_a_nodes_host_decides_nothing(world: World) -> None:
    """Only the node's own words do: here the host is called what a client says of a known one."""
    said: list[str] = []
    world.answering("eth_sendRawTransaction", failing_once("internal error"))
    world.connection = replace(world.connection, where="https://replacement.example")
    mint(world.minter(on_wait=said.append), world.collection, TOKENS)
    world.check()
    assert any("internal error; trying again" in line for line in said)


@pytest.mark.parametrize(
    "words",
    [
        "nonce too high",
        "tx nonce 5 exceeds next nonce 3",
        "nonce too far in the future",
        "tx-nonce-too-high",
    ],
)
def test_a_node_that_does_not_know_the_nonce_before_is_asked_again(
    world: World, words: str
) -> None:
    world.answering("eth_sendRawTransaction", failing_once(words))
    world.mint_and_check()
    assert len(world.attempts()) == 1


@pytest.mark.parametrize(
    "words",
    [
        "max fee per gas less than block base fee: address 0x, maxFeePerGas: 1, baseFee: 2",
        "fee cap less than block base fee",
        "FeeTooLow, MaxFeePerGas too low",
        "FEE_TOO_LOW",
        "transaction underpriced: gas tip cap 1, minimum needed 1000000",
        "gas price below current base fee",
    ],
)
def test_a_fee_that_became_too_low_is_raised_for_the_same_nonce(world: World, words: str) -> None:
    world.answering("eth_sendRawTransaction", failing_once(words))
    world.mint_and_check()
    first, second = world.attempts()
    assert first.nonce == second.nonce and first.hash != second.hash
    assert second.max_fee_wei >= first.max_fee_wei * 1_125 // 1_000
    assert second.tip_wei >= first.tip_wei * 1_125 // 1_000


@pytest.mark.parametrize(
    "words",
    [
        "tx fee (2.00 ether) exceeds the configured cap (1.00 ether)",
        "exceeds block gas limit",
        "transaction gas limit too high (cap: 16777216, tx: 16777217)",
    ],
)
def test_a_cap_of_the_nodes_is_said_at_once_and_nothing_is_lost(world: World, words: str) -> None:
    def capped(params: list[Any]) -> dict[str, Any]:
        return {"error": {"code": -32000, "message": words}}

    world.answering("eth_sendRawTransaction", capped)
    with pytest.raises(ServiceError, match=words[:12].replace("(", ".")) as caught:
        mint(world.minter(), world.collection, TOKENS)
    assert caught.value.hint == "lower --max-fee, or choose another node with --rpc"
    world.answering("eth_sendRawTransaction", lambda params: None)
    world.mint_and_check()
    assert len(world.attempts()) == 1


@pytest.mark.parametrize(
    "words",
    [
        "insufficient funds for gas * price + value: balance 0, tx cost 1",
        "InsufficientFunds, Account balance: 1, cumulative cost: 1000",  # Nethermind
        "Upfront cost exceeds account balance",  # Besu
    ],
)
def test_a_purse_that_empties_midway_is_said_and_filled_again(world: World, words: str) -> None:
    world.answering("eth_sendRawTransaction", failing_once(words))
    with pytest.raises(UsageError, match="has too little on faulty"):
        mint(world.minter(), world.collection, TOKENS)
    world.mint_and_check()
    assert len(world.attempts()) == 1


NO_HISTORY = [
    {"error": {"code": -32601, "message": "the method eth_feeHistory does not exist"}},
    {"error": {"code": -32000, "message": "method eth_feeHistory is not whitelisted"}},
    {"result": {"baseFeePerGas": ["0x0"] * 6, "gasUsedRatio": [0] * 5, "oldestBlock": "0x0"}},
]


@pytest.mark.parametrize("answer", NO_HISTORY)
def test_without_a_fee_history_the_last_block_says_the_base_fee(
    world: World, answer: dict[str, Any]
) -> None:
    world.answering("eth_feeHistory", lambda params: answer)
    world.mint_and_check()
    (attempt,) = world.attempts()
    assert attempt.raw.startswith("0x02") and attempt.max_fee_wei > attempt.tip_wei


@pytest.mark.parametrize("answer", NO_HISTORY)
def test_a_chain_without_eip_1559_gets_one_gas_price_and_that_is_said(
    world: World, answer: dict[str, Any]
) -> None:
    honest = world.honest

    def old(method: str, params: list[Any]) -> dict[str, Any]:
        if method == "eth_feeHistory":
            return answer
        found = honest(method, params)
        if method == "eth_getBlockByNumber" and found.get("result"):
            del found["result"]["baseFeePerGas"]
        return found

    world.bad.upstream = old
    own = world.minter()
    plan = plan_mint(own, world.collection, ME.address, seeds_of(TOKENS))
    assert "no EIP-1559" in plan.fee_note
    run_mint(own, world.collection, plan)
    world.check()
    (attempt,) = world.attempts()
    assert int(attempt.raw[2:4], 16) >= 0xC0 and attempt.max_fee_wei == attempt.tip_wei
    assert mint(world.minter(), world.collection, TOKENS) == ()  # the journal is read again
    (final,) = world.minter().journal.finals.values()
    assert final["fee_wei"] == final["gas"] * attempt.max_fee_wei
    with pytest.raises(FeeTooHigh, match=r"the gas price is .* above the allowed"):
        world.minter(max_fee_wei=1).cap_for(1)


def test_a_fee_history_that_fails_otherwise_signs_nothing(world: World) -> None:
    refusal = {"error": {"code": -32000, "message": "header not found"}}
    world.answering("eth_feeHistory", lambda params: refusal)
    with pytest.raises(ServiceError, match="header not found"):
        mint(world.minter(), world.collection, TOKENS)
    assert world.attempts() == []


def test_a_node_that_is_of_another_chain_by_now_gets_nothing(world: World) -> None:
    own = world.minter()
    plan = plan_mint(own, world.collection, ME.address, seeds_of(TOKENS))
    world.answering("eth_chainId", lambda params: {"result": "0x1"})
    with pytest.raises(UsageError, match=r"is of chain 1, not faulty \(7235188\)"):
        run_mint(own, world.collection, plan)
    assert world.attempts() == [] and world.bad.requests["eth_sendRawTransaction"] == 3
    world.answering("eth_chainId", lambda params: None)
    world.mint_and_check()


@pytest.mark.parametrize("room", [0, 1, 200, 1_000, 1_200])
def test_a_full_disk_stops_before_anything_is_sent_that_is_not_written(
    world: World, room: int
) -> None:
    """The limit cuts a line in its middle, as a full disk does."""
    mint(world.minter(), world.collection, 2, until=2)
    nonce, journal = world.nonce(), world.folder / "mint.jsonl"
    size = journal.stat().st_size

    def child() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + room, -1))
        with pytest.raises(UsageError, match=r"mint\.jsonl: file too large"):
            mint(world.minter(), world.collection, TOKENS)

    assert in_child(child) == 0
    assert journal.stat().st_size <= size + room
    sent = world.nonce() - nonce
    assert sent <= len(world.attempts()) - 1
    world.mint_and_check()
    assert len(world.attempts()) == 2


def test_a_journal_on_a_read_only_disk_stops_before_anything_is_sent(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    nonce = world.nonce()

    def refuse(path: Path, line: str) -> None:
        raise os_error(OSError(errno.EROFS, "Read-only file system"), path)

    with monkeypatch.context() as patch:
        patch.setattr("nftgan.chain.journal.append_line", refuse)
        with pytest.raises(UsageError, match="read-only file system") as caught:
            mint(world.minter(), world.collection, TOKENS)
    assert caught.value.hint == "the file system is read-only: choose another folder"
    assert world.nonce() == nonce
    world.mint_and_check()


@pytest.mark.parametrize("jump", [-(10**9), 10**9])
def test_a_jump_of_the_clock_changes_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch, jump: int
) -> None:
    real, calls = time.time, 0

    def jumping() -> float:
        nonlocal calls
        calls += 1
        return real() + (jump if calls > 3 else 0)

    with monkeypatch.context() as patch:
        patch.setattr(time, "time", jumping)
        world.mint_and_check()
    assert len(world.attempts()) == 1


# ---- what it may cost


def test_a_budget_lowers_the_fee_so_that_the_worst_case_fits(world: World) -> None:
    free = plan_mint(world.minter(), world.collection, ME.address, seeds_of(TOKENS))
    budget = free.worst_case_wei * 8 // 10
    tight = plan_mint(
        world.minter(budget_wei=budget), world.collection, ME.address, seeds_of(TOKENS)
    )
    assert budget * 99 // 100 < tight.worst_case_wei <= budget
    own = world.minter(budget_wei=budget)
    run_mint(own, world.collection, plan_mint(own, world.collection, ME.address, seeds_of(TOKENS)))
    world.check()
    assert all(attempt.worst_case_wei <= budget for attempt in world.attempts())


def test_a_budget_below_the_base_fee_ends_before_anything_is_signed(world: World) -> None:
    with pytest.raises(
        PartlyDone, match=r"the budget of 0\.000001 ether.* asks for more"
    ) as caught:
        mint(world.minter(budget_wei=10**12), world.collection, TOKENS)
    assert caught.value.hint is not None and world.attempts() == []


def test_a_budget_counts_what_earlier_runs_have_spent(world: World) -> None:
    mint(world.minter(), world.collection, 2, until=2)
    [final] = Journal.read(world.folder / "mint.jsonl").finals.values()
    own = world.minter(budget_wei=final["fee_wei"] + 1)
    assert own.journal.committed_wei() == final["fee_wei"]
    with pytest.raises(PartlyDone, match=r"leaves 0\.000000 for [\d,]+ gas"):
        plan_mint(own, world.collection, ME.address, seeds_of(TOKENS))


class Waiting(Exception):
    """Ends a wait that has said why."""


def test_a_replacement_that_would_pass_the_budget_waits(world: World) -> None:
    def said(message: str) -> None:
        if "budget" in message:
            raise Waiting(message)

    own = world.minter(budget_wei=10**18, on_wait=said)
    plan = plan_mint(own, world.collection, ME.address, seeds_of(TOKENS))
    words = "max fee per gas less than block base fee"
    world.answering("eth_sendRawTransaction", lambda _: {"error": {"code": 1, "message": words}})
    deliver = own._deliver

    def broke(*arguments: Any) -> bool:
        own.budget_wei = own.journal.committed_wei() + 1
        return deliver(*arguments)

    own._deliver = broke  # type: ignore[method-assign]
    with pytest.raises(Waiting, match=r"^waiting: with mint 0-5 .* above the budget of 0\.0"):
        run_mint(own, world.collection, plan)
    assert len(world.attempts()) == 1
    world.answering("eth_sendRawTransaction", lambda params: None)
    world.mint_and_check()


def test_a_replacement_never_allows_less_gas_than_what_it_replaces(world: World) -> None:
    """A node may estimate less the second time, and the batch would run out of gas."""
    own = world.minter()
    plan = plan_mint(own, world.collection, ME.address, seeds_of(TOKENS))
    words = "max fee per gas less than block base fee"
    world.answering("eth_sendRawTransaction", lambda _: {"error": {"code": 1, "message": words}})
    deliver, delivered = own._deliver, 0

    def lowered(*arguments: Any) -> bool:
        nonlocal delivered
        delivered += 1
        if delivered == 2:  # the first was refused; from now on the node estimates less
            low = {"jsonrpc": "2.0", "id": 1, "result": hex(30_000)}
            world.answering("eth_estimateGas", lambda _: low)
        return deliver(*arguments)

    own._deliver = lowered  # type: ignore[method-assign]
    run_mint(own, world.collection, plan)
    first, second, *_ = world.attempts()
    assert second.nonce == first.nonce and second.max_fee_wei > first.max_fee_wei
    assert second.gas >= first.gas


def test_no_transaction_passes_the_cap_of_eip_7825(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert TX_GAS_CAP == 2**24
    monkeypatch.setattr(sending_module, "TX_GAS_CAP", 50_000)
    with pytest.raises(UsageError, match=r"mint 0-5 needs \d+ gas, more than one transaction may"):
        mint(world.minter(), world.collection, TOKENS)
    assert world.attempts() == []
