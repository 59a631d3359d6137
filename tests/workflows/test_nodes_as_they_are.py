"""Verbs through the nodes of public reports: each with its exit code, and the run that goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from nftgan.chain import node as node_module
from nftgan.chain.accounts import PRIVATE_KEY
from nftgan.chain.operations import Timing
from nftgan.files import read_json
from nftgan.http import Clock
from nftgan.project import Project
from tests.chain.actors import QUICK, account
from tests.chain.anvil import forward, rpc
from tests.chain.conftest import running_anvil
from tests.chain.faults import NARROW_BLOCKS, BadNode
from tests.chain.test_data_fees import OP_ORACLE, Rollup

pytestmark = pytest.mark.node
ME = account("me")
A, B = account("a").address, account("b").address
SEAL = "0x" + "d9" * 117
"""As long as the extraData of OP Mainnet's block 0, where Ethereum allows 32 bytes."""
ETHER = 10**18


class Desk:
    """Types commands about one collection on a chain with the id of Optimism, through a node."""

    def __init__(self, project: Project, answer: Callable[..., Any], bad: BadNode, url: str):
        self.project, self.answer, self.bad, self.url = project, answer, bad, url

    def type(self, verb: str, *words: str, expect: int = 0) -> Any:
        sends = () if verb == "owners" else ("--force", *(() if "-n" in words else ("--yes",)))
        where = ("-C", str(self.project.root), "--chain", "optimism", "--mainnet")
        final = ("--confirmations", "0")
        return self.answer(
            verb, *where, "--rpc", self.bad.url, *final, *sends, *words, expect=expect
        )

    def mine(self, blocks: int) -> None:
        rpc(self.url, "anvil_mine", hex(blocks))

    @property
    def nonce(self) -> int:
        """How many transactions were sent, by the honest node."""
        return int(rpc(self.url, "eth_getTransactionCount", ME.address, "latest"), 16)

    @property
    def money(self) -> int:
        return int(rpc(self.url, "eth_getBalance", ME.address, "latest"), 16)

    def holders(self) -> list[str]:
        """The receivers of the mints, from the honest node's own logs."""
        record = read_json(next(self.project.deployments.glob("10.json")))
        logs = rpc(self.url, "eth_getLogs", {"address": record["collection"], "fromBlock": "0x0"})
        mints = [log for log in logs if len(log["topics"]) == 4 and int(log["topics"][1], 16) == 0]
        assert [int(log["topics"][3], 16) for log in mints] == list(range(len(mints)))
        return [log["topics"][2][-40:] for log in mints]


def of(*addresses: str) -> list[str]:
    return [address[2:].lower() for address in addresses]


