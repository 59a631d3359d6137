"""ENS names that a mint was begun with: they stay with the accounts that they stood for then.

A name may be given to somebody else between two runs of one command. The second run would give
the rest of a drop, or all of it once more, to another person.
"""

from __future__ import annotations

from collections.abc import Mapping

from nftgan.chain.journal import Journal
from nftgan.chain.names import spelled
from nftgan.errors import UsageError


def refuse_moved_names(journal: Journal, names: Mapping[str, str]) -> None:
    """Raises UsageError for a name that stood for another account in an earlier mint.

    names: account to the name by which it is meant now.
    """
    earlier = journal.names()
    for now, name in names.items():
        before = earlier.get(name, now)
        if before != now:
            raise UsageError(
                f"{spelled(name)} stands for {now} now, and stood for {before} when a mint to"
                " it was begun here",
                hint="find out who of them is meant, and give the address itself",
            )
