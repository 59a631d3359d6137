"""Royalties of several people: a contract that divides what it gets, at an address that proves it.

The shares stand in the splitter's own code, and its address follows from them by CREATE2: a
collection can name it as its royalty receiver before it is made, and nobody can make another one
there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nftgan.chain.artifact import SPLITTER, artifact
from nftgan.chain.birth import (
    NO_SALT,
    Shared,
    create2_address,
    deploy_bytecode,
    is_genuine,
)
from nftgan.chain.deployer import DEPLOYER
from nftgan.chain.rpc import Connection, rpc_errors

ETHER = "0x" + "00" * 20
"""Stands for ether where a token's address is asked for."""
WHOLE = 10_000
MOST_SHARES = 100

_CREATION = "61{size:04x}3d81600a3d39f3"
_HEAD = "36600557005b363d3d373d3d3d363d73"  # no calldata: STOP; else a minimal proxy
_TAIL = "5af43d82803e903d91603157fd5bf3"


def packed_shares(percents: Mapping[str, float]) -> bytes:
    """Each account with its part of 10,000, in the order of addresses, as the contract takes it."""
    parts = sorted(
        (bytes.fromhex(account.removeprefix("0x")), round(percent * 100))
        for account, percent in percents.items()
    )
    return b"".join(account + part.to_bytes(2, "big") for account, part in parts)


def splitter_implementation() -> Shared:
    """The contract that all splitters share, and that makes them."""
    code = deploy_bytecode(SPLITTER)
    place = create2_address(DEPLOYER, NO_SALT, code)
    return Shared("splitter contract", SPLITTER, code, place)


def splitter_code(shares: bytes) -> bytes:
    """The runtime code of the splitter of these packed shares."""
    implementation = splitter_implementation().address.removeprefix("0x")
    return bytes.fromhex(_HEAD + implementation + _TAIL) + shares


def splitter_address(shares: bytes) -> str:
    """Where the splitter of these packed shares stands on every chain."""
    code = splitter_code(shares)
    creation = bytes.fromhex(_CREATION.format(size=len(code))) + code
    return create2_address(splitter_implementation().address, NO_SALT, creation)


@dataclass(frozen=True)
class Splitter:
    """The splitter of these packed shares on one chain, whether it is there yet or not."""

    connection: Connection
    shares: bytes

    @property
    def address(self) -> str:
        return splitter_address(self.shares)

    @property
    def _contract(self) -> Any:
        return self.connection.w3.eth.contract(self.address, abi=artifact(SPLITTER)["abi"])

    def exists(self) -> bool:
        """Whether it stands on chain, with its code and that of the contract behind it.

        Raises ServiceError when the node fails.
        """
        with rpc_errors(self.connection):
            code = bytes(self.connection.w3.eth.get_code(self.address))
        own = splitter_code(self.shares)
        return code == own and is_genuine(self.connection, splitter_implementation())

    def due(self, token: str, account: str) -> int:
        """What `account` would be paid now, in the token's smallest unit. Raises ServiceError."""
        with rpc_errors(self.connection):
            return int(self._contract.functions.due(token, account).call())

    def released(self, token: str, account: str) -> int:
        """What `account` was paid so far. Raises ServiceError."""
        with rpc_errors(self.connection):
            return int(self._contract.functions.released(token, account).call())

    def create_data(self) -> bytes:
        """Calldata that has the shared contract make it."""
        return self._data("create", [self.shares])

    def release_data(self, token: str, account: str) -> bytes:
        """Calldata that pays `account` what is due to it."""
        return self._data("release", [token, account])

    def _data(self, function: str, arguments: list[Any]) -> bytes:
        return bytes.fromhex(self._contract.encode_abi(function, arguments).removeprefix("0x"))
