"""What nodes say of a transaction that they do not take, in the words of each client."""

from __future__ import annotations

from enum import Enum, auto

from nftgan.chain.errors import NodeRefused
from nftgan.errors import ServiceError


class Meaning(Enum):
    """Why a node did not take a transaction."""

    KNOWN = auto()  # it, or one with its nonce, is there already
    UNDERPRICED = auto()
    NONCE_GAP = auto()  # the nonces below are not there yet
    TOO_POOR = auto()
    CAPPED = auto()  # more gas or a higher fee than the node lets through
    OTHER = auto()


# The words of geth, Erigon, Nethermind, Besu, anvil and Arbitrum, in lower case: their code for
# all of these is -32000 or -32003 alike.
_KNOWN = (
    *("already known", "alreadyknown", "known transaction", "already imported", "same hash"),
    *("nonce too low", "nonce_too_low", "oldnonce", "replacement"),
)
_UNDERPRICED = (
    *("less than block base fee", "max fee per gas less", "fee cap less", "below current base fee"),
    *("feetoolow", "fee too low", "fee_too_low", "transaction underpriced: ", "gas price below"),
)
_TOO_POOR = ("insufficient funds", "insufficientfunds", "upfront cost exceeds account balance")
_NONCE_GAP = ("nonce too high", "exceeds next nonce", "too far in the future", "nonce-too-high")
_CAPPED = (
    *("exceeds the configured cap", "exceeds block gas limit", "gas limit too high"),
    "exceeds transaction gas limit",
)
_WORDS = (
    (Meaning.UNDERPRICED, _UNDERPRICED),
    (Meaning.KNOWN, _KNOWN),
    (Meaning.NONCE_GAP, _NONCE_GAP),
    (Meaning.CAPPED, _CAPPED),
    (Meaning.TOO_POOR, _TOO_POOR),
)
"""In this order: a fee may be called too low in a sentence that also says more."""


def meaning(error: ServiceError) -> Meaning:
    """By the node's own words; where there are none, nothing is known."""
    text = error.text.lower() if isinstance(error, NodeRefused) else ""
    return next(
        (what for what, known in _WORDS if any(one in text for one in known)), Meaning.OTHER
    )
