"""Each test network's own node, read and nothing more: `NFTGAN_LIVE_CHAINS`."""

from __future__ import annotations

import pytest

from nftgan.chain.birth import is_genuine, shared_contracts
from nftgan.chain.blocks import gas_limit, genesis_hash, latest_block, latest_time
from nftgan.chain.deployer import DEPLOYER
from nftgan.chain.fees import current_fees
from nftgan.chain.names import REGISTRY
from nftgan.chain.networks import CHAINS
from nftgan.chain.rpc import Connection, connect, rpc_errors
from tests.live.switches import switch, words

TESTNETS = [one.name for one in CHAINS.values() if one.rpc_hint.startswith("https:")]
YEAR_2024 = 1_704_067_200
GWEI = 10**9


@pytest.fixture(params=TESTNETS)
def connection(request: pytest.FixtureRequest) -> Connection:
    switch("CHAINS")
    if not {"all", request.param} & set(words("CHAINS")):
        pytest.skip(f"live: NFTGAN_LIVE_CHAINS does not name {request.param}")
    return connect(CHAINS[request.param])


def test_its_public_node_answers_as_that_chain_with_a_recent_block(connection: Connection) -> None:
    assert latest_block(connection) > 0 and latest_time(connection) > YEAR_2024
    assert genesis_hash(connection).startswith("0x") and gas_limit(connection) >= 15_000_000


def test_fees_can_be_planned_there(connection: Connection) -> None:
    fees = current_fees(connection, None)
    assert 0 < fees.max_fee_wei < 100_000 * GWEI


def test_what_a_deployment_stands_on_is_there(connection: Connection) -> None:
    with rpc_errors(connection):
        assert connection.w3.eth.get_code(DEPLOYER)
    for one in shared_contracts("NftganCollection"):
        is_genuine(connection, one)  # made or not: no answer is refused


def test_logs_of_the_last_blocks_are_shown(connection: Connection) -> None:
    last = latest_block(connection)
    query = {"address": REGISTRY, "fromBlock": hex(max(last - 20, 0)), "toBlock": hex(last)}
    assert isinstance(connection.ask("eth_getLogs", query), list)
