"""Contracts that are clones of ours: proven by their address, and what they fix for ever."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nftgan.chain.artifact import artifact
from nftgan.chain.birth import Birth, verify_birth
from nftgan.chain.rpc import Connection, rpc_errors
from nftgan.errors import CheckFailed, ServiceError


class Clone:
    """A clone read over RPC. Everything raises ServiceError when the node fails.

    kind: what it is called in sentences. interface: the shipped contract whose functions it has.
    shipped: those that it may be a clone of.
    """

    def __init__(
        self,
        connection: Connection,
        address: str,
        *,
        kind: str,
        interface: str,
        shipped: Sequence[str],
    ) -> None:
        self.connection, self.address = connection, address
        self._kind, self._shipped = kind, tuple(shipped)
        self._contract = connection.w3.eth.contract(address, abi=artifact(interface)["abi"])
        self._birth: Birth | None = None  # once it is proven: code that is there never changes

    def _call(self, function: str, *arguments: Any) -> Any:
        with rpc_errors(self.connection):
            return getattr(self._contract.functions, function)(*arguments).call()

    def code_problem(self) -> str | None:
        """None when its address proves that our contract made it, else what is wrong."""
        return self._recognised().problem or None

    def _recognised(self) -> Birth:
        if self._birth is None:
            birth = verify_birth(self.connection, self.address, self._shipped)
            if birth.problem:
                return birth
            self._birth = birth
        return self._birth

    def _arguments(self) -> bytes:
        """Its immutable arguments, out of the code that the address proves: no node can lie.

        The first 20 bytes are its owner. Raises CheckFailed when our contract did not make it.
        """
        birth = self._recognised()
        if birth.problem:
            raise CheckFailed(f"the {self._kind} {self.address} cannot be trusted: {birth.problem}")
        return birth.arguments

    def _contradiction(self, what: str) -> ServiceError:
        return ServiceError(
            f"the node at {self.connection.where} shows {what}, which this {self._kind}"
            " cannot have",
            hint="choose another node with --rpc",
        )
