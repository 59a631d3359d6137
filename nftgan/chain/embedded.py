"""A persistent Ethereum chain without a node: py-evm in one SQLite file, reached through web3.py.

Each transaction becomes one block at once, by Prague rules. There is no mempool: a nonce gap is an
error. Several processes may use one file; whatever was answered survives a kill.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from eth.abc import BlockHeaderAPI, ComputationAPI, MiningChainAPI, StateAPI
from eth.chains.base import MiningChain
from eth.consensus import ConsensusApplier, NoProofConsensus
from eth.constants import (
    BLANK_ROOT_HASH,
    POST_MERGE_DIFFICULTY,
    POST_MERGE_MIX_HASH,
    POST_MERGE_NONCE,
    ZERO_ADDRESS,
)
from eth.db.schema import SchemaV1
from eth.exceptions import HeaderNotFound
from eth.vm.forks import PragueVM
from eth.vm.spoof import SpoofTransaction
from eth_utils import encode_hex, keccak, to_canonical_address
from web3.providers.base import BaseProvider

from nftgan.chain.database import Database
from nftgan.chain.deployer import DEPLOYER, DEPLOYER_CODE
from nftgan.chain.documents import (
    RpcError,
    block_document,
    call_data,
    geth_error_message,
    log_document,
    number,
    raise_if_failed,
    receipt_document,
    to_bytes,
    transaction_document,
)
from nftgan.errors import UsageError

CHAIN_ID = 7_235_188
"""0x6e6674, "nft" in ASCII: none of the 1,940 public chains in ethereum-lists has it."""

BLOCK_GAS = 30_000_000
PRIORITY_FEE_WEI = 10**9
GENESIS_BALANCE_WEI = 10**24
_CHAIN_ID_KEY = b"nftgan:chain-id"
_LATEST = {None, "latest", "pending", "safe", "finalized"}


class EmbeddedChain(BaseProvider):
    """A web3.py provider over the chain in `path`; `fund` holds the genesis balance.

    Raises UsageError when the file is not an embedded chain.
    """

    global_ccip_read_enabled = False  # no contract may make us fetch addresses of its choosing

    def __init__(self, path: Path, *, fund: Sequence[str] = ()) -> None:
        super().__init__()
        self.path = path
        self.database = Database(path)
        self._one_thread = threading.RLock()
        self._chain_class = _chain_class()
        self._chain: MiningChainAPI | None = None
        self._head: bytes | None = None
        with self._usable(), self.database.transaction():
            if self.database._exists(_CHAIN_ID_KEY):
                if int(self.database[_CHAIN_ID_KEY]) != CHAIN_ID:
                    raise UsageError(f"{path} holds a chain of another kind")
            else:
                self._begin(fund)

    def _begin(self, fund: Sequence[str]) -> None:
        account = {"balance": GENESIS_BALANCE_WEI, "nonce": 0, "code": b"", "storage": {}}
        self._chain_class.from_genesis(
            self.database,
            {
                "coinbase": ZERO_ADDRESS,
                "difficulty": POST_MERGE_DIFFICULTY,
                "extra_data": b"nftgan",
                "gas_limit": BLOCK_GAS,
                "mix_hash": POST_MERGE_MIX_HASH,
                "nonce": POST_MERGE_NONCE,
                "receipt_root": BLANK_ROOT_HASH,
                "timestamp": int(time.time()),
                "transaction_root": BLANK_ROOT_HASH,
            },
            {
                **{to_canonical_address(address): account for address in fund},
                # As on most chains: contracts at addresses that prove their code need it.
                to_canonical_address(DEPLOYER): {
                    "balance": 0,
                    "nonce": 1,
                    "code": DEPLOYER_CODE,
                    "storage": {},
                },
            },
        )
        self.database[_CHAIN_ID_KEY] = str(CHAIN_ID).encode()

    @contextmanager
    def _usable(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as exc:
            raise UsageError(
                f"the embedded chain in {self.path} cannot be used: {exc}",
                hint="free some space, check the file, or set NFTGAN_HOME to another folder",
            ) from exc

    # ---- web3.py's side

    def is_connected(self, show_traceback: bool = False) -> bool:
        return True

    def make_request(self, method: Any, params: Any) -> Any:
        """A JSON-RPC answer. Raises UsageError when the file cannot be read or written."""
        answer: dict[str, Any] = {"jsonrpc": "2.0", "id": 1}
        handler = _METHODS.get(str(method))
        if handler is None:
            message = f"the method {method} does not exist/is not available"
            return {**answer, "error": {"code": -32601, "message": message}}
        try:
            with self._one_thread, self._usable():
                return {**answer, "result": handler(self, *params)}
        except RpcError as exc:
            return {**answer, "error": exc.body}
        except (TypeError, ValueError) as exc:
            return {**answer, "error": {"code": -32602, "message": f"invalid argument: {exc}"}}

    # ---- py-evm's side

    @property
    def chain(self) -> MiningChainAPI:
        """The chain at the newest head, which another process may have moved."""
        head = self.database[SchemaV1.make_canonical_head_hash_lookup_key()]
        if self._chain is None or head != self._head:
            self._chain, self._head = self._chain_class(self.database), head
        return self._chain

    def header(self, tag: Any = "latest") -> BlockHeaderAPI:
        head: BlockHeaderAPI = self.chain.get_canonical_head()
        if tag in _LATEST:
            return head
        height: Any = 0 if tag == "earliest" else number(tag)
        if height > head.block_number:
            raise RpcError(-32000, "header not found")
        return self.chain.get_canonical_block_header_by_number(height)

    def state(self, tag: Any = "latest") -> StateAPI:
        return self.chain.get_vm(self.header(tag)).state

    def next_base_fee(self) -> int:
        header: Any = self.chain.create_header_from_parent(self.header())
        return int(header.base_fee_per_gas)

    # ---- simulation

    def run(self, call: Mapping[str, Any], gas: int, tag: Any) -> ComputationAPI:
        """What `call` would do on top of block `tag`, with fees left out."""
        vm = self.chain.get_vm(self.header(tag))
        state = vm.state
        sender = to_canonical_address(call.get("from") or ZERO_ADDRESS)
        builder: Any = vm.get_transaction_builder()
        unsigned = builder.new_unsigned_dynamic_fee_transaction(
            chain_id=CHAIN_ID,
            nonce=state.get_nonce(sender),
            max_priority_fee_per_gas=0,
            max_fee_per_gas=0,
            gas=gas,
            to=to_canonical_address(call["to"]) if call.get("to") else b"",
            value=number(call.get("value") or 0),
            data=call_data(call),
            access_list=(),
        )
        context = state.execution_context
        base_fee, context._base_fee_per_gas = context._base_fee_per_gas, 0  # type: ignore[attr-defined]
        snapshot = state.snapshot()
        try:
            return state.apply_transaction(SpoofTransaction(unsigned, from_=sender))  # type: ignore[arg-type]
        except sqlite3.Error:
            raise
        except Exception as exc:  # py-evm's validation errors share no base class
            raise RpcError(-32000, geth_error_message(exc)) from exc
        finally:
            state.revert(snapshot)
            context._base_fee_per_gas = base_fee  # type: ignore[attr-defined]

    def simulate(self, call: Mapping[str, Any], tag: Any = "latest", *_: Any) -> str:
        gas = min(number(call["gas"]), BLOCK_GAS) if call.get("gas") else BLOCK_GAS
        result = self.run(call, gas, tag)
        raise_if_failed(result)
        return encode_hex(result.output)

    def estimate(self, call: Mapping[str, Any], tag: Any = "latest", *_: Any) -> str:
        result = self.run(call, BLOCK_GAS, tag)
        raise_if_failed(result)
        floor = _calldata_floor_gas(call_data(call))
        used = max(BLOCK_GAS - result.get_gas_remaining(), floor)
        if used <= floor:
            return hex(used)  # no code ran
        # The sentry of EIP-2200, the 63/64 rule of EIP-150 and refunds may need more than was used.
        more = used // 63
        likely = (used + max(more, 2_300), used + more + 2_300)
        for gas in (*likely, *(used * percent // 100 for percent in (105, 130, 200))):
            if not self.run(call, min(gas, BLOCK_GAS), tag).is_error:
                return hex(min(gas, BLOCK_GAS))
        return hex(BLOCK_GAS)

    # ---- transactions

    def send(self, raw_hex: Any) -> str:
        """Apply a signed transaction as a block of its own; on disk when this returns."""
        raw = to_bytes(raw_hex)
        tx_hash = keccak(raw)
        self._chain = None  # what a refused transaction touched must not be seen by the next
        with self.database.transaction():
            if self._receipt(tx_hash) is not None:
                raise RpcError(-32000, "already known")
            chain = self.chain
            vm = chain.get_vm()
            try:
                tx = vm.get_transaction_builder().decode(raw)
                sender = tx.sender
            except sqlite3.Error:
                raise
            except Exception as exc:
                raise RpcError(-32000, f"invalid transaction: {exc}") from exc
            signed_for = getattr(tx, "chain_id", None)
            if signed_for != CHAIN_ID:
                message = f"invalid chain id for signer: have {signed_for} want {CHAIN_ID}"
                raise RpcError(-32000, message)
            if tx.max_priority_fee_per_gas > tx.max_fee_per_gas:  # py-evm would take it
                raise RpcError(-32000, "max priority fee per gas higher than max fee per gas")
            floor = _calldata_floor_gas(tx.data)
            if tx.gas < floor and tx.gas >= tx.intrinsic_gas:  # nor this
                message = "insufficient gas for floor data gas cost"
                raise RpcError(-32000, f"{message}: gas {tx.gas}, minimum needed {floor}")
            expected = vm.state.get_nonce(sender)
            if tx.nonce != expected:
                word = "low" if tx.nonce < expected else "high"
                message = f"nonce too {word}: next nonce {expected}, tx nonce {tx.nonce}"
                raise RpcError(-32000, message)
            try:
                _, receipt, result = chain.apply_transaction(tx)
            except sqlite3.Error:
                raise
            except Exception as exc:
                raise RpcError(-32000, geth_error_message(exc)) from exc
            mined = chain.mine_block(
                coinbase=ZERO_ADDRESS, mix_hash=keccak(tx_hash + b"randao"), blob_gas_used=0
            )
            self._remember(tx_hash, raw, tx, sender, receipt, result, mined.header)
        self._chain = None
        return encode_hex(tx_hash)

    def mine(self, count: Any = "0x1") -> None:
        """Add blocks without transactions, as anvil does when it is asked to."""
        with self.database.transaction():
            for _ in range(min(number(count), MOST_MINED)):
                self._chain = None
                parent = self.header()
                self.chain.mine_block(
                    coinbase=ZERO_ADDRESS,
                    mix_hash=keccak(parent.hash + b"randao"),
                    blob_gas_used=0,
                )
        self._chain = None

    def _remember(
        self,
        tx_hash: bytes,
        raw: bytes,
        tx: Any,
        sender: bytes,
        receipt: Any,
        result: ComputationAPI,
        header: BlockHeaderAPI,
    ) -> None:
        block, block_hash = int(header.block_number), bytes(header.hash)
        for position, log in enumerate(receipt.logs):
            topics = [int(topic).to_bytes(32, "big") for topic in log.topics]
            topics += [None] * (4 - len(topics))  # type: ignore[list-item]
            row = (
                block,
                position,
                tx_hash,
                block_hash,
                bytes(log.address),
                *topics,
                bytes(log.data),
            )
            self.database.sql.execute("INSERT INTO logs VALUES (?,?,?,?,?,?,?,?,?,?)", row)
        document = receipt_document(tx_hash, raw, tx, sender, receipt, result, header)
        row = (tx_hash, block, json.dumps(document))
        self.database.sql.execute("INSERT INTO receipts VALUES (?, ?, ?)", row)

    def _receipt(self, tx_hash: bytes) -> dict[str, Any] | None:
        row = self.database.sql.execute(
            "SELECT document FROM receipts WHERE tx = ?", (tx_hash,)
        ).fetchone()
        return None if row is None else json.loads(row[0])  # noqa: TID251 - our own database

    def receipt(self, tx_hash: Any) -> dict[str, Any] | None:
        tx_hash = to_bytes(tx_hash)
        document = self._receipt(tx_hash)
        if document is not None:
            rows = self.database.sql.execute(
                "SELECT * FROM logs WHERE block = ? AND tx = ? ORDER BY position",
                (int(document["blockNumber"], 16), tx_hash),
            )
            document["logs"] = [log_document(row) for row in rows]
        return document

    def transaction(self, tx_hash: Any) -> dict[str, Any] | None:
        document = self._receipt(to_bytes(tx_hash))
        if document is None:
            return None
        block = int(document["blockNumber"], 16)
        tx: Any = self.chain.get_canonical_block_by_number(block).transactions[0]  # type: ignore[arg-type]
        return transaction_document(tx, document)

    # ---- reading

    def block(self, tag: Any, full: bool = False) -> dict[str, Any] | None:
        try:
            h: Any = self.header(tag)
        except RpcError:
            return None
        block = self.chain.get_canonical_block_by_number(h.block_number)
        return block_document(block, full=full, receipt_of=self._receipt)

    def block_by_hash(self, block_hash: Any, full: bool = False) -> dict[str, Any] | None:
        try:
            header = self.chain.get_block_header_by_hash(to_bytes(block_hash))  # type: ignore[arg-type]
        except HeaderNotFound:
            return None
        return self.block(hex(header.block_number), full)

    def logs(self, wanted: Mapping[str, Any]) -> list[dict[str, Any]]:
        head = int(self.header().block_number)

        def block(key: str) -> int:
            tag = wanted.get(key)
            return head if tag in _LATEST else 0 if tag == "earliest" else number(tag)

        query = "SELECT * FROM logs WHERE block BETWEEN ? AND ?"
        values: list[Any] = [block("fromBlock"), block("toBlock")]
        addresses = wanted.get("address") or []
        addresses = [addresses] if isinstance(addresses, (str, bytes)) else addresses
        filters: list[tuple[str, list[bytes]]] = [
            ("address", [bytes(to_canonical_address(a)) for a in addresses])
        ]
        for i, topic in enumerate(wanted.get("topics") or []):
            options = [topic] if isinstance(topic, (str, bytes)) else topic or []
            filters.append((f"topic{i}", [to_bytes(option) for option in options]))
        for column, options in filters:
            if options:
                query += f" AND {column} IN ({','.join('?' * len(options))})"
                values += options
        rows = self.database.sql.execute(query + " ORDER BY block, position", values)
        return [log_document(row) for row in rows]

    def fee_history(
        self, count: Any, newest: Any = "latest", percentiles: Sequence[float] | None = None
    ) -> dict[str, Any]:
        last = int(self.header(newest).block_number)
        first = max(0, last - number(count) + 1)
        headers: list[Any] = [self.header(hex(n)) for n in range(first, last + 1)]
        fees = [hex(h.base_fee_per_gas) for h in headers] + [hex(self.next_base_fee())]
        return {
            "baseFeePerGas": fees,
            "gasUsedRatio": [h.gas_used / h.gas_limit for h in headers],
            "oldestBlock": hex(first),
            "reward": [[hex(PRIORITY_FEE_WEI)] * len(percentiles or ()) for _ in headers],
        }


def _calldata_floor_gas(data: bytes) -> int:
    """The least that a transaction with this data costs (EIP-7623)."""
    zeros = data.count(0)
    return 21_000 + 10 * (zeros + 4 * (len(data) - zeros))


def _chain_class() -> Any:
    class Chain(MiningChain):
        chain_id = CHAIN_ID
        vm_configuration = ConsensusApplier(NoProofConsensus).amend_vm_configuration(
            ((0, PragueVM),)  # type: ignore[arg-type]
        )

        def create_header_from_parent(self, parent_header: Any, **header_params: Any) -> Any:
            fixed = {**header_params, "gas_limit": parent_header.gas_limit}
            return super().create_header_from_parent(parent_header, **fixed)

    return Chain


MOST_MINED = 1000
"""Blocks at a time, whatever is asked."""

_METHODS: dict[str, Callable[..., Any]] = {
    "anvil_mine": EmbeddedChain.mine,
    "eth_accounts": lambda chain: [],
    "eth_blockNumber": lambda chain: hex(chain.header().block_number),
    "eth_call": EmbeddedChain.simulate,
    "eth_chainId": lambda chain: hex(CHAIN_ID),
    "eth_estimateGas": EmbeddedChain.estimate,
    "eth_feeHistory": EmbeddedChain.fee_history,
    "eth_gasPrice": lambda chain: hex(chain.next_base_fee() + PRIORITY_FEE_WEI),
    "eth_getBalance": lambda chain, address, tag="latest": hex(
        chain.state(tag).get_balance(to_canonical_address(address))
    ),
    "eth_getBlockByHash": EmbeddedChain.block_by_hash,
    "eth_getBlockByNumber": EmbeddedChain.block,
    "eth_getCode": lambda chain, address, tag="latest": encode_hex(
        chain.state(tag).get_code(to_canonical_address(address))
    ),
    "eth_getLogs": EmbeddedChain.logs,
    "eth_getStorageAt": lambda chain, address, slot, tag="latest": encode_hex(
        chain.state(tag)
        .get_storage(to_canonical_address(address), number(slot))
        .to_bytes(32, "big")
    ),
    "eth_getTransactionByHash": EmbeddedChain.transaction,
    "eth_getTransactionCount": lambda chain, address, tag="latest": hex(
        chain.state(tag).get_nonce(to_canonical_address(address))
    ),
    "eth_getTransactionReceipt": EmbeddedChain.receipt,
    "eth_maxPriorityFeePerGas": lambda chain: hex(PRIORITY_FEE_WEI),
    "eth_sendRawTransaction": EmbeddedChain.send,
    "eth_syncing": lambda chain: False,
    "net_version": lambda chain: str(CHAIN_ID),
    "web3_clientVersion": lambda chain: "nftgan-embedded/py-evm",
}
