"""What a provider means by an error: wait and ask again, or ask for less. Codes first, then words.

JSON-RPC leaves the codes to each service (EIP-1474 names -32005 alone), and one of them says both
"too many questions" and "too large a question" with the same code: the words decide then.
"""

from __future__ import annotations

from typing import Any

BUSY_CODES = frozenset({429, -32005, -32007, -32016, -32029, -32090, -32097})
"""Codes of Infura, Alchemy, QuickNode, Base, Ankr and others that say "slower, please"."""

_BUSY_WORDS = (
    *("rate limit", "rate-limit", "ratelimit", "too many request", "request limit", "call limit"),
    *("throughput", "compute units per second", "requests per second", "slow down", "throttl"),
    *("quota", "credits limit", "try again later"),
)
_LARGE_WORDS = (
    *("block range", "blocks range", "range is too", "range too", "max range", "maximum range"),
    *("range limit", "limited to", "query returned more", "too wide", "exceeds the range"),
    *("response size", "response is too big", "too large", "too many results", "too many logs"),
    *("query timeout", "timed out", "timeout exceeded", "log response", "block distance"),
    *("block span", "max results", "up to a", "more than 10000"),
)
_MISSING_WORDS = (
    *("does not exist", "not available", "not supported", "unsupported", "not found", "unknown"),
    *("not implemented", "not whitelisted", "not allowed"),
)
METHOD_NOT_FOUND = -32601


def is_busy(error: dict[str, Any]) -> bool:
    """Whether the same question may be answered a little later."""
    text = str(error.get("message", "")).lower()
    if "revert" in text:  # a contract's own words
        return False
    if any(words in text for words in _BUSY_WORDS):
        return True
    return error.get("code") in BUSY_CODES and not asks_for_less(error)


def asks_for_less(error: dict[str, Any]) -> bool:
    """Whether the words are about what one log query may span, not about how many are asked."""
    text = str(error.get("message", "")).lower()
    return any(words in text for words in _LARGE_WORDS)


def lacks_method(code: int | None, text: str) -> bool:
    """Whether the node does not know the method at all, in the code of JSON-RPC or in words."""
    lower = text.lower()
    named = "method" in lower or "eth_" in lower
    return code == METHOD_NOT_FOUND or (named and any(words in lower for words in _MISSING_WORDS))
