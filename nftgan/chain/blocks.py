"""Blocks: what they say, and waiting for them; a development chain makes them on demand."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

from nftgan.chain.rpc import Connection, rpc_errors
from nftgan.errors import PartlyDone, ServiceError

DEVELOPMENT = ("embedded", "anvil")
PATIENCE_BLOCKS = 200
"""How many blocks' time one command waits for blocks."""


def block_fields(connection: Connection, tag: str = "latest") -> dict[str, Any]:
    """A block's fields as the node gives them. Raises ServiceError.

    web3.py would refuse the seals that proof-of-authority chains, and old blocks of rollups, keep
    in extraData.
    """
    found = connection.ask("eth_getBlockByNumber", tag, False)
    if not isinstance(found, dict):
        raise ServiceError(
            f"the node at {connection.where} does not show its block {tag}",
            hint="choose another node with --rpc",
        )
    return found


def genesis_hash(connection: Connection) -> str:
    """The hash of block 0: two chains with one id are told apart by it. Raises ServiceError."""
    text = str(block_fields(connection, "0x0").get("hash"))
    if not re.fullmatch(r"0x[0-9a-fA-F]{64}", text):
        raise ServiceError(
            f"the node at {connection.where} does not say the hash of its first block",
            hint="choose another node with --rpc",
        )
    return text.lower()


def latest_time(connection: Connection) -> int:
    """When the last block was made, in seconds since 1970. Raises ServiceError."""
    with rpc_errors(connection):
        return int(block_fields(connection)["timestamp"], 16)


def gas_limit(connection: Connection) -> int:
    """How much gas one block takes, as the last one says. Raises ServiceError."""
    with rpc_errors(connection):
        return int(block_fields(connection)["gasLimit"], 16)


def latest_block(connection: Connection) -> int:
    """The number of the last block. Raises ServiceError."""
    with rpc_errors(connection):
        return int(connection.w3.eth.block_number)


def reach_block(connection: Connection, number: int, *, note: Callable[[str], None]) -> None:
    """Return when block `number` is there.

    Raises PartlyDone when that takes far longer than it should, ServiceError for a node that fails.
    """
    missing = number - latest_block(connection)
    if missing <= 0:
        return
    seconds = connection.chain.block_seconds
    if connection.chain.name in DEVELOPMENT and _mine(connection, missing):
        return
    about = f", about {round(missing * seconds / 60)} minutes" if seconds else ""
    note(f"waiting for block {number}{about}; Ctrl-C is safe, run the same command again later")
    end = time.monotonic() + PATIENCE_BLOCKS * max(seconds, 1)
    while latest_block(connection) < number:
        if time.monotonic() > end:
            raise PartlyDone(f"block {number} is not there yet", hint="run the same command again")
        time.sleep(min(max(seconds / 2, 0.2), 10))


def _mine(connection: Connection, blocks: int) -> bool:
    """Ask a development chain for blocks; False when it makes none."""
    try:
        connection.ask("anvil_mine", hex(blocks))
    except ServiceError:
        return False
    return True
