"""How a node or a contract can fail us; who must act decides the class."""

from __future__ import annotations

from nftgan.errors import ServiceError, UsageError

MAX_TEXT = 300


class NodeUnavailable(ServiceError):
    """The node failed in a way that may pass: the same question can be asked again later."""


class OtherChain(ServiceError):
    """One of several nodes is of another chain than the others: it is left out."""

    def __init__(self, where: str, found: int | None, why: str = "") -> None:
        why = why or f"its chain id is {found}"
        super().__init__(f"the node at {where} is of another chain: {why}")


class NodeRefused(ServiceError):
    """The node understood and said no: `code` of JSON-RPC, and `text`, its words without ours.

    Decide by these two and never by `message`, which also names the node's host.
    """

    def __init__(self, where: str, text: str, code: int | None = None) -> None:
        self.code, self.text = code, text[:MAX_TEXT]
        super().__init__(f"the node at {where} refused: {self.text}")


class ContractReverted(UsageError):
    """The contract, not the node, said no; the message holds its reason."""
