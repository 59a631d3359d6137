"""Numbers as a person reads them: counts with their noun, shares, times, the n-th."""

from __future__ import annotations


def counted(number: int, thing: str, things: str = "") -> str:
    """ "1 piece", "2,000 pieces"; things: the plural, where an s does not make it."""
    return f"{number:,} {thing if number == 1 else things or thing + 's'}"


def percent(part: float, whole: float) -> str:
    """A share: "12 %", and below one per cent its first digit."""
    share = 100 * part / whole
    return f"{share:.0f} %" if share >= 1 else f"{share:.1g} %"


def duration(seconds: float) -> str:
    """ "45 s", "12 min", "3 h 20 min"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def ordinal(number: int) -> str:
    """ "1st", "2nd", "11th"."""
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{'th' if number // 10 % 10 == 1 else ending}"
