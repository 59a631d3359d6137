"""Batches: the transactions that mint consecutive tokens, one account each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from nftgan.chain.recipients import Allotment


@dataclass(frozen=True)
class Batch:
    """Consecutive tokens that one transaction mints to one account."""

    first: int
    seeds: tuple[int, ...]
    to: str
    gas: int = 0  # about, as planned

    @property
    def end(self) -> int:
        """The token after the last one."""
        return self.first + len(self.seeds)

    @property
    def operation(self) -> str:
        return f"mint {self.first}-{self.end - 1}"


def joined(allotments: Iterable[Allotment]) -> list[Allotment]:
    """Neighbours of one account as one: they fit in one transaction."""
    found: list[Allotment] = []
    for one in allotments:
        if found and found[-1].to == one.to:
            found[-1] = replace(found[-1], count=found[-1].count + one.count)
        else:
            found.append(one)
    return found


def divided(
    wanted: Sequence[Allotment], begun: Sequence[Batch], seeds: Sequence[int], size: int
) -> list[Batch]:
    """Batches of at most `size` tokens; those that were begun keep their borders."""
    batches: list[Batch] = []
    kept = {batch.first: batch for batch in begun}
    borders = sorted(kept, reverse=True)
    for one in wanted:
        token = one.first
        while token < one.end:
            while borders and borders[-1] < token:
                borders.pop()
            batch = kept.get(token)
            if batch is None:
                end = min(token + size, one.end, borders[-1] if borders else one.end)
                batch = Batch(token, tuple(seeds[token:end]), one.to)
            batches.append(batch)
            token = batch.end
    return batches
