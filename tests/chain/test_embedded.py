"""The embedded chain: a node's answers, from one file that survives anything."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from eth_utils import keccak
from web3 import Web3
from web3.exceptions import TransactionNotFound, Web3RPCError

from nftgan.chain.embedded import CHAIN_ID, EmbeddedChain
from nftgan.chain.rpc import Connection
from nftgan.errors import UsageError
from tests.chain.actors import account, deploy, die, in_child, mint, sender

GWEI = 10**9
KILLS = 24
ALICE, BOB = account("alice"), account("bob")


def transfer(nonce: int, **changes: object) -> dict:
    return {
        "chainId": CHAIN_ID,
        "gas": 21_000,
        "maxFeePerGas": 100 * GWEI,
        "maxPriorityFeePerGas": GWEI,
        "nonce": nonce,
        "to": BOB.address,
        "type": 2,
        "value": 1,
        **changes,
    }


@pytest.fixture
def chain(tmp_path: Path) -> EmbeddedChain:
    return EmbeddedChain(tmp_path / "chain.sqlite", fund=[ALICE.address, BOB.address])


@pytest.fixture
def w3(chain: EmbeddedChain) -> Web3:
    return Web3(chain)


def test_a_transfer_is_a_block_of_its_own_with_a_receipt(w3: Web3) -> None:
    raw, name = ALICE.sign(transfer(0))
    assert w3.eth.send_raw_transaction(raw).hex() == name[2:]
    receipt = w3.eth.wait_for_transaction_receipt(name)
    assert (receipt["status"], receipt["gasUsed"], receipt["blockNumber"]) == (1, 21_000, 1)
    found = w3.eth.get_transaction(name)
    assert (found["from"], found["value"], found["nonce"]) == (ALICE.address, 1, 0)
    block = w3.eth.get_block(1, full_transactions=True)
    assert block["transactions"][0]["hash"] == receipt["transactionHash"]
    assert block["parentHash"] == w3.eth.get_block(0)["hash"]
    assert w3.eth.get_block(block["hash"])["number"] == 1
    assert w3.eth.get_transaction_count(ALICE.address) == 1
    assert w3.eth.get_balance(BOB.address) == 10**24 + 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"nonce": 5}, "nonce too high: next nonce 0, tx nonce 5"),
        ({"chainId": 1}, "invalid chain id for signer: have 1 want 7235188"),
        ({"value": 10**25}, r"insufficient funds for gas \* price \+ value"),
        (
            {"maxPriorityFeePerGas": 101 * GWEI},
            "max priority fee per gas higher than max fee per gas",
        ),
        ({"data": b"\1" * 1_000, "gas": 38_000}, "insufficient gas for floor data gas cost"),
        ({"gas": 20_999}, "intrinsic gas too low"),
        (
            {"maxFeePerGas": 1, "maxPriorityFeePerGas": 1},
            "max fee per gas less than block base fee",
        ),
        ({"gas": 30_000_001}, "exceeds block gas limit"),
    ],
)
def test_a_refused_transaction_gets_the_words_of_geth(w3: Web3, changes: dict, words: str) -> None:
    with pytest.raises(Web3RPCError, match=words):
        w3.eth.send_raw_transaction(ALICE.sign(transfer(**{"nonce": 0, **changes}))[0])
    assert w3.eth.block_number == 0
    w3.eth.send_raw_transaction(ALICE.sign(transfer(0))[0])  # and nothing of it stayed


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("fe", "invalid opcode"),
        ("01", "stack underflow (0 <=> 2)"),
        ("600056", "invalid jump destination"),
        ("5b5f600056", "stack limit reached 1024 (1023)"),
        ("5b600056", "out of gas"),
        ("600a5f5f3e", "return data out of bounds"),
    ],
)
def test_a_simulation_that_fails_gets_the_words_of_geth(
    chain: EmbeddedChain, code: str, words: str
) -> None:
    call = {"from": ALICE.address, "data": "0x" + code, "gas": hex(100_000)}
    assert chain.make_request("eth_call", [call, "latest"])["error"]["message"] == words


def test_a_transaction_that_is_there_is_not_done_again(w3: Web3) -> None:
    raw, _ = ALICE.sign(transfer(0))
    w3.eth.send_raw_transaction(raw)
    with pytest.raises(Web3RPCError, match="already known"):
        w3.eth.send_raw_transaction(raw)
    with pytest.raises(Web3RPCError, match="nonce too low: next nonce 1, tx nonce 0"):
        w3.eth.send_raw_transaction(ALICE.sign(transfer(0, value=2))[0])
    assert w3.eth.block_number == 1


def test_nonsense_is_answered_with_an_error_and_not_with_a_crash(chain: EmbeddedChain) -> None:
    for method, params, code in [
        ("eth_sendRawTransaction", ["0x02c0"], -32000),
        ("eth_sendRawTransaction", ["zz"], -32602),
        ("eth_getBalance", [], -32602),
        ("eth_getBalance", ["0x12"], -32602),
        ("eth_getBlockByNumber", ["soon", False], -32602),
        ("eth_getBalance", [ALICE.address, "0xffff"], -32000),
        ("eth_mine", [], -32601),
    ]:
        assert chain.make_request(method, params)["error"]["code"] == code
    assert chain.make_request("eth_getBlockByNumber", ["0xff", False])["result"] is None
    with pytest.raises(TransactionNotFound):
        Web3(chain).eth.get_transaction_receipt("0x" + "00" * 32)


def test_the_past_can_be_asked(w3: Web3) -> None:
    for nonce in range(3):
        w3.eth.send_raw_transaction(ALICE.sign(transfer(nonce, value=10))[0])
    balances = [w3.eth.get_balance(BOB.address, n) - 10**24 for n in range(4)]
    assert balances == [0, 10, 20, 30]
    history = w3.eth.fee_history(3, "latest", [50])
    assert history["oldestBlock"] == 1
    bases = [w3.eth.get_block(n)["baseFeePerGas"] for n in (1, 2, 3)]
    assert history["baseFeePerGas"][:3] == bases
    assert history["gasUsedRatio"] == [21_000 / 30_000_000] * 3


def test_logs_are_found_by_address_topic_and_block(embedded: Connection, tmp_path: Path) -> None:
    from nftgan.chain.accounts import embedded_account

    who = embedded_account()
    collection = deploy(embedded, who, tmp_path, 40)
    mint(sender(embedded, who, tmp_path / "mint.jsonl"), collection, 30)
    get_logs, seeds = embedded.w3.eth.get_logs, "0x" + keccak(text="Seeds(uint256,bytes)").hex()
    every = {"fromBlock": 0, "address": collection.address}
    assert len(get_logs(every)) == 33  # two of the creation
    assert len(get_logs({**every, "topics": [seeds]})) == 1
    assert len(get_logs({**every, "topics": [None, None, None, "0x" + "00" * 31 + "07"]})) == 1
    assert len(get_logs({**every, "topics": [[seeds, "0x" + "00" * 32]]})) == 1
    assert get_logs({**every, "address": who.address}) == []
    assert get_logs({**every, "toBlock": 2}) == []
    [log] = get_logs({**every, "topics": [seeds]})
    receipt = embedded.w3.eth.get_transaction_receipt(log["transactionHash"])
    assert [entry["logIndex"] for entry in receipt["logs"]] == list(range(31))
    assert log in receipt["logs"]


def test_an_estimate_is_enough_and_hardly_more(embedded: Connection, tmp_path: Path) -> None:
    from nftgan.chain.accounts import embedded_account

    who = embedded_account()
    collection = deploy(embedded, who, tmp_path, 400)
    nonce = embedded.w3.eth.get_transaction_count(who.address)
    first = 0
    for count in (1, 2, 100):
        data = collection.mint_data(first, BOB.address, list(range(count)))
        call = {"from": who.address, "to": collection.address, "data": data}
        estimate = embedded.w3.eth.estimate_gas(call)
        fields = {"to": collection.address, "data": data, "value": 0}
        for gas in (estimate * 3 // 4, estimate):
            raw, name = who.sign(transfer(nonce, gas=gas, **fields))
            embedded.w3.eth.send_raw_transaction(raw)
            receipt = embedded.w3.eth.get_transaction_receipt(name)
            assert receipt["status"] == (gas == estimate)
            nonce += 1
        assert receipt["gasUsed"] <= estimate <= receipt["gasUsed"] * 106 // 100
        first += count


def test_another_process_sees_what_this_one_did(tmp_path: Path, w3: Web3) -> None:
    raw, name = ALICE.sign(transfer(0))
    w3.eth.send_raw_transaction(raw)
    script = (
        "import sys; from pathlib import Path; from web3 import Web3\n"
        "from nftgan.chain.embedded import EmbeddedChain\n"
        "w3 = Web3(EmbeddedChain(Path(sys.argv[1])))\n"
        "print(w3.eth.block_number, w3.eth.get_transaction_receipt(sys.argv[2])['status'],"
        " w3.eth.get_transaction_count(sys.argv[3]))\n"
    )
    arguments = [sys.executable, "-c", script, tmp_path / "chain.sqlite", name, ALICE.address]
    assert subprocess.check_output(arguments, text=True).split() == ["1", "1", "1"]


def lines(path: Path) -> int:
    return len(path.read_bytes().splitlines()) if path.exists() else 0


def writes_of(path: Path, raw: bytes) -> int:
    """How many statements one transaction takes."""
    count = 0

    def counting(statement: str) -> None:
        nonlocal count
        count += 1

    chain = EmbeddedChain(path)
    chain.database.sql.set_trace_callback(counting)
    Web3(chain).eth.send_raw_transaction(raw)
    chain.database.close()
    return count


def test_a_kill_at_any_statement_keeps_all_that_was_reported(tmp_path: Path) -> None:
    """Twenty-four places, spread over everything that one transaction writes."""
    path = tmp_path / "chain.sqlite"
    EmbeddedChain(path, fund=[ALICE.address, BOB.address]).database.close()
    statements = writes_of(path, ALICE.sign(transfer(0))[0])
    assert statements > KILLS
    for place in range(KILLS):
        nonce = Web3(EmbeddedChain(path)).eth.get_transaction_count(ALICE.address)
        raw, name = ALICE.sign(transfer(nonce))
        left = 1 + place * (statements - 1) // (KILLS - 1)

        def child(left: int = left, raw: bytes = raw) -> None:
            chain = EmbeddedChain(path)

            def dying(statement: str) -> None:
                nonlocal left
                left -= 1
                if not left:
                    die()

            chain.database.sql.set_trace_callback(dying)
            Web3(chain).eth.send_raw_transaction(raw)

        assert in_child(child) in (-signal.SIGKILL, 0)
        w3 = Web3(EmbeddedChain(path))
        after = w3.eth.get_transaction_count(ALICE.address)
        assert w3.eth.block_number == after and after - nonce in (0, 1)
        if after == nonce:  # nothing of it stayed, and it goes again
            w3.eth.send_raw_transaction(raw)
        assert w3.eth.get_transaction_receipt(name)["status"] == 1
    for number in range(1, w3.eth.block_number + 1):
        assert w3.eth.get_block(number)["parentHash"] == w3.eth.get_block(number - 1)["hash"]


def test_twenty_four_kills_with_two_writers_lose_no_reported_block(tmp_path: Path) -> None:
    path = tmp_path / "chain.sqlite"
    EmbeddedChain(path, fund=[ALICE.address, BOB.address]).database.close()

    def write(who: object, report: int) -> None:
        chain = EmbeddedChain(path)
        w3 = Web3(chain)
        while True:
            nonce = w3.eth.get_transaction_count(who.address)
            raw, name = who.sign(transfer(nonce))
            w3.eth.send_raw_transaction(raw)
            os.write(report, name.encode() + b"\n")

    random_source = random.Random(12)
    reports = {who: tmp_path / f"{who.address}.txt" for who in (ALICE, BOB)}
    for _ in range(KILLS // 2):
        children, before = [], {file: lines(file) for file in reports.values()}
        for who, file in reports.items():
            handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            child = os.fork()
            if not child:
                try:
                    write(who, handle)
                finally:
                    os._exit(1)
            os.close(handle)
            children.append(child)
        for file in reports.values():  # so that they are at work; where in it is up to chance
            until = time.monotonic() + 120
            while lines(file) <= before[file] and time.monotonic() < until:
                time.sleep(0.005)
        for child in children:
            time.sleep(random_source.random() * 0.1)
            os.kill(child, signal.SIGKILL)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    w3 = Web3(EmbeddedChain(path))
    blocks = w3.eth.block_number
    total = 0
    for who, file in reports.items():
        names = file.read_text().split()
        assert all(w3.eth.get_transaction_receipt(name)["status"] == 1 for name in names)
        nonce = w3.eth.get_transaction_count(who.address)
        assert len(names) <= nonce <= len(names) + KILLS // 2  # a kill may come before the report
        total += nonce
    assert blocks == total >= KILLS
    for number in range(1, blocks + 1):
        assert w3.eth.get_block(number)["parentHash"] == w3.eth.get_block(number - 1)["hash"]
    with sqlite3.connect(path) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    database.close()


@pytest.mark.parametrize("content", [b"not a database", b"SQLite format 3\0" + b"x" * 5000])
def test_a_file_that_is_no_chain_is_refused_in_one_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "chain.sqlite"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=r"the embedded chain in .*chain\.sqlite cannot be"):
        EmbeddedChain(path)


def test_a_full_disk_loses_the_transaction_and_not_the_chain(
    chain: EmbeddedChain, w3: Web3
) -> None:
    w3.eth.send_raw_transaction(ALICE.sign(transfer(0))[0])
    pages = chain.database.sql.execute("PRAGMA page_count").fetchone()[0]
    chain.database.sql.execute(f"PRAGMA max_page_count = {pages}")
    large = transfer(1, gas=5_000_000, data=b"\1" * 60_000)
    with pytest.raises(UsageError, match="full"):
        w3.eth.send_raw_transaction(ALICE.sign(large)[0])
    chain.database.sql.execute("PRAGMA max_page_count = 1000000")
    assert w3.eth.block_number == 1
    w3.eth.send_raw_transaction(ALICE.sign(large)[0])
    assert w3.eth.block_number == 2
