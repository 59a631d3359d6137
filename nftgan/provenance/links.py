"""The chain of custody as data: one link per claim, one report per token."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["holds", "broken", "unchecked"]


@dataclass(frozen=True)
class Link:
    """One claim, whether it holds, and one plain sentence about what was found."""

    name: str
    verdict: Verdict
    found: str


@dataclass(frozen=True)
class TokenReport:
    """Every link of one token, in the order in which they depend on each other."""

    token: int
    seed: int | None
    links: tuple[Link, ...]

    @property
    def holds(self) -> bool:
        """True when nothing is broken and nothing had to be left unchecked."""
        return all(link.verdict == "holds" for link in self.links)

    @property
    def broken(self) -> tuple[Link, ...]:
        return tuple(link for link in self.links if link.verdict == "broken")


class LinkLog:
    """Collects the links of one token; what cannot be checked after a break is said to be so."""

    def __init__(self) -> None:
        self.links: list[Link] = []

    def check(self, name: str, holds: bool, yes: str, no: str) -> bool:
        """Add a link that holds (`yes`) or is broken (`no`); return which."""
        self.links.append(Link(name, "holds" if holds else "broken", yes if holds else no))
        return holds

    def broke(self, name: str, why: str) -> None:
        self.links.append(Link(name, "broken", why))

    def unchecked(self, why: str, *names: str) -> None:
        """Add the `names` that are not in the log yet as unchecked."""
        have = {link.name for link in self.links}
        self.links.extend(Link(name, "unchecked", why) for name in names if name not in have)
