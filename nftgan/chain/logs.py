"""Searching logs backwards through blocks, in spans as wide as the node allows.

Providers allow from ten blocks to all of them in one query, and say so in words of their own. A
refused span is made narrower, a number in the refusal is taken at its word, and what worked grows
again, so that an old collection needs few questions.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TypeVar

from nftgan.chain.errors import NodeRefused, NodeUnavailable
from nftgan.chain.refusals import METHOD_NOT_FOUND
from nftgan.chain.rpc import Connection
from nftgan.errors import ServiceError

T = TypeVar("T")
MAX_LOG_QUERIES = 50_000
NARROWER = 4
"""How many times narrower the next span is when the refusal names no number."""
MOST_SILENT = 3
"""Spans in a row without any answer: then it is the node, not the span."""
TRUST_AFTER = 8
"""Answers in a row, after which a wider span is tried again: logs may lie thick in one place."""

_SUGGESTED = re.compile(r"\[\s*(0x[0-9a-f]+)\s*,\s*(0x[0-9a-f]+)\s*\]", re.IGNORECASE)
_NUMBER = re.compile(
    r"(?<![\w.,])(\d{1,3}(?:[,_']\d{3})+|\d+)(?!\d)\s?(k\b)?"
    r"(?!\s*(?:\+\s*)?(?:result|log|event|mb|kb|byte|second|sec|ms|s\b|record))",
    re.IGNORECASE,
)


def named_span(text: str, refused_blocks: int) -> int | None:
    """How many blocks a refusal says that a query may span; None when it says nothing below
    `refused_blocks`.
    """
    suggested = _SUGGESTED.search(text)
    if suggested:
        blocks = int(suggested[2], 16) - int(suggested[1], 16) + 1
        return blocks if 1 <= blocks < refused_blocks else None
    numbers = [
        int(re.sub(r"\D", "", number)) * (1000 if thousands else 1)
        for number, thousands in _NUMBER.findall(text)
        if len(number) <= 12
    ]
    return max((number for number in numbers if 1 <= number < refused_blocks), default=None)


def search_backwards(
    connection: Connection, first: int, last: int, ask: Callable[[int, int], T]
) -> Iterator[T]:
    """What `ask(from, to)` gives for spans of blocks from `last` down to `first`, without gaps.

    Raises ServiceError when the node refuses even one block, or wants too many questions.
    """
    end, span = last, max(last - first + 1, 1)
    named: int | None = None  # what the node itself says that is allowed
    refused: int | None = None  # the narrowest span that was refused of late
    easy = mute = asked = 0
    while end >= first:
        asked += 1
        if asked > MAX_LOG_QUERIES:  # a node may invent any number of blocks
            raise ServiceError(
                f"the node at {connection.where} wants more than {MAX_LOG_QUERIES:,} questions for"
                " its logs",
                hint="choose a node that allows wider log queries with --rpc",
            )
        start = max(first, end - span + 1)
        width = end - start + 1
        try:
            shown = ask(start, end)
        except NodeUnavailable:
            mute += 1
            if width == 1 or mute > MOST_SILENT:
                raise
            span, refused, easy = max(width // NARROWER**2, 1), width, 0
            continue
        except ServiceError as exc:
            text = exc.text if isinstance(exc, NodeRefused) else ""
            missing = isinstance(exc, NodeRefused) and exc.code == METHOD_NOT_FOUND
            if width == 1 or missing:
                raise ServiceError(
                    exc.message,
                    hint="choose a node that allows wider log queries with --rpc; a collection of"
                    " deploy --seed-store code needs none",
                ) from exc
            said = named_span(text, width)
            named = said if said is not None else named
            span, refused, easy = said or max(width // NARROWER, 1), width, 0
            continue
        mute = 0
        yield shown
        end = start - 1
        easy += 1
        if easy % TRUST_AFTER == 0:
            refused = None
        wider = 2 * span
        if (named is None or wider <= named) and (refused is None or wider < refused):
            span = wider
