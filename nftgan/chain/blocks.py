"""Waiting for blocks to come; on a development chain, which makes them on demand, they are made."""

from __future__ import annotations

import time
from collections.abc import Callable

from nftgan.chain.rpc import Connection, rpc_errors
from nftgan.errors import PartlyDone, ServiceError

DEVELOPMENT = ("embedded", "anvil")
PATIENCE_BLOCKS = 200
"""How many blocks' time one command waits for blocks."""


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
