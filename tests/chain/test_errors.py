"""A node's refusal keeps the node's code and words apart from ours."""

from __future__ import annotations

from typing import Any

import pytest

from nftgan.chain.errors import MAX_TEXT, NodeRefused
from nftgan.chain.rpc import connect, rpc_errors
from tests.chain.conftest import FAULTY, Start


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        ({"code": -32003, "message": "nonce too low"}, -32003, "nonce too low"),
        ({"code": "-32003", "message": "x" * 999}, None, "x" * MAX_TEXT),
        ({"code": -32601}, -32601, ""),
    ],
)
def test_a_refusal_carries_the_nodes_own_code_and_words(
    bad_node: Start, error: dict[str, Any], code: int | None, text: str
) -> None:
    bad = bad_node(lambda *_: None)
    connection = connect(FAULTY, bad.url)
    bad.upstream = lambda method, params: {"error": error}
    with pytest.raises(NodeRefused) as asked:
        connection.ask("eth_getBlockByNumber", "latest", False)
    assert (asked.value.code, asked.value.text) == (code, text)
    assert asked.value.message == f"the node at {connection.where} refused: {text}"
    if code is not None and text:  # web3.py refuses the others as no JSON-RPC
        with pytest.raises(NodeRefused) as through_web3, rpc_errors(connection):
            connection.w3.eth.get_balance("0x" + "00" * 20)
        assert (through_web3.value.code, through_web3.value.text) == (code, text)
