"""Tags shown as numbers, boosts or dates: `display_type` of the marketplace standard."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from typing import Any

from nftgan.errors import UsageError

NUMBER, BOOST, PERCENTAGE, DATE = "number", "boost_number", "boost_percentage", "date"
TYPES = (NUMBER, BOOST, PERCENTAGE, DATE)
MOST = 2**53 - 1
"""Larger whole numbers are not the same to every reader of JSON."""

_AMOUNT = r"[+-]?\d{1,16}(?:\.\d{1,6})?"
_NUMBER = re.compile(rf"({_AMOUNT})(?:\s*/\s*({_AMOUNT}))?", re.ASCII)
_DAY = re.compile(r"(\d{4})-(\d{2})-(\d{2})", re.ASCII)


def attribute(trait: str, text: str, display: Mapping[str, str]) -> dict[str, Any]:
    """A tag as a metadata attribute; `display` says how a trait is shown, by its name.

    "7" and "7/10" (with the largest value) are numbers, "2026-05-01" is a date. Raises UsageError
    for a text that is none.
    """
    kinds = {name.casefold(): kind for name, kind in display.items()}
    kind = kinds.get(trait.casefold())
    if kind is None:
        return {"trait_type": trait, "value": text}
    found: dict[str, Any] = {"trait_type": trait, "display_type": kind}
    if kind == DATE:
        return {**found, "value": _seconds(trait, text)}
    match = _NUMBER.fullmatch(text)
    if match is None:
        raise UsageError(
            f"the tag {trait}: {text!r} is not a number",
            hint="such as 7, 2.5 or 7/10; or take the trait out of [collection.display]",
        )
    found["value"] = _amount(match[1])
    if match[2] is not None:
        if kind != NUMBER or _amount(match[2]) < found["value"]:
            raise UsageError(
                f"the tag {trait}: {text!r} has no largest value",
                hint="7/10 is for the display number, and at most 10/10",
            )
        found["max_value"] = _amount(match[2])
    return found


def _amount(text: str) -> int | float:
    number = float(text)
    if number != int(number):
        return number
    if abs(int(number)) > MOST:
        raise UsageError(f"{text} is larger than {MOST:,}")
    return int(number)


def _seconds(trait: str, text: str) -> int:
    """Since 1970, at the beginning of the day in UTC: what `date` is made of."""
    day = _DAY.fullmatch(text)
    try:
        if day is None:
            raise ValueError
        when = datetime.datetime(
            int(day[1]), int(day[2]), int(day[3]), tzinfo=datetime.timezone.utc
        )
    except ValueError:
        raise UsageError(
            f"the tag {trait}: {text!r} is not a date", hint="write it as 2026-05-01"
        ) from None
    return int(when.timestamp())
