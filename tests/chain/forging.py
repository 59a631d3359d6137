"""Contracts of a liar: genuine runtime code behind creation code that writes storage first."""

from __future__ import annotations

from collections.abc import Mapping

from eth_utils import keccak

from nftgan.chain.birth import create2_address
from nftgan.chain.contract import Collection
from nftgan.chain.deployer import DEPLOYER
from nftgan.chain.rpc import Connection
from nftgan.chain.sending import Sender

OPERATOR_APPROVALS, PENDING_OWNER = 5, 8
"""Slots of a collection (OpenZeppelin's ERC721 first, then its own, in order of declaration)."""
EARNED = 1
"""Slot of a sale."""


def push(value: int | bytes) -> bytes:
    word = value if isinstance(value, bytes) else value.to_bytes(32, "big")
    return bytes([0x5F + len(word)]) + word


def poisoned(runtime: bytes, storage: Mapping[int, int]) -> bytes:
    """Creation code that writes `storage`, then returns `runtime` to the last byte."""
    stores = b"".join(push(value) + push(slot) + b"\x55" for slot, value in storage.items())
    size = push(len(runtime).to_bytes(3, "big"))
    length = len(stores) + len(size) + 1 + 4 + 4  # of all that comes before `runtime`
    # size, size again, offset, 0: CODECOPY; then 0: RETURN
    copy = size + b"\x80" + push(length.to_bytes(3, "big")) + b"\x5f\x39\x5f\xf3"
    assert len(stores + copy) == length
    return stores + copy + runtime


def mapping_slot(slot: int, *keys: str) -> int:
    """Where a mapping, or a mapping of mappings, of addresses keeps the entry of `keys`."""
    place = slot.to_bytes(32, "big")
    for key in keys:
        place = keccak(bytes(12) + bytes.fromhex(key[2:]) + place)
    return int.from_bytes(place, "big")


def put(sending: Sender, name: str, code: bytes) -> str:
    """The address of a contract made by a transaction of its own."""
    contract = sending.execute(name, to=None, data=code).contract
    assert contract is not None
    return contract


def put_at_proof(sending: Sender, name: str, code: bytes) -> str:
    """The same by the deterministic deployer."""
    sending.execute(name, to=DEPLOYER, data=bytes(32) + code)
    return create2_address(DEPLOYER, bytes(32), code)


def code_of(connection: Connection, address: str) -> bytes:
    return bytes(connection.w3.eth.get_code(address))  # type: ignore[arg-type]


def trapped(sending: Sender, genuine: Collection, buyer: str, thief: str) -> Collection:
    """A clone equal to `genuine` by its code, whose storage favours a thief from birth."""
    runtime = code_of(genuine.connection, genuine.address)
    storage = {
        mapping_slot(OPERATOR_APPROVALS, buyer, thief): 1,
        PENDING_OWNER: int(thief, 16),
    }
    return Collection(genuine.connection, put(sending, "trap", poisoned(runtime, storage)))
