"""A bare Prague EVM in memory for contract tests and gas figures: py-evm, no blocks, no keys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from eth.chains.base import MiningChain
from eth.consensus import ConsensusApplier, NoProofConsensus
from eth.constants import (
    BLANK_ROOT_HASH,
    POST_MERGE_DIFFICULTY,
    POST_MERGE_MIX_HASH,
    POST_MERGE_NONCE,
    ZERO_ADDRESS,
)
from eth.db.atomic import AtomicDB
from eth.vm.forks import PragueVM
from eth.vm.forks.prague.computation import PragueComputation
from eth.vm.spoof import SpoofTransaction
from eth_abi import decode, encode
from eth_utils import keccak, to_canonical_address, to_checksum_address

GAS = 25_000_000


class Reverted(Exception):
    """A call the contract refused; `name` and `values` are those of its custom error."""

    def __init__(self, name: str, values: tuple[Any, ...]) -> None:
        super().__init__(f"{name}{values}")
        self.name = name
        self.values = values


@dataclass(frozen=True)
class Log:
    address: str
    name: str
    values: tuple[Any, ...]


@dataclass(frozen=True)
class Sent:
    gas: int
    logs: list[Log]
    created: str | None
    output: bytes


def account(number: int) -> str:
    """The checksummed address of the test account with this number."""
    return to_checksum_address(keccak(b"account %d" % number)[:20])


def _signature(entry: dict[str, Any]) -> str:
    return f"{entry['name']}({','.join(i['type'] for i in entry['inputs'])})"


class Evm:
    """Applies transactions of any sender to one state; calls leave no trace."""

    def __init__(self, accounts: Sequence[str]) -> None:
        class Chain(MiningChain):
            chain_id = 31337
            vm_configuration = ConsensusApplier(NoProofConsensus).amend_vm_configuration(
                ((0, PragueVM),)
            )

        genesis: dict[str, Any] = {
            "coinbase": ZERO_ADDRESS,
            "difficulty": POST_MERGE_DIFFICULTY,
            "extra_data": b"",
            "gas_limit": 2 * GAS,
            "mix_hash": POST_MERGE_MIX_HASH,
            "nonce": POST_MERGE_NONCE,
            "receipt_root": BLANK_ROOT_HASH,
            "timestamp": 1_700_000_000,
            "transaction_root": BLANK_ROOT_HASH,
        }
        funded: dict[Any, Any] = {
            to_canonical_address(a): {"balance": 10**24, "nonce": 0, "code": b"", "storage": {}}
            for a in accounts
        }
        chain = Chain.from_genesis(AtomicDB(), genesis, funded)  # type: ignore[arg-type]
        self._vm: Any = chain.get_vm()
        self._state: Any = None
        self.revert(self._vm.state.state_root)
        self._errors: dict[bytes, dict[str, Any]] = {}
        self._events: dict[tuple[bytes, int], dict[str, Any]] = {}

    def know(self, abi: list[dict[str, Any]]) -> None:
        """Learn the errors and events of a contract, to name them in what comes back."""
        for entry in abi:
            if entry["type"] == "error":
                self._errors[keccak(text=_signature(entry))[:4]] = entry
            elif entry["type"] == "event":
                indexed = sum(i["indexed"] for i in entry["inputs"])
                self._events[keccak(text=_signature(entry)), indexed] = entry

    def send(self, sender: str, to: str | None, data: bytes, value: int = 0) -> Sent:
        """Apply one transaction. Raises Reverted."""
        transaction = self._transaction(sender, to, data, value)
        before = self._state.state_root
        computation = self._state.apply_transaction(transaction)
        if computation.is_error:
            self.revert(before)
            raise self._reverted(computation)
        created = None
        if to is None:
            created = to_checksum_address(computation.msg.storage_address)
        logs = [self._log(*entry) for entry in computation.get_log_entries()]
        self._state.lock_changes()
        self._state.persist()
        # A state that is built anew has no warm slots, as at the start of every transaction.
        self.revert(self._state.state_root)
        gas = self._vm.finalize_gas_used(transaction, computation)
        return Sent(gas, logs, created, computation.output)

    def call(self, to: str, data: bytes, sender: str = account(0)) -> bytes:
        """What a call would answer. Raises Reverted."""
        before = self.snapshot()
        try:
            return self.send(sender, to, data).output
        finally:
            self.revert(before)

    def snapshot(self) -> bytes:
        """What `revert` goes back to: a state root."""
        return self._state.state_root

    def revert(self, snapshot: bytes) -> None:
        header = self._vm.get_header().copy(state_root=snapshot)
        self._state = self._vm.build_state(
            self._vm.chaindb.db, header, self._vm.chain_context, self._vm.previous_hashes
        )

    def code(self, address: str) -> bytes:
        return self._state.get_code(to_canonical_address(address))

    def _transaction(self, sender: str, to: str | None, data: bytes, value: int) -> Any:
        from_ = to_canonical_address(sender)
        unsigned = self._vm.get_transaction_builder().new_unsigned_dynamic_fee_transaction(
            chain_id=31337,
            nonce=self._state.get_nonce(from_),
            max_priority_fee_per_gas=0,
            max_fee_per_gas=10**10,
            gas=GAS,
            to=to_canonical_address(to) if to else b"",
            value=value,
            data=data,
            access_list=(),
        )
        return SpoofTransaction(unsigned, from_=from_)

    def _reverted(self, computation: PragueComputation) -> Reverted:
        output = computation.output
        entry = self._errors.get(output[:4])
        if entry is not None:
            return Reverted(entry["name"], decode([i["type"] for i in entry["inputs"]], output[4:]))
        if output[:4] == keccak(text="Panic(uint256)")[:4]:
            return Reverted("Panic", decode(["uint256"], output[4:]))
        return Reverted(type(computation.error).__name__, (output,))

    def _log(self, address: bytes, topics: Sequence[int], data: bytes) -> Log:
        words = [topic.to_bytes(32, "big") for topic in topics]
        entry = self._events[words[0], len(words) - 1]
        fixed = iter(words[1:])
        inputs = entry["inputs"]
        rest = iter(decode([i["type"] for i in inputs if not i["indexed"]], data))
        values = tuple(
            decode([i["type"]], next(fixed))[0] if i["indexed"] else next(rest) for i in inputs
        )
        return Log(to_checksum_address(address), entry["name"], values)


class Contract:
    """A contract at an address, whose functions are sent or called by name."""

    def __init__(self, evm: Evm, abi: list[dict[str, Any]], address: str) -> None:
        self.evm = evm
        self.address = address
        self._functions: dict[tuple[str, int], dict[str, Any]] = {
            (e["name"], len(e["inputs"])): e for e in abi if e["type"] == "function"
        }
        evm.know(abi)

    @staticmethod
    def deploy(evm: Evm, artifact: dict[str, Any], sender: str, *args: Any) -> tuple[Contract, int]:
        """The contract and the gas its deploy used."""
        code = bytes.fromhex(artifact["bytecode"].removeprefix("0x"))
        inputs = [e["inputs"] for e in artifact["abi"] if e["type"] == "constructor"]
        types = [i["type"] for i in inputs[0]] if inputs else []
        evm.know(artifact["abi"])
        sent = evm.send(sender, None, code + encode(types, args))
        assert sent.created is not None
        return Contract(evm, artifact["abi"], sent.created), sent.gas

    def data(self, name: str, *args: Any) -> bytes:
        """Call data of a function."""
        entry = self._functions[name, len(args)]
        types = [i["type"] for i in entry["inputs"]]
        return keccak(text=_signature(entry))[:4] + encode(types, args)

    def send(self, sender: str, name: str, *args: Any) -> Sent:
        return self.evm.send(sender, self.address, self.data(name, *args))

    def call(self, name: str, *args: Any, sender: str = account(0)) -> Any:
        output = self.evm.call(self.address, self.data(name, *args), sender)
        values = decode([o["type"] for o in self._functions[name, len(args)]["outputs"]], output)
        return values[0] if len(values) == 1 else values
