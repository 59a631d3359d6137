"""Who holds which token, from Transfer events alone: as indexers know it (ERC-721)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from nftgan.chain.accounts import check_address

TRANSFER_TOPIC = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
"""Keccak-256 of `Transfer(address,address,uint256)`."""
_TOPIC = re.compile(r"0x0{24}[0-9a-fA-F]{40}")
NOBODY = "0x" + 40 * "0"


def transfers(logs: Iterable[Mapping[str, Any]], contract: str) -> list[tuple[int, str, str]]:
    """(token, from, to) of every Transfer event of `contract`, in the order of the logs.

    Raises ValueError, KeyError or IndexError for logs of the wrong form.
    """
    found = []
    for log in logs:
        topics = log["topics"]
        if str(log["address"]).lower() == contract.lower() and topics[0] == TRANSFER_TOPIC:
            giver, taker = (_account(topic) for topic in topics[1:3])
            found.append((int(topics[3], 16), giver, taker))
    return found


def _account(topic: str) -> str:
    """The checksummed address in a topic; nodes may write its letters as they like."""
    if not _TOPIC.fullmatch(topic):
        raise ValueError("no account")
    return check_address("0x" + topic[-40:].lower())


def holders(logs: Iterable[Mapping[str, Any]], contract: str) -> dict[int, str]:
    """Token to its holder after these logs; what was burnt is left out."""
    held: dict[int, str] = {}
    for token, _, taker in transfers(logs, contract):
        if taker == NOBODY:
            held.pop(token, None)
        else:
            held[token] = taker
    return held
