"""Minting through a real mempool: reorganisations, fee spikes, stolen nonces, wiped pools."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nftgan.chain import minting
from nftgan.chain.contract import Collection
from nftgan.chain.journal import Journal
from nftgan.chain.minting import audit, plan_mint, run_mint
from nftgan.chain.networks import CHAINS, Chain
from nftgan.chain.rpc import Connection, connect
from nftgan.chain.sending import Sender
from nftgan.errors import PartlyDone, ServiceError, UsageError
from tests.chain.actors import (
    PATIENT,
    QUICK,
    account,
    deploy,
    die,
    in_child,
    mint,
    seeds_of,
    sender,
    times_minted,
)
from tests.chain.anvil import forward, rpc
from tests.chain.faults import BadNode, Policy, faults_of

pytestmark = pytest.mark.node
GWEI = 10**9
TOKENS = 25
ME = account("me")


class Rig:
    """A collection on an anvil of its own, and a hand on the node."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url, self.folder = url, folder
        self.ask("anvil_setBalance", ME.address, hex(10**21))
        self.connection: Connection = connect(CHAINS["anvil"], url)
        with self.mining():
            self.collection: Collection = deploy(self.connection, ME, folder, TOKENS)

    def ask(self, method: str, *params: Any) -> Any:
        return rpc(self.url, method, *params)

    def mining(self) -> Mining:
        return Mining(self)

    def minter(self, **more: Any) -> Sender:
        path = self.folder / "mint.jsonl"
        return sender(self.connection, ME, path, **{"timing": PATIENT, **more})

    def begin(self, **more: Any) -> threading.Thread:
        """Mint in another thread; its outcome is in `result` or `failure`."""
        self.failure: BaseException | None = None

        def work() -> None:
            try:
                mint(self.minter(**more), self.collection, TOKENS)
            except BaseException as exc:
                self.failure = exc

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        return thread

    def wait_for(self, happened: Callable[[], Any]) -> Any:
        until = time.monotonic() + 120
        while time.monotonic() < until:
            if found := happened():
                return found
            if self.failure is not None:
                raise self.failure
            time.sleep(0.02)
        pytest.fail("nothing happened for two minutes")

    def pending(self) -> list[dict[str, Any]]:
        pool = self.ask("txpool_content")["pending"]
        return [tx for of in pool.values() for tx in of.values()]

    def end(self, thread: threading.Thread) -> None:
        with self.mining():
            thread.join(60)
        assert not thread.is_alive()
        if self.failure is not None:
            raise self.failure
        self.check()

    def check(self) -> None:
        audit(self.collection, seeds_of(TOKENS), TOKENS)
        assert times_minted(self.connection, self.collection) == dict.fromkeys(range(TOKENS), 1)

    def attempts(self) -> dict[str, list[str]]:
        tried = Journal.read(self.folder / "mint.jsonl").attempts
        return {name: [attempt.hash for attempt in of] for name, of in tried.items()}


class Mining:
    """While inside, a block comes every twentieth of a second."""

    def __init__(self, rig: Rig) -> None:
        self.rig, self.stopping = rig, threading.Event()
        self.thread = threading.Thread(target=self.work, daemon=True)

    def work(self) -> None:
        while not self.stopping.wait(0.05):
            self.rig.ask("evm_mine")

    def __enter__(self) -> None:
        self.thread.start()

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self.thread.join()


@pytest.fixture
def rig(
    anvil: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Rig]:
    monkeypatch.setattr(minting, "BATCH_TOKENS", 10)
    yield Rig(anvil("--no-mining"), tmp_path)


def test_minting_over_http_is_as_on_the_embedded_chain(rig: Rig) -> None:
    thread = rig.begin()
    rig.end(thread)
    assert [len(of) for of in rig.attempts().values()] == [1, 1, 1]


