"""Seed lists: "0-99,142" ↔ a tuple of integers, as StyleGAN users write them."""

from __future__ import annotations

from collections.abc import Iterable

from nftgan.errors import UsageError

MAX_SEED = 2**32 - 1
"""numpy.random.RandomState takes seeds below 2**32, and the contract stores four bytes."""

MAX_COUNT = 1_000_000


def parse_seeds(text: str, *, what: str = "seed", repeats: bool = False) -> tuple[int, ...]:
    """The numbers that `text` names, in the order written; ranges include both ends.

    Raises UsageError for anything but comma-separated integers and ranges in [0, 2**32 - 1],
    for more than a million, and for a repeated number unless `repeats` allows it.
    """
    numbers: list[int] = []
    for part in text.replace(" ", "").split(","):
        first, dash, last = part.partition("-")
        if not (first.isdecimal() and first.isascii()) or (
            dash and not (last.isdecimal() and last.isascii())
        ):
            raise UsageError(
                f"{part or text!r} is not a {what} or a range of {what}s",
                hint="write them like 0-99,142",
            )
        if max(len(first), len(last)) > 19:
            raise UsageError(f"{what} {part[:40]} is above the largest possible, {MAX_SEED}")
        low, high = int(first), int(last) if dash else int(first)
        if high < low:
            raise UsageError(f"the range {part} runs backwards", hint=f"write {high}-{low}")
        if high > MAX_SEED:
            raise UsageError(f"{what} {high} is above the largest possible, {MAX_SEED}")
        if len(numbers) + high - low + 1 > MAX_COUNT:
            raise UsageError(f"{text!r} names more than {MAX_COUNT:,} {what}s")
        numbers.extend(range(low, high + 1))
    if not repeats and len(set(numbers)) != len(numbers):
        raise UsageError(f"{text!r} names a {what} twice")
    return tuple(numbers)


def format_seeds(seeds: Iterable[int]) -> str:
    """The shortest text that `parse_seeds` turns back into the same tuple."""
    runs: list[list[int]] = []
    for seed in seeds:
        if runs and runs[-1][1] + 1 == seed:
            runs[-1][1] = seed
        else:
            runs.append([seed, seed])
    return ",".join(str(low) if low == high else f"{low}-{high}" for low, high in runs)
