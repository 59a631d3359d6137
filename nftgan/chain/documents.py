"""JSON-RPC documents: py-evm's headers, transactions, receipts and errors as a node words them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import rlp
from eth_utils import decode_hex, encode_hex, to_checksum_address


class RpcError(Exception):
    """What a node would answer as a JSON-RPC error, in geth's words."""

    def __init__(self, code: int, message: str, data: str | None = None) -> None:
        super().__init__(message)
        self.body: dict[str, Any] = {"code": code, "message": message}
        if data is not None:
            self.body["data"] = data


def number(value: Any) -> int:
    """A JSON-RPC quantity."""
    return int(value, 16) if isinstance(value, str) else int(value)


def to_bytes(value: Any) -> bytes:
    """JSON-RPC data."""
    return decode_hex(value) if isinstance(value, str) else bytes(value)


def call_data(call: Mapping[str, Any]) -> bytes:
    return to_bytes(call.get("data") or call.get("input") or "0x")


def _bloom(bloom: Any) -> str:
    return encode_hex(int(bloom).to_bytes(256, "big"))


def block_document(block: Any, *, full: bool, receipt_of: Any) -> dict[str, Any]:
    """`eth_getBlockBy…`; `receipt_of` maps a transaction's hash to its receipt document."""
    header = block.header
    return {
        "baseFeePerGas": hex(header.base_fee_per_gas),
        "difficulty": "0x0",
        "extraData": encode_hex(header.extra_data),
        "gasLimit": hex(header.gas_limit),
        "gasUsed": hex(header.gas_used),
        "hash": encode_hex(header.hash),
        "logsBloom": _bloom(header.bloom),
        "miner": to_checksum_address(header.coinbase),
        "mixHash": encode_hex(header.mix_hash),
        "nonce": encode_hex(header.nonce),
        "number": hex(header.block_number),
        "parentHash": encode_hex(header.parent_hash),
        "receiptsRoot": encode_hex(header.receipt_root),
        "sha3Uncles": encode_hex(header.uncles_hash),
        "size": hex(len(rlp.encode(block))),
        "stateRoot": encode_hex(header.state_root),
        "timestamp": hex(header.timestamp),
        "transactions": [
            transaction_document(tx, receipt_of(bytes(tx.hash))) if full else encode_hex(tx.hash)
            for tx in block.transactions
        ],
        "transactionsRoot": encode_hex(header.transaction_root),
        "uncles": [],
    }


def transaction_document(tx: Any, receipt: Mapping[str, Any]) -> dict[str, Any]:
    """`eth_getTransactionByHash` of a transaction in a block."""
    document = {
        "blockHash": receipt["blockHash"],
        "blockNumber": receipt["blockNumber"],
        "chainId": hex(tx.chain_id),
        "from": receipt["from"],
        "gas": hex(tx.gas),
        "gasPrice": receipt["effectiveGasPrice"],
        "hash": receipt["transactionHash"],
        "input": encode_hex(tx.data),
        "nonce": hex(tx.nonce),
        "r": hex(tx.r),
        "s": hex(tx.s),
        "to": receipt["to"],
        "transactionIndex": "0x0",
        "type": receipt["type"],
        "value": hex(tx.value),
    }
    if receipt["type"] == "0x0":
        document["v"] = hex(tx.v)
        return document
    document["v"] = document["yParity"] = hex(tx.y_parity)
    document["accessList"] = [
        {
            "address": to_checksum_address(address),
            "storageKeys": [encode_hex(int(slot).to_bytes(32, "big")) for slot in slots],
        }
        for address, slots in tx.access_list
    ]
    if receipt["type"] != "0x1":
        document["maxFeePerGas"] = hex(tx.max_fee_per_gas)
        document["maxPriorityFeePerGas"] = hex(tx.max_priority_fee_per_gas)
    return document


def receipt_document(
    tx_hash: bytes, raw: bytes, tx: Any, sender: bytes, receipt: Any, result: Any, header: Any
) -> dict[str, Any]:
    """`eth_getTransactionReceipt` without its logs, of the only transaction in its block."""
    created = None
    if not tx.to and not result.is_error:
        created = to_checksum_address(result.msg.storage_address)
    price = min(tx.max_fee_per_gas, header.base_fee_per_gas + tx.max_priority_fee_per_gas)
    return {
        "blockHash": encode_hex(header.hash),
        "blockNumber": hex(header.block_number),
        "contractAddress": created,
        "cumulativeGasUsed": hex(header.gas_used),
        "effectiveGasPrice": hex(price),
        "from": to_checksum_address(sender),
        "gasUsed": hex(header.gas_used),
        "logsBloom": _bloom(receipt.bloom),
        "status": hex(0 if result.is_error else 1),
        "to": to_checksum_address(tx.to) if tx.to else None,
        "transactionHash": encode_hex(tx_hash),
        "transactionIndex": "0x0",
        "type": hex(raw[0] if raw[0] < 0x7F else 0),
    }


def log_document(row: Sequence[Any]) -> dict[str, Any]:
    """One log from a row of the database's `logs` table."""
    block, position, tx, block_hash, address, *topics, data = row
    return {
        "address": to_checksum_address(address),
        "blockHash": encode_hex(block_hash),
        "blockNumber": hex(block),
        "data": encode_hex(data),
        "logIndex": hex(position),
        "removed": False,
        "topics": [encode_hex(topic) for topic in topics if topic is not None],
        "transactionHash": encode_hex(tx),
        "transactionIndex": "0x0",
    }


def raise_if_failed(result: Any) -> None:
    """An error as geth words it, with the revert data for the caller to decode."""
    if not result.is_error:
        return
    if type(result.error).__name__ != "Revert":
        raise RpcError(-32000, geth_error_message(result.error))
    output, message = bytes(result.output), "execution reverted"
    if output[:4] == bytes.fromhex("08c379a0") and len(output) >= 68:  # Error(string)
        size = int.from_bytes(output[36:68], "big")
        message += ": " + output[68 : 68 + size].decode("utf-8", "replace")
    raise RpcError(3, message, encode_hex(output))


_GETH_MESSAGES = (
    (
        ("insufficientfunds", "insufficient funds", "balance"),
        "insufficient funds for gas * price + value",
    ),
    (("initcode",), "max initcode size exceeded"),
    (("floor",), "insufficient gas for floor data gas cost"),
    (("intrinsic", "insufficient gas", "gas cannot be negative"), "intrinsic gas too low"),
    (("base fee", "max fee"), "max fee per gas less than block base fee"),
    (("gas limit", "exceeds gas"), "exceeds block gas limit"),
    (("outofgas",), "out of gas"),
    (("invalidinstruction",), "invalid opcode"),
    (("invalidjumpdestination",), "invalid jump destination"),
    (("fullstack",), "stack limit reached 1024 (1023)"),
    (("writeprotection",), "write protection"),
    (("outofboundsread",), "return data out of bounds"),
    (("addresscollision", "contractcreationcollision"), "contract address collision"),
)
_UNDERFLOW = re.compile(r"Wanted (\d+) stack items, only had (\d+)")


def geth_error_message(error: Exception) -> str:
    """py-evm's reason in the words that clients know from geth."""
    text = f"{type(error).__name__}: {error}"
    if found := _UNDERFLOW.search(text):
        return f"stack underflow ({found[2]} <=> {found[1]})"
    for marks, words in _GETH_MESSAGES:
        if any(mark in text.lower() for mark in marks):
            return words
    return text
