"""ENS on a test chain: a registry that is its own resolver, and contracts that say one thing.

Assembled by hand, so that a test can have them give answers that no real one gives.
"""

from __future__ import annotations

from pathlib import Path

from ens.utils import raw_name_to_hash
from eth_utils import keccak

from nftgan.chain.accounts import Account
from nftgan.chain.rpc import Connection
from tests.chain.actors import sender


def selector(signature: str) -> bytes:
    return keccak(text=signature)[:4]


def _push(data: bytes) -> bytes:
    return bytes([0x5F + len(data)]) + data


def _initcode(code: bytes) -> bytes:
    """What a transaction must hold to leave `code` on chain."""
    # PUSH2 size, DUP1, PUSH1 12, PUSH0, CODECOPY, PUSH0, RETURN
    return b"\x61" + len(code).to_bytes(2, "big") + bytes.fromhex("80600a5f395ff3") + code


def saying(answer: bytes, *, refused: bool = False) -> bytes:
    """The code of a contract that gives this answer to every question, or reverts with it."""
    size, end = b"\x61" + len(answer).to_bytes(2, "big"), b"\xfd" if refused else b"\xf3"
    # CODECOPY(0, 12, size), then RETURN(0, size) or REVERT(0, size)
    return size + bytes.fromhex("600c5f39") + size + b"\x5f" + end + answer


def registry(resolver: str | None = None) -> bytes:
    """The code of a registry; a name that was set has it, or `resolver`, as its resolver.

    set(bytes32 node, bytes32 word) keeps what addr(bytes32) then gives.
    """
    this = b"\x30" if resolver is None else _push(bytes.fromhex(resolver[2:]))
    head = bytes.fromhex("6004355f3560e01c")  # the node, and the selector above it
    give = bytes.fromhex("5f5260205ff3")  # the word on top of the stack is the answer
    bodies = (
        ("set(bytes32,bytes32)", bytes.fromhex("5b506024359055") + b"\x00"),
        ("resolver(bytes32)", b"\x5b\x50\x54\x15\x15" + this + b"\x02" + give),
        ("addr(bytes32)", bytes.fromhex("5b5054") + give),
    )
    start = len(head) + 10 * len(bodies) + len(give) + 1
    table, rest = b"", b""
    for signature, body in bodies:
        at = start + len(rest)
        table += b"\x80" + _push(selector(signature)) + b"\x14" + _push(bytes([at])) + b"\x57"
        rest += body
    return head + table + b"\x5f" + give + rest


def deploy(connection: Connection, who: Account, folder: Path, code: bytes) -> str:
    """The address of a new contract with this code."""
    sending = sender(connection, who, folder / "ens.jsonl")
    done = sending.execute(f"make {keccak(code).hex()}", to=None, data=_initcode(code))
    assert done.contract is not None
    return done.contract


def set_name(
    connection: Connection, who: Account, folder: Path, registry: str, name: str, word: bytes
) -> None:
    """Let `name` have the resolver of the registry, and 32 bytes as its address there."""
    sending = sender(connection, who, folder / "ens.jsonl")
    data = selector("set(bytes32,bytes32)") + bytes(raw_name_to_hash(name)) + word
    sending.execute(f"{name} is {word.hex()}", to=registry, data=data)
