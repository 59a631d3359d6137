"""A failing node: asked again, never sent to twice, and still each token minted once."""

from __future__ import annotations

import json
import random
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from nftgan.chain import node
from nftgan.chain.blocks import block_fields, gas_limit, genesis_hash, latest_time
from nftgan.chain.contract import Collection
from nftgan.chain.errors import NodeUnavailable
from nftgan.chain.minting import plan_mint, run_mint
from nftgan.chain.rpc import connect
from nftgan.errors import NftganError, ServiceError, UsageError
from tests.chain.actors import account, deploy, mint, seeds_of, sender, times_minted
from tests.chain.conftest import FAULTY, Start
from tests.chain.faults import ANY_REQUEST, BEHIND_BLOCKS, BY_METHOD, BadNode, random_faults
from tests.http_servers import handling

ME = account("me")
TOKENS = 25


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node, "BACKOFF_SECONDS", 0.01)
    monkeypatch.setitem(node.NodeProvider.__init__.__kwdefaults__, "timeout_seconds", 0.5)
    monkeypatch.setattr("nftgan.chain.minting.BATCH_TOKENS", 10)
    monkeypatch.setattr("tests.chain.faults.SLOW_SECONDS", 1.0)


@pytest.mark.parametrize("fault", ANY_REQUEST)
def test_a_question_is_asked_again_through_a_short_fault(fault: str, bad_node: Start) -> None:
    left = 2

    def twice(method: str, params: list[Any]) -> str | None:
        nonlocal left
        left -= 1
        return fault if left >= 0 else None

    bad = bad_node(twice)
    assert connect(FAULTY, bad.url).w3.eth.block_number == 0
    assert bad.committed == {fault: 2}


@pytest.mark.parametrize("fault", ANY_REQUEST)
def test_a_transaction_is_sent_once_whatever_happens(fault: str, bad_node: Start) -> None:
    bad = bad_node(lambda method, _: fault if method == "eth_sendRawTransaction" else None)
    connection = connect(FAULTY, bad.url)
    with pytest.raises(NodeUnavailable):
        connection.w3.eth.send_raw_transaction("0x02")
    assert bad.requests["eth_sendRawTransaction"] == 1


def test_a_node_that_stays_silent_is_given_up(bad_node: Start) -> None:
    with pytest.raises(NodeUnavailable, match=r"does not answer \(HTTP 503\)"):
        connect(FAULTY, bad_node(lambda method, params: "http 503").url)


