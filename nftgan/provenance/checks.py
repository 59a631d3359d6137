"""The chain of custody as data: one check per claim, one report per token."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Verdict = Literal["holds", "broken", "unchecked"]
"""As `verify --json` writes it."""

PASS: Final = "holds"
FAIL: Final = "broken"
SKIPPED: Final = "unchecked"


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


@dataclass(frozen=True)
class TokenReport:
    """Every check of one token, in the order in which they depend on each other."""

    token: int
    seed: int | None
    links: tuple[Check, ...]  # `links` in `verify --json`

    @property
    def passed(self) -> bool:
        """True when every check passed: none failed and none had to be skipped."""
        return all(check.passed for check in self.links)

    @property
    def failed(self) -> tuple[Check, ...]:
        """The checks that failed."""
        return tuple(check for check in self.links if check.failed)


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

    def skip(self, why: str, *names: str) -> None:
        """Add those of `names` that are not in the log yet, as skipped."""
        have = {check.name for check in self.checks}
        self.checks.extend(Check(name, SKIPPED, why) for name in names if name not in have)
