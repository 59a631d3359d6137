"""The embedded chain and anvil do the same with the same signed transactions."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from eth_abi import encode
from eth_utils import keccak
from web3 import Web3
from web3.exceptions import Web3Exception

from nftgan.chain.artifact import COLLECTION, FACTORY
from nftgan.chain.birth import deploy_bytecode
from nftgan.chain.contract import encode_seeds
from nftgan.chain.embedded import CHAIN_ID, EmbeddedChain
from nftgan.chain.operations import created_address
from tests.chain.actors import SALT, account, collection_args

TRANSACTIONS = 320
OWNERS = [account(name) for name in ("alice", "bob", "carol")]


def calldata(signature: str, *values: Any) -> bytes:
    types = signature[signature.index("(") + 1 : -1]
    return keccak(text=signature)[:4] + encode(types.split(",") if types else [], values)


class Actions:
    """A long, seeded life of a collection: what succeeds, what reverts, what is malformed."""

    def __init__(self) -> None:
        self.random = random.Random(320)
        self.nonces = {who.address: 0 for who in OWNERS}
        self.minted = 0

    def beginning(self) -> list[tuple[Any, dict[str, Any]]]:
        alice = OWNERS[0]
        implementation = created_address(alice.address, 0)
        self.factory = created_address(alice.address, 1)
        args = collection_args(alice.address, 4_000)
        create = calldata("create(bytes,bytes32)", args.encode(), SALT)
        return [
            self._next(alice, None, deploy_bytecode(COLLECTION), 5_000_000),
            self._next(alice, None, deploy_bytecode(FACTORY, implementation), 1_000_000),
            self._next(alice, self.factory, create, 1_000_000),
            self._next(alice, self.factory, create, 1_000_000),  # the address is taken
        ]

    def one(self, collection: str) -> tuple[Any, dict[str, Any]]:
        kind = self.random.randrange(10)
        who, other = self.random.sample(OWNERS, 2)
        token = self.random.randrange(self.minted + 5)
        if kind <= 2:
            count = self.random.choice((1, 1, 2, 7, 40))
            start = self.minted + (self.random.random() < 0.2)
            good = who is OWNERS[0] and start == self.minted
            seeds = encode_seeds([self.random.getrandbits(32) for _ in range(count)])
            data = calldata("mintBatch(uint256,address,bytes)", start, other.address, seeds)
            self.minted += count if good else 0
            return self._next(who, collection, data)
        if kind <= 5:
            signature = "transferFrom(address,address,uint256)"
            data = calldata(signature, who.address, other.address, token)
            return self._next(who, collection, data)
        if kind == 6:
            return self._next(who, collection, calldata("burn(uint256)", token))
        if kind == 7:
            uri = "x" * self.random.randrange(80)
            data = calldata("setBaseURI(string)", uri)
            return self._next(who, collection, data, self.random.choice((40_000, 400_000)))
        if kind == 8:
            value = self.random.choice((0, 1, 10**18))
            return self._next(who, other.address, b"", 30_000, value=value)
        data = calldata("approve(address,uint256)", other.address, token)
        return self._next(who, collection, data, 90_000)

    def _next(
        self, who: Any, to: str | None, data: bytes, gas: int = 2_000_000, value: int = 0
    ) -> tuple[Any, dict[str, Any]]:
        nonce = self.nonces[who.address]
        self.nonces[who.address] = nonce + 1
        fields = {"chainId": CHAIN_ID, "data": data, "gas": gas, "nonce": nonce, "value": value}
        fee = 500 * 10**9
        kind = self.random.randrange(3)
        if kind == 0:
            fields |= {"gasPrice": fee}
        elif kind == 1:
            fields |= {"gasPrice": fee, "type": 1, "accessList": []}
        else:
            fields |= {"maxFeePerGas": fee, "maxPriorityFeePerGas": 10**9, "type": 2}
        return who, fields | ({"to": to} if to else {})


def outcome(w3: Web3, raw: bytes, name: str) -> dict[str, Any]:
    w3.eth.send_raw_transaction(raw)
    receipt = w3.eth.wait_for_transaction_receipt(name, 20, 0.005)
    keys = ("status", "gasUsed", "contractAddress", "logsBloom", "type", "from", "to")
    logs = [
        (log["address"], log["topics"], log["data"], log["logIndex"]) for log in receipt["logs"]
    ]
    return {**{key: receipt.get(key) for key in keys}, "logs": logs}


def refusal(w3: Web3, call: dict[str, Any]) -> tuple[str, Any]:
    """What a simulated call answers: its output, or its revert data."""
    try:
        return "output", bytes(w3.eth.call(call))
    except Web3Exception as exc:
        return "refused", getattr(exc, "data", None)


@pytest.mark.node
def test_320_transactions_do_on_both_chains_what_they_do_on_the_other(
    tmp_path: Path, anvil: Callable[..., str]
) -> None:
    node = Web3(Web3.HTTPProvider(anvil("--chain-id", str(CHAIN_ID), "--base-fee", "1000000000")))
    for who in OWNERS:
        node.provider.make_request("anvil_setBalance", [who.address, hex(10**24)])
    own = Web3(EmbeddedChain(tmp_path / "c.sqlite", fund=[who.address for who in OWNERS]))

    actions, collection, reverted = Actions(), "", 0
    waiting = actions.beginning()
    for number in range(TRANSACTIONS):
        who, fields = waiting.pop(0) if waiting else actions.one(collection)
        simulated = {k: fields[k] for k in ("to", "data", "value", "gas") if k in fields}
        simulated["from"] = who.address
        assert refusal(own, simulated) == refusal(node, simulated), number
        raw, name = who.sign(fields)
        ours, theirs = outcome(own, raw, name), outcome(node, raw, name)
        assert ours == theirs, (number, fields)
        reverted += ours["status"] == 0
        if number == 2:
            collection = ours["logs"][-1][1][1].hex()[-40:]
            collection = Web3.to_checksum_address("0x" + collection)
    assert 30 < reverted < TRANSACTIONS - 100
    for who in OWNERS:
        assert own.eth.get_transaction_count(who.address) == actions.nonces[who.address]
        balance = calldata("balanceOf(address)", who.address)
        answer = own.eth.call({"to": collection, "data": balance})
        assert answer == node.eth.call({"to": collection, "data": balance})
    assert own.eth.get_code(collection) == node.eth.get_code(collection)
    for slot in range(4):
        mine = own.eth.get_storage_at(collection, slot)
        assert mine == node.eth.get_storage_at(collection, slot)