@pytest.fixture
def desk(
    published: Project, answer: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Desk]:
    for name in ("NFTGAN_RPC_URL", "ETH_RPC_URL", "NFTGAN_PASSWORD_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(PRIVATE_KEY, "0x" + bytes(ME._local.key).hex())
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    monkeypatch.setattr(node_module, "CLOCK", Clock(now=lambda: now[0], sleep=sleep))
    monkeypatch.setattr(Timing, "of", staticmethod(lambda chain: QUICK))
    with ExitStack() as stack:
        url = stack.enter_context(running_anvil("--chain-id", "10"))
        rpc(url, "anvil_setBalance", ME.address, hex(ETHER))
        bad = BadNode(forward(url), lambda method, params: None)
        stack.enter_context(bad.running())
        yield Desk(published, answer, bad, url)


def test_f1_seals_of_any_length_stop_no_verb(desk: Desk) -> None:
    honest = desk.bad.upstream

    def sealed(method: str, params: list[Any]) -> dict[str, Any]:
        found = honest(method, params)
        if method == "eth_getBlockByNumber" and found.get("result"):
            found["result"]["extraData"] = SEAL
        return found

    desk.bad.upstream = sealed
    plan = desk.type("deploy", "-n")
    assert (plan["chain"], plan["chain_id"]) == ("optimism", 10) and desk.nonce == 0
    desk.type("deploy")
    desk.type("mint", "--to", f"{A}=2", "--to", B)
    sent = desk.nonce
    assert desk.type("mint", "--to", f"{A}=2", "--to", B)["transactions"] == []
    assert desk.nonce == sent and desk.holders() == of(A, A, B)
    assert [one["address"] for one in desk.type("owners")["owners"]] == [A, B]


def test_f2_a_node_that_says_slow_down_is_waited_for_and_one_that_always_does_costs_nothing(
    desk: Desk,
) -> None:
    asked = [0]

    def often(method: str, params: list[Any]) -> str | None:
        asked[0] += 1
        return "slow down" if asked[0] % 4 == 0 else None

    desk.bad.policy = often
    desk.type("deploy")
    desk.type("mint", "--tokens", "0", "--to", A)
    assert desk.bad.committed["slow down"] > 10  # in all five providers' words
    sent = desk.nonce
    desk.bad.policy = lambda method, params: "slow down"
    error = desk.type("mint", "--to", B, expect=5)
    assert error["kind"] == "service" and "error" not in error["message"].lower()
    assert desk.nonce == sent
    desk.bad.policy = often
    desk.type("mint", "--to", B)  # the same command goes on
    assert desk.holders() == of(A, B, B)


def test_f3_a_free_node_s_narrow_log_queries_or_none_at_all_stop_no_mint(desk: Desk) -> None:
    def narrow(method: str, params: list[Any]) -> str | None:
        if method != "eth_getLogs":
            return None
        first, last = (int(params[0][key], 16) for key in ("fromBlock", "toBlock"))
        return "narrow range" if last - first >= NARROW_BLOCKS else None

    desk.bad.policy = narrow
    desk.type("deploy")
    desk.mine(3 * NARROW_BLOCKS)
    desk.type("mint", "--tokens", "0", "--to", A)
    desk.mine(3 * NARROW_BLOCKS)
    assert desk.type("owners")["owners"][0] == {"address": A, "count": 1, "tokens": [0]}
    assert desk.bad.committed["narrow range"] > 0
    desk.bad.policy = lambda method, _: "refused range" if method == "eth_getLogs" else None
    asked = desk.bad.requests["eth_getLogs"]
    desk.type("mint", "--to", B)  # the journal knows the transactions, their receipts the rest
    assert desk.bad.requests["eth_getLogs"] == asked
    assert desk.type("mint", "--to", B)["transactions"] == []
    assert desk.holders() == of(A, B, B)
    error = desk.type("owners", expect=5)
    assert "--rpc" in error["hint"]
    desk.bad.policy = narrow
    assert [one["count"] for one in desk.type("owners")["owners"]] == [2, 1]


def test_f5_a_rollup_s_fee_for_data_is_in_plans_budgets_and_sums(desk: Desk) -> None:
    Rollup(desk.bad, OP_ORACLE)
    taken = desk.bad.upstream.__self__.l1_fee  # type: ignore[attr-defined]
    error = desk.type("deploy", "--budget", "0.001", expect=6)
    assert "--budget" in error["hint"] and desk.nonce == 0
    plan = desk.type("deploy", "-n")
    assert plan["data_fee_wei"] > 0
    before = desk.money
    deployed = desk.type("deploy", "--budget", "0.9")  # the same command, allowed more
    sent = desk.nonce
    # anvil takes no fee for data: what is said to be paid is what it took and that
    assert deployed["fee_wei"] == before - desk.money + sent * taken
    mint = ("mint", "--to", f"{A}=1", "--to", f"{B}=1")
    plan = desk.type(*mint, "-n")
    assert plan["data_fee_wei"] > 2 * taken
    little = f"{(plan['data_fee_wei'] - 1) / ETHER:.18f}"
    assert desk.type(*mint, "--budget", little, expect=6)["kind"] == "partly_done"
    assert desk.nonce == sent
    enough = f"{(plan['gas'] * plan['max_fee_wei'] + plan['data_fee_wei']) / ETHER:.18f}"
    before = desk.money
    minted = desk.type(*mint, "--budget", enough)
    assert minted["fee_wei"] == before - desk.money + 2 * taken
    assert desk.holders() == of(A, B)
    more = desk.type("mint", "--budget", f"{minted['fee_wei'] / ETHER:.18f}", expect=6)
    assert "--budget" in more["hint"]  # earlier runs count
    desk.type("mint", "--budget", "0.9")
    assert len(desk.holders()) == 3
