"""What batches of a mint take in gas, by trying a few sizes; nothing is sent.

A batch of one token is an ordinary token in storage and its price is its own. Larger batches have
a fixed part and one that grows with their tokens, and two sizes tell both.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from nftgan.chain.batches import Batch
from nftgan.chain.sending import GAS_MARGINS, TX_GAS_CAP

NEWCOMER = "0x" + 40 * "7"
"""Of nobody: what a batch takes whose receiver has no token yet is tried with it, never sent."""
NEW_SLOT_GAS = 22_100
"""A word of storage that was zero (EIP-2929)."""
CHANGED_SLOT_GAS = 5_000
"""A word of storage that held something."""
SINGLES_PER_SLOT = 6
"""Seeds of batches of one that share a word, where seeds are kept in contract code."""


@dataclass(frozen=True)
class MintGas:
    """What a batch takes, by its number of tokens."""

    single: int  # of one token
    fixed: int  # of more, beside its tokens
    per_token: int
    later: int = 0  # more for each larger batch after the collection's first one

    def of(self, tokens: int, *, later: bool) -> int:
        if tokens == 1:
            return self.single
        return self.fixed + self.per_token * tokens + (self.later if later else 0)


def per_token_gas(attempt: Callable[[int], int], most: int) -> tuple[int, int]:
    """(fixed part, part of each token) of batches of 2 to `most` tokens.

    attempt: the gas of a batch of so many tokens, as the node estimates it.
    """
    two = attempt(2)
    if most <= 2:
        return two, 0
    per_token = max(-(-(attempt(most) - two) // (most - 2)), 1)
    return max(two - 2 * per_token, 0), per_token


class GasFinder:
    """Tries batches of a few sizes at the next token: nothing else can be tried now."""

    def __init__(
        self, attempt: Callable[[Batch], int], batches: Sequence[Batch], seeds: Sequence[int]
    ) -> None:
        """attempt: what the node says that a batch takes. batches: as they would be without a
        limit. seeds: from the next token on.
        """
        self.attempt, self.seeds = attempt, seeds
        self.head = batches[0]
        self.to = self.head.to if len({one.to for one in batches}) == 1 else NEWCOMER
        # First of all the very batch that comes next: the contract may refuse it.
        self.known = {(len(self.head.seeds), self.head.to): attempt(self.head)}
        longest = max(len(batch.seeds) for batch in batches)
        self.fixed, self.per_token = per_token_gas(self.gas, longest) if longest > 1 else (0, 0)

    def gas(self, tokens: int) -> int:
        """The estimate for the next `tokens` tokens."""
        key = (tokens, self.to)
        if key not in self.known:
            self.known[key] = self.attempt(
                Batch(self.head.first, tuple(self.seeds[:tokens]), self.to)
            )
        return self.known[key]

    def most_tokens(self, size: int, block_gas: int) -> int:
        """Tokens in one transaction: `size`, or fewer where a cap wants it."""
        if not self.per_token:
            return size
        limit = min(TX_GAS_CAP, block_gas) * 100 // GAS_MARGINS[-1]
        return max(min(size, (limit - self.fixed) // self.per_token), 1)

    def priced(self, batches: Sequence[Batch], *, in_code: bool, later: bool) -> list[Batch]:
        """The batches with what each takes, about, and a margin.

        in_code: the collection keeps its seeds in contract code too. later: it surely has a batch
        of more than one token already.
        """
        ones = any(len(batch.seeds) == 1 for batch in batches)
        new = NEW_SLOT_GAS - CHANGED_SLOT_GAS
        # What was tried may have found a word for its seed that others will not find.
        found = new if in_code and self.head.first % SINGLES_PER_SLOT else 0
        prices = MintGas(
            single=self.gas(1) + found if ones else 0,
            fixed=self.fixed,
            per_token=self.per_token,
            later=0 if later else NEW_SLOT_GAS,
        )
        priced: list[Batch] = []
        several = False
        for batch in batches:
            gas = prices.of(len(batch.seeds), later=several)
            if priced and self.head.first == 0:
                gas -= new  # the first mint of all writes the contract's count where nothing stood
            before = priced[-1].seeds if priced else ()
            if in_code and len(before) == len(batch.seeds) == 1 and batch.first % SINGLES_PER_SLOT:
                gas -= new  # the seed joins the one before it
            priced.append(replace(batch, gas=gas * GAS_MARGINS[0] // 100))
            several = several or len(batch.seeds) > 1
        return priced