@pytest.mark.parametrize(
    ("owner", "name"), [(Journal, "attempt"), (Sender, "_send"), (Sender, "_write_final")]
)
def test_a_kill_with_a_transaction_in_the_mempool_mints_each_token_once(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, owner: type, name: str
) -> None:
    original = getattr(owner, name)

    def child() -> None:
        monkeypatch.setattr(owner, name, lambda *a, **k: (original(*a, **k), die()))
        rig.connection = connect(CHAINS["anvil"], rig.url)
        rig.collection = Collection(rig.connection, rig.collection.address)
        mint(rig.minter(), rig.collection, TOKENS)

    with rig.mining():
        assert in_child(child) == -signal.SIGKILL
    thread = rig.begin()
    rig.end(thread)
    assert [len(of) for of in rig.attempts().values()] == [1, 1, 1]


def test_a_reorganisation_deeper_than_the_confirmations_is_mended(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    send_and_confirm, rounds = Sender.send_and_confirm, 0

    def reorganised(self: Sender, *arguments: Any) -> Any:
        nonlocal rounds
        receipts = send_and_confirm(self, *arguments)
        rounds += 1
        if rounds == 1:  # all is final by the book; now the chain forgets it for good
            depth = rig.connection.w3.eth.block_number - receipts[0].block + 1
            rig.ask("anvil_reorg", depth, [])
            assert rig.collection.next_token_id() == 0
        return receipts

    monkeypatch.setattr(Sender, "send_and_confirm", reorganised)
    thread = rig.begin()
    rig.wait_for(lambda: rig.pending())
    rig.end(thread)
    assert rounds == 2
    assert [len(of) for of in rig.attempts().values()] == [1, 1, 1]  # the same bytes went again


def test_a_reorganisation_after_the_end_is_mended_by_running_again(rig: Rig) -> None:
    rig.end(rig.begin())
    before = rig.attempts()
    finals = Journal.read(rig.folder / "mint.jsonl").finals
    block = min(final["block"] for final in finals.values())
    rig.ask("anvil_reorg", rig.connection.w3.eth.block_number - block + 1, [])
    assert rig.collection.next_token_id() == 0
    rig.end(rig.begin())
    assert rig.attempts() == before


def test_tokens_are_finalized_when_the_node_says_so_and_not_before(
    anvil: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(minting, "BATCH_TOKENS", 10)
    rig = Rig(anvil("--no-mining", "--slots-in-an-epoch", "1"), tmp_path)  # final two blocks later

    def journal() -> Journal:
        return Journal.read(rig.folder / "mint.jsonl")

    thread = rig.begin(confirmations="finalized")
    for number in range(3):
        rig.wait_for(rig.pending)
        rig.ask("evm_mine")
        rig.wait_for(lambda: len(journal().mined) > number)  # noqa: B023 - asked at once
    last = rig.connection.w3.eth.block_number
    assert int(rig.ask("eth_getBlockByNumber", "finalized", False)["number"], 16) < last
    assert [journal().state(name) for name in journal().plans] == ["mined"] * 3
    assert thread.is_alive()
    rig.ask("anvil_mine", "0x1")
    assert [journal().state(name) for name in journal().plans] == ["mined"] * 3
    rig.ask("anvil_mine", "0x1")
    assert int(rig.ask("eth_getBlockByNumber", "finalized", False)["number"], 16) == last
    rig.end(thread)
    assert [journal().state(name) for name in journal().plans] == ["finalized"] * 3


def test_a_base_fee_spike_is_outbid_with_the_same_nonce(rig: Rig) -> None:
    thread = rig.begin(max_fee_wei=1_000 * GWEI, timing=QUICK)
    [first] = rig.wait_for(rig.pending)
    rig.ask("anvil_setNextBlockBaseFeePerGas", hex(50 * int(first["maxFeePerGas"], 16)))
    rig.ask("evm_mine")
    rig.wait_for(lambda: rig.pending() and rig.pending()[0]["hash"] != first["hash"])
    [second] = rig.pending()
    assert (second["nonce"], second["input"]) == (first["nonce"], first["input"])
    for fee in ("maxFeePerGas", "maxPriorityFeePerGas"):
        assert int(second[fee], 16) >= int(first[fee], 16) * 110 // 100
    rig.end(thread)


def test_a_base_fee_above_the_allowed_one_waits_and_then_stops(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    own = rig.minter(max_fee_wei=20 * GWEI, on_wait=said.append)
    plan = plan_mint(own, rig.collection, ME.address, seeds_of(TOKENS))
    assert plan.max_fee_wei == 20 * GWEI
    rig.ask("anvil_setNextBlockBaseFeePerGas", hex(300 * GWEI))
    rig.ask("evm_mine")
    own._timing = own._timing.__class__(0.02, 0.4, 1.0, 0.6, 20, give_up=1.5)
    with pytest.raises(PartlyDone, match=r"mint 0-9 is not through .*above the allowed 20"):
        run_mint(own, rig.collection, plan)
    assert said and said[0].startswith("waiting: the base fee is")
    assert rig.attempts() == {}
    with pytest.raises(PartlyDone, match="above the allowed 20"):
        plan_mint(rig.minter(max_fee_wei=20 * GWEI), rig.collection, ME.address, seeds_of(3))
    rig.end(rig.begin(max_fee_wei=2_000 * GWEI))


def test_a_transaction_that_was_sent_too_cheap_is_replaced(rig: Rig) -> None:
    """The fee is right when it is signed and too low when it arrives."""
    own = rig.minter(max_fee_wei=1_000 * GWEI, timing=QUICK)
    plan = plan_mint(own, rig.collection, ME.address, seeds_of(TOKENS))
    deliver, first = own._deliver, []

    def spiked(*arguments: Any) -> bool:
        if not first:
            first.append(arguments[2])
            rig.ask("anvil_setNextBlockBaseFeePerGas", hex(200 * GWEI))
            rig.ask("evm_mine")
        return deliver(*arguments)

    own._deliver = spiked  # type: ignore[method-assign]
    with rig.mining():
        run_mint(own, rig.collection, plan)
    rig.check()
    tried = rig.attempts()["mint 0-9"]
    assert tried[0] == first[0].hash and len(tried) >= 2


def test_nonces_that_another_wallet_took_are_given_up_for_new_ones(rig: Rig) -> None:
    thread = rig.begin()
    [ours] = rig.wait_for(rig.pending)
    nonce = int(ours["nonce"], 16)
    for offset in range(3):
        fields = {
            "chainId": 31_337,
            "gas": 21_000,
            "maxFeePerGas": 100 * int(ours["maxFeePerGas"], 16),
            "maxPriorityFeePerGas": 100 * int(ours["maxPriorityFeePerGas"], 16) + GWEI,
            "nonce": nonce + offset,
            "to": account("thief").address,
            "type": 2,
            "value": 1,
        }
        rig.ask("eth_sendRawTransaction", "0x" + ME.sign(fields)[0].hex())
    rig.ask("evm_mine")
    rig.end(thread)
    attempts = Journal.read(rig.folder / "mint.jsonl").attempts["mint 0-9"]
    assert [attempt.nonce for attempt in attempts] == [nonce, nonce + 3]


def test_a_wiped_mempool_gets_the_same_bytes_again(rig: Rig) -> None:
    thread = rig.begin()
    [ours] = rig.wait_for(rig.pending)
    rig.ask("anvil_dropAllTransactions")
    [again] = rig.wait_for(rig.pending)
    assert again["hash"] == ours["hash"]
    rig.end(thread)


def slow_to_settle(rig: Rig, policy: Policy) -> list[int]:
    """Mint through a node with `policy` and wait for two blocks on top; attempts per batch."""
    rig.connection = connect(Chain("anvil", 31_337, "", "", 2, 1), rig.url)
    bad = BadNode(forward(rig.url), policy)
    with bad.running() as url:
        rig.connection = connect(rig.connection.chain, url)
        rig.collection = Collection(rig.connection, rig.collection.address)
        with rig.mining():
            for _ in range(10):  # a person runs the same command again
                try:
                    mint(rig.minter(), rig.collection, TOKENS)
                    break
                except (PartlyDone, ServiceError, UsageError):
                    continue
    assert bad.committed
    rig.connection = connect(rig.connection.chain, rig.url)
    rig.collection = Collection(rig.connection, rig.collection.address)
    rig.check()
    return [len(of) for of in rig.attempts().values()]


def test_receipts_that_vanish_again_are_waited_for_and_nothing_is_signed_anew(rig: Rig) -> None:
    seen: dict[str, int] = {}

    def vanishing(method: str, params: list[Any]) -> str | None:
        if method != "eth_getTransactionReceipt":
            return None
        seen[params[0]] = seen.get(params[0], 0) + 1
        return "null result" if 1 < seen[params[0]] < 6 else None

    assert slow_to_settle(rig, vanishing) == [1, 1, 1]


def test_two_nodes_out_of_step_behind_one_address_mint_each_token_once(rig: Rig) -> None:
    """Of two nodes that take turns, one is two blocks late: blocks, nonces and logs go back."""
    calls = 0

    def turns(method: str, params: list[Any]) -> str | None:
        nonlocal calls
        calls += 1
        return "behind" if calls % 3 == 0 and "behind" in faults_of(method) else None

    assert slow_to_settle(rig, turns) == [1, 1, 1]


def test_two_machines_that_mint_with_one_key_at_once_mint_each_token_once(rig: Rig) -> None:
    failures: list[BaseException] = []

    def machine(name: str) -> None:
        connection = connect(CHAINS["anvil"], rig.url)
        collection = Collection(connection, rig.collection.address)
        for _ in range(30):
            try:
                own = sender(connection, ME, rig.folder / name / "mint.jsonl")
                mint(own, collection, TOKENS)
                return
            except (PartlyDone, ServiceError, UsageError):
                continue
            except BaseException as exc:
                failures.append(exc)
                return
        failures.append(AssertionError(f"{name} is not through"))

    threads = [threading.Thread(target=machine, args=(name,)) for name in ("here", "there")]
    with rig.mining():
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert failures == [] and not any(thread.is_alive() for thread in threads)
    rig.check()


def test_a_chain_whose_clock_jumps_a_day_is_minted_on_as_before(rig: Rig) -> None:
    thread = rig.begin()
    rig.wait_for(rig.pending)
    rig.ask("evm_increaseTime", 86_400)
    rig.end(thread)
    assert [len(of) for of in rig.attempts().values()] == [1, 1, 1]


def test_a_batch_that_ran_out_of_gas_is_sent_with_more(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nftgan.chain import sending

    monkeypatch.setattr(sending, "GAS_MARGINS", (60, 115, 150))
    rig.end(rig.begin())
    assert [len(of) for of in rig.attempts().values()] == [2, 2, 2]


def test_a_poor_account_is_told_so(rig: Rig) -> None:
    own = rig.minter()
    plan = plan_mint(own, rig.collection, ME.address, seeds_of(TOKENS))
    rig.ask("anvil_setBalance", ME.address, "0x1")
    with pytest.raises(UsageError, match="has too little on anvil") as caught:
        run_mint(own, rig.collection, plan)
    assert caught.value.hint == "add funds, then run the same command again"
    rig.ask("anvil_setBalance", ME.address, hex(10**21))
    rig.end(rig.begin())


def test_a_chain_that_was_reset_is_recognised(rig: Rig, anvil: Callable[..., str]) -> None:
    other = connect(CHAINS["anvil"], anvil())
    assert Collection(other, rig.collection.address).code_problem() == (
        "there is no contract at this address"
    )
