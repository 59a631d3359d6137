"""A failing node: asked again, never sent to twice, and still each token minted once."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from nftgan.chain import node
from nftgan.chain.contract import Collection
from nftgan.chain.errors import NodeUnavailable
from nftgan.chain.rpc import connect
from nftgan.errors import NftganError, ServiceError
from tests.chain.actors import account, deploy, mint, seeds_of, sender, times_minted
from tests.chain.conftest import FAULTY, Start
from tests.chain.faults import ANY_REQUEST, BEHIND_BLOCKS, BY_METHOD, random_faults

ME = account("me")
TOKENS = 25


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node, "BACKOFF_SECONDS", 0.01)
    monkeypatch.setattr(node.NodeProvider.__init__, "__kwdefaults__", {"timeout_seconds": 0.5})
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


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def test_a_node_that_drips_its_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node, "ANSWER_SECONDS", 0.05)
    with serving(_Dripping) as url, pytest.raises(NodeUnavailable, match="no whole answer"):
        connect(FAULTY, url)


def test_a_node_has_only_so_much_patience_altogether(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node, "ANSWER_SECONDS", 0.05)
    monkeypatch.setattr(node, "PROMPT_SECONDS", 0.0)
    monkeypatch.setattr(node, "PATIENCE_SECONDS", 0.12)
    with serving(_Dripping) as url, pytest.raises(ServiceError, match="is too slow"):
        connect(FAULTY, url)


@pytest.mark.parametrize("result", ["0x" + "f" * 100_000, "f", 1, None, {}, "0x"])
def test_a_chain_id_that_is_no_number_is_a_fault_of_the_node(
    result: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_Answering, "result", result)
    with serving(_Answering) as url, pytest.raises(NodeUnavailable, match="is no number"):
        connect(FAULTY, url)


def test_no_proxy_answers_for_a_node_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_Answering, "result", hex(FAULTY.chain_id))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    with serving(_Answering) as url:
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


def test_a_narrow_log_range_is_found_by_asking(bad_node: Start, tmp_path: Path) -> None:
    def narrow(method: str, params: list[Any]) -> str | None:
        if method != "eth_getLogs":
            return None
        width = int(params[0]["toBlock"], 16) - int(params[0]["fromBlock"], 16) + 1
        return "refused range" if width > 3 else None

    bad = bad_node(narrow)
    connection = connect(FAULTY, bad.url)
    collection = deploy(connection, ME, tmp_path, TOKENS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("nftgan.chain.contract.MIN_LOG_SPAN_BLOCKS", 2)
        mint(sender(connection, ME, tmp_path / "mint.jsonl"), collection, TOKENS)
        assert collection.seeds() == dict(enumerate(seeds_of(TOKENS)))
    asked = bad.requests["eth_getLogs"]
    with pytest.raises(ServiceError, match="block range is too wide"):
        collection.seeds()
    assert bad.requests["eth_getLogs"] == asked + 1


def test_a_node_that_forgot_its_logs_is_not_believed(bad_node: Start, tmp_path: Path) -> None:
    forgetful = False
    bad = bad_node(lambda m, p: "partial logs" if m == "eth_getLogs" and forgetful else None)
    connection = connect(FAULTY, bad.url)
    collection = deploy(connection, ME, tmp_path, TOKENS)
    mint(sender(connection, ME, tmp_path / "mint.jsonl"), collection, TOKENS)
    forgetful = True
    with pytest.raises(ServiceError, match="shows 20 of 25 seeds only") as caught:
        collection.seeds()
    assert caught.value.hint == "choose a node that keeps old logs with --rpc"


def test_a_contract_without_code_is_a_sentence(bad_node: Start) -> None:
    connection = connect(FAULTY, bad_node(lambda method, params: None).url)
    with pytest.raises(ServiceError, match="the node at"):
        Collection(connection, account("nobody").address).owner()
