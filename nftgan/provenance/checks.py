"""The chain of custody as data: one check per claim, one report per token."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Verdict = Literal["holds", "broken", "unchecked", "unproven"]
"""As `verify --json` writes it."""

PASS: Final = "holds"
FAIL: Final = "broken"
SKIPPED: Final = "unchecked"
"""It could have been checked, and was not."""
NOTE: Final = "unproven"
"""Nothing can prove it, or nobody asked to: said so that nobody takes it for proven."""


@dataclass(frozen=True)
class Check:
    """One claim, its verdict, and one plain sentence about what was found."""

    name: str
    verdict: Verdict
    found: str

    @property
    def passed(self) -> bool:
        return self.verdict == PASS

    @property
    def failed(self) -> bool:
        return self.verdict == FAIL

    @property
    def skipped(self) -> bool:
        return self.verdict == SKIPPED


@dataclass(frozen=True)
class TokenReport:
    """Every check of one token, in the order in which they depend on each other."""

    token: int
    seed: int | None
    links: tuple[Check, ...]  # `links` in `verify --json`
    burnt: bool = False  # destroyed by its holder; what it was can still be proven

    @property
    def passed(self) -> bool:
        """True when every check passed: none failed and none had to be skipped."""
        return all(check.verdict in (PASS, NOTE) for check in self.links)

    @property
    def failed(self) -> tuple[Check, ...]:
        """The checks that failed."""
        return tuple(check for check in self.links if check.failed)

    @property
    def skipped(self) -> tuple[Check, ...]:
        """The checks that could have been made and were not."""
        return tuple(check for check in self.links if check.skipped)


class CheckLog:
    """Collects the checks of one token; those skipped after a failure are recorded as such."""

    def __init__(self) -> None:
        self.checks: list[Check] = []

    def check(self, name: str, passed: bool, yes: str, no: str) -> bool:
        """Add a check that passes (`yes`) or fails (`no`); return which."""
        self.checks.append(Check(name, PASS if passed else FAIL, yes if passed else no))
        return passed

    def fail(self, name: str, why: str) -> None:
        """Add a check that failed."""
        self.checks.append(Check(name, FAIL, why))

    def note(self, name: str, what: str) -> None:
        """Add a claim that nothing proves."""
        self.checks.append(Check(name, NOTE, what))

    def skip(self, why: str, *names: str) -> None:
        """Add those of `names` that are not in the log yet, as skipped."""
        have = {check.name for check in self.checks}
        self.checks.extend(Check(name, SKIPPED, why) for name in names if name not in have)