class _Time:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.at, self.slept = 0.0, 0.0

    def now(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += seconds
        self.slept += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> _Time:
    fake = _Time()
    monkeypatch.setattr(node, "CLOCK", fake)
    monkeypatch.setattr(node, "BACKOFF_SECONDS", 0.25)
    return fake


SLOW_DOWN = [
    (-32007, "15/second request limit reached - reduce calls per second"),  # QuickNode
    (-32016, "over rate limit"),  # Base
    (-32000, '429 Too Many Requests: {"code":-32016,"message":"over rate limit"}'),
    (-32005, "daily request count exceeded, request rate limited"),  # Infura
    (429, "Your app has exceeded its compute units per second capacity"),  # Alchemy
    (-32097, "too many requests, reason: call rate limit exhausted"),
    (-32090, "Too many requests, retry in 10s"),
    (-32029, "Too many requests"),
]


@pytest.mark.parametrize(("code", "words"), SLOW_DOWN)
def test_every_providers_slow_down_is_waited_out_for_as_long_as_a_window_of_theirs(
    code: int, words: str, bad_node: Start, clock: _Time
) -> None:
    """With HTTP 200, for fifteen seconds whatever is asked."""
    bad = bad_node(lambda method, params: None)
    honest = bad.upstream

    def upstream(method: str, params: list[Any]) -> dict[str, Any]:
        busy = clock.at < 15
        return {"error": {"code": code, "message": words}} if busy else honest(method, params)

    bad.upstream = upstream
    said: list[str] = []
    assert connect(FAULTY, bad.url, say=said.append).w3.eth.block_number == 0
    assert 15 <= clock.slept < 40 and bad.requests["eth_chainId"] <= 6
    assert any("asks to slow down: 8 s left" in line for line in said), said


def test_a_longer_pause_is_counted_down_and_one_that_is_too_long_is_not_begun(
    bad_node: Start, clock: _Time
) -> None:
    bad, said = bad_node(lambda method, params: None), []
    first = node._TransientError("HTTP 429", 25, busy=True)
    asked: list[float] = []
    provider = node.NodeProvider([(bad.url, "there")], say=said.append)

    def ask(method: str, body: bytes) -> dict[str, Any]:
        asked.append(clock.at)
        if len(asked) == 1:
            raise first
        return {"result": "0x1"}

    provider.nodes[0].ask = ask  # type: ignore[method-assign]
    assert provider.make_request("eth_blockNumber", []) == {"result": "0x1"}
    assert asked == [0, 25]
    assert [line.rsplit(": ", 1)[1] for line in said] == ["25 s left", "15 s left", "5 s left"]
    asked.clear()
    first.wait_seconds = 3600
    with pytest.raises(NodeUnavailable, match="asks to slow down") as caught:
        provider.make_request("eth_blockNumber", [])
    assert clock.slept == 25 and caught.value.exit_code == 5


def test_a_contracts_own_words_are_no_wish_for_a_pause(bad_node: Start) -> None:
    bad = bad_node(lambda method, params: None)
    reason = {"error": {"code": 3, "message": "execution reverted: request limit reached"}}
    bad.upstream = lambda method, params: (
        reason if method == "eth_call" else {"result": hex(FAULTY.chain_id)}
    )
    provider = connect(FAULTY, bad.url).w3.provider
    assert provider.make_request("eth_call", [{}])["error"] == reason["error"]
    assert bad.requests["eth_call"] == 1


# ---- several nodes


def test_the_next_node_answers_when_the_first_is_gone_and_that_is_said(bad_node: Start) -> None:
    mode: dict[str, str | None] = {"first": None}
    first = bad_node(lambda method, params: mode["first"])
    second = bad_node(lambda method, params: None)
    said: list[str] = []
    connection = connect(FAULTY, [first.url, second.url], say=said.append)
    assert connection.w3.eth.block_number == 0 and second.requests["eth_blockNumber"] == 0
    for fault in ("http 503", "http 429", "reset before", "html"):
        mode["first"] = fault
        assert connection.w3.eth.block_number == 0
    assert second.requests["eth_blockNumber"] == 4
    assert len(said) == 1 and said[0].endswith(f"asking {second.url} instead")


def test_with_all_nodes_gone_the_error_says_so(bad_node: Start) -> None:
    gone = True
    policy = lambda method, params: "http 503" if gone else None  # noqa: E731
    nodes = [bad_node(policy).url, bad_node(policy).url]
    with pytest.raises(NodeUnavailable, match="none of 2 nodes answers") as caught:
        connect(FAULTY, nodes)
    assert caught.value.exit_code == 5
    gone = False
    assert connect(FAULTY, nodes).w3.eth.block_number == 0


def test_one_node_of_another_chain_is_found_before_anything_is_asked(bad_node: Start) -> None:
    right = bad_node(lambda method, params: None)
    wrong = bad_node(lambda method, params: "other chain" if method == "eth_chainId" else None)
    with pytest.raises(UsageError, match=rf"{wrong.url} is of chain 1, not faulty") as caught:
        connect(FAULTY, [right.url, wrong.url])
    assert caught.value.exit_code == 2


def test_a_node_with_the_same_id_and_another_first_block_is_never_asked(bad_node: Start) -> None:
    mode: dict[str, str | None] = {"first": None}
    first = bad_node(lambda method, params: mode["first"])
    twin = bad_node(lambda method, params: None)
    honest = twin.upstream

    def upstream(method: str, params: list[Any]) -> dict[str, Any]:
        if method == "eth_getBlockByNumber":
            return {"result": {"hash": "0x" + "77" * 32}}
        return honest(method, params)

    twin.upstream = upstream
    connection = connect(FAULTY, [first.url, twin.url])
    mode["first"] = "http 503"
    with pytest.raises(NodeUnavailable):
        _ = connection.w3.eth.block_number
    assert twin.requests["eth_blockNumber"] == 0


def test_a_transaction_goes_to_one_node_and_then_its_fate_is_looked_at(
    bad_node: Start, tmp_path: Path
) -> None:
    """The first node takes each transaction and dies before it says so."""
    first = bad_node(lambda method, params: "reset after" if "sendRaw" in method else None)
    second = bad_node(lambda method, params: None)
    connection = connect(FAULTY, [first.url, second.url])
    collection = deploy(connection, ME, tmp_path, TOKENS)
    mint(sender(connection, ME, tmp_path / "mint.jsonl"), collection, TOKENS)
    assert first.requests["eth_sendRawTransaction"] == 1  # then it is the second one's turn
    assert times_minted(connection, collection) == dict.fromkeys(range(TOKENS), 1)


def test_minting_goes_on_while_nodes_come_and_go(bad_node: Start, tmp_path: Path) -> None:
    source = random.Random(5)
    policy = lambda method, params: (  # noqa: E731
        source.choice(("http 503", "http 429", "limit exceeded", "reset after"))
        if source.random() < 0.3
        else None
    )
    nodes = [bad_node(policy), bad_node(policy), bad_node(policy)]
    connection = connect(FAULTY, [one.url for one in nodes])
    collection = deploy(connection, ME, tmp_path, TOKENS)
    mint(sender(connection, ME, tmp_path / "mint.jsonl"), collection, TOKENS)
    assert all(one.requests["eth_call"] for one in nodes)
    assert times_minted(connection, collection) == dict.fromkeys(range(TOKENS), 1)


# ---- blocks with seals


SEALED = "0x" + "00" * 32 + "00000398232e2064f896018496b4b44b3d62751f" + "00" * 65
"""Block 0 of OP Mainnet has this extraData: 117 bytes, where Ethereum allows 32."""


def test_a_chain_with_long_extra_data_is_read_and_minted_on(
    bad_node: Start, tmp_path: Path
) -> None:
    bad = bad_node(lambda method, params: None)
    honest = bad.upstream

    def sealed(method: str, params: list[Any]) -> dict[str, Any]:
        answer = honest(method, params)
        if method == "eth_getBlockByNumber" and answer.get("result"):
            answer["result"]["extraData"] = SEALED
        return answer

    bad.upstream = sealed
    connection = connect(FAULTY, bad.url)
    assert block_fields(connection)["extraData"] == SEALED
    assert (
        genesis_hash(connection) == honest("eth_getBlockByNumber", ["0x0", False])["result"]["hash"]
    )
    assert gas_limit(connection) == 30_000_000 and latest_time(connection) > 1_700_000_000
    collection = deploy(connection, ME, tmp_path, TOKENS)
    mint(sender(connection, ME, tmp_path / "mint.jsonl"), collection, TOKENS)
    assert times_minted(connection, collection) == dict.fromkeys(range(TOKENS), 1)


def test_a_node_without_its_first_block_says_so(bad_node: Start) -> None:
    bad = bad_node(lambda method, params: None)
    connection = connect(FAULTY, bad.url)
    bad.upstream = lambda method, params: {"result": None}
    with pytest.raises(ServiceError, match="does not show its block 0x0"):
        genesis_hash(connection)
    bad.upstream = lambda method, params: {"result": {"hash": "0x12"}}
    with pytest.raises(ServiceError, match="does not say the hash of its first block"):
        genesis_hash(connection)


class _Dripping(BaseHTTPRequestHandler):
    """A node that gives one byte of its answer at a time."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "1000000")
        self.end_headers()
        try:
            while True:
                self.wfile.write(b" ")
                time.sleep(0.01)
        except OSError:
            pass

    def log_message(self, *_: Any) -> None:
        pass


class _Answering(_Dripping):
    """A node that gives `result` to every question."""

    result: Any = None

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "result": self.result}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def test_a_node_that_drips_its_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node, "ANSWER_SECONDS", 0.05)
    with handling(_Dripping) as url, pytest.raises(NodeUnavailable, match="no whole answer"):
        connect(FAULTY, url)


def test_a_node_has_only_so_much_patience_altogether(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node, "ANSWER_SECONDS", 0.05)
    monkeypatch.setattr(node, "PROMPT_SECONDS", 0.0)
    monkeypatch.setattr(node, "PATIENCE_SECONDS", 0.12)
    with handling(_Dripping) as url, pytest.raises(ServiceError, match="is too slow"):
        connect(FAULTY, url)


@pytest.mark.parametrize("result", ["0x" + "f" * 100_000, "f", 1, None, {}, "0x"])
def test_a_chain_id_that_is_no_number_is_a_fault_of_the_node(
    result: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_Answering, "result", result)
    with handling(_Answering) as url, pytest.raises(NodeUnavailable, match="is no number"):
        connect(FAULTY, url)


def test_no_proxy_answers_for_a_node_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_Answering, "result", hex(FAULTY.chain_id))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    with handling(_Answering) as url:
        assert connect(FAULTY, url).w3.eth.chain_id == FAULTY.chain_id


EVERY = sorted({(m, f) for m, faults in BY_METHOD.items() for f in faults}) + [
    ("eth_sendRawTransaction", fault) for fault in ANY_REQUEST
]


@pytest.mark.parametrize(("method", "fault"), EVERY)
def test_each_kind_of_lie_and_loss_still_mints_each_token_once(
    method: str,
    fault: str,
    bad_node: Start,
    tmp_path: Path,
) -> None:
    armed, source = False, random.Random(f"{method} {fault}")

    def every_other(asked: str, params: list[Any]) -> str | None:
        bad_luck = armed and asked == method and (not met or source.random() < 0.5)
        return fault if bad_luck else None

    bad = bad_node(every_other)
    met = bad.committed
    connection = connect(FAULTY, bad.url)
    collection = deploy(connection, ME, tmp_path, TOKENS)
    for number in range(BEHIND_BLOCKS):  # so that even a node that lags knows the contract
        sending = sender(connection, ME, tmp_path / "more.jsonl")
        sending.execute(f"block {number}", to=ME.address, data=b"")
    armed = True
    for _ in range(20):  # a person runs the same command again
        try:
            mint(sender(connection, ME, tmp_path / "mint.jsonl"), collection, TOKENS)
            if method == "eth_getLogs":  # the journal spares the minter what a stranger asks
                Collection(connection, collection.address).seeds()
            break
        except NftganError as exc:
            assert exc.exit_code in {2, 5, 6}, exc
    armed = False
    assert bad.committed[fault] > 0
    assert times_minted(connection, collection) == dict.fromkeys(range(TOKENS), 1)
    assert collection.seeds() == dict(enumerate(seeds_of(TOKENS)))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_third_of_all_requests_may_fail(
    seed: int,
    bad_node: Start,
    tmp_path: Path,
) -> None:
    armed = False
    faults = random_faults(seed, 0.33, without=("slow",))
    bad = bad_node(lambda method, params: faults(method, params) if armed else None)
    connection = connect(FAULTY, bad.url)
    collection = deploy(connection, ME, tmp_path, TOKENS)
    armed = True
    for _ in range(30):
        try:
            mint(sender(connection, ME, tmp_path / "mint.jsonl"), collection, TOKENS)
            break
        except NftganError:
            continue
    else:
        pytest.fail("thirty runs were not enough")
    armed = False
    assert sum(bad.committed.values()) > 10
    assert times_minted(connection, collection) == dict.fromkeys(range(TOKENS), 1)
    assert collection.seeds() == dict(enumerate(seeds_of(TOKENS)))


def narrow(blocks: int, bad: BadNode, code: int, words: str) -> None:
    """From now on the node refuses log queries over more blocks, in these words."""
    honest = bad.upstream

    def upstream(method: str, params: list[Any]) -> dict[str, Any]:
        if method == "eth_getLogs":
            width = int(params[0]["toBlock"], 16) - int(params[0]["fromBlock"], 16) + 1
            if width > blocks:
                return {"error": {"code": code, "message": words}}
        return honest(method, params)

    bad.upstream = upstream


NARROW = [
    (
        1,
        -32600,
        "Under the Free tier plan, you can make eth_getLogs requests with up to a 1 block range.",
    ),
    (5, -32602, "block range is too wide"),
    (5, -32005, "query timeout exceeded"),  # Infura: the code of too many questions, too
    (3, -32005, "limit exceeded"),
    (4, -32000, "exceed maximum block range: 4"),
]


@pytest.mark.parametrize(("blocks", "code", "words"), NARROW)
def test_a_stranger_reads_seeds_however_few_blocks_a_query_may_span(
    blocks: int, code: int, words: str, bad_node: Start, tmp_path: Path, clock: _Time
) -> None:
    bad = bad_node(lambda method, params: None)
    connection = connect(FAULTY, bad.url)
    collection = deploy(connection, ME, tmp_path, TOKENS)
    mint(sender(connection, ME, tmp_path / "mint.jsonl"), collection, TOKENS)
    connection.w3.provider.nodes[0].not_before = 0.0
    connection.ask("anvil_mine", hex(40))
    narrow(blocks, bad, code, words)
    stranger = Collection(connection, collection.address)
    assert stranger.seeds() == dict(enumerate(seeds_of(TOKENS)))
    assert clock.slept < 60


def test_who_minted_needs_no_log_query_at_all(bad_node: Start, tmp_path: Path) -> None:
    """Receipts of the journal's transactions tell the seeds; twice, as the next run audits."""
    bad = bad_node(lambda method, params: None)
    connection = connect(FAULTY, bad.url)
    collection = deploy(connection, ME, tmp_path, TOKENS)
    narrow(0, bad, -32601, "the method eth_getLogs does not exist/is not available")
    for until in (12, TOKENS):
        own = sender(connection, ME, tmp_path / "mint.jsonl")
        again = Collection(connection, collection.address)
        run_mint(own, again, plan_mint(own, again, ME.address, seeds_of(TOKENS), until=until))
    assert again.seeds() == dict(enumerate(seeds_of(TOKENS)))
    assert bad.requests["eth_getLogs"] == 0
    with pytest.raises(ServiceError, match="eth_getLogs does not exist") as caught:
        Collection(connection, collection.address).seeds()
    assert "--seed-store code" in str(caught.value.hint) and bad.requests["eth_getLogs"] == 1


def test_a_journals_hash_of_another_contracts_mint_is_no_source_of_seeds(
    bad_node: Start, tmp_path: Path
) -> None:
    connection = connect(FAULTY, bad_node(lambda method, params: None).url)
    mine = deploy(connection, ME, tmp_path, TOKENS)
    hashes = mint(sender(connection, ME, tmp_path / "mint.jsonl"), mine, TOKENS)
    stranger = Collection(connection, account("nobody").address)
    stranger.mint_transactions = lambda: hashes
    assert stranger._in_receipts(TOKENS) == {} and len(mine._in_receipts(TOKENS)) == 3


def test_a_node_that_forgot_its_logs_is_not_believed(bad_node: Start, tmp_path: Path) -> None:
    forgetful = False
    bad = bad_node(lambda m, p: "partial logs" if m == "eth_getLogs" and forgetful else None)
    connection = connect(FAULTY, bad.url)
    collection = deploy(connection, ME, tmp_path, TOKENS)
    mint(sender(connection, ME, tmp_path / "mint.jsonl"), collection, TOKENS)
    forgetful = True
    assert collection.seeds() == dict(enumerate(seeds_of(TOKENS)))  # from receipts
    collection = Collection(connection, collection.address)
    with pytest.raises(ServiceError, match="shows 20 of 25 seeds only") as caught:
        collection.seeds()
    assert caught.value.hint == "choose a node that keeps old logs with --rpc"


def test_a_contract_without_code_is_a_sentence(bad_node: Start) -> None:
    connection = connect(FAULTY, bad_node(lambda method, params: None).url)
    with pytest.raises(ServiceError, match="the node at"):
        Collection(connection, account("nobody").address).owner()
