"""Seed lists: "0-99,142" ↔ a tuple of integers, as StyleGAN users write them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

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


def parse_places(text: str, *, repeats: bool = False) -> tuple[int | Path, ...]:
    """As `parse_seeds`, but a part may also be the .npz of a latent, or a folder of such.

    "3,me.npz,8", "projected/". A path holds no comma; a folder has a slash in its name. Raises
    UsageError also for a folder without latents.
    """
    places: list[int | Path] = []
    for part in text.split(","):
        named = part.strip()
        path = Path(named).expanduser()
        if named.lower().endswith(".npz"):
            places.append(path)
        elif "/" in named or "\\" in named:
            files = sorted(path.glob("*.npz"))
            if not files:
                raise UsageError(f"{path} holds no latents", hint="nftgan project ART -o FOLDER")
            places += files
        else:
            places += parse_seeds(part, repeats=repeats)
    if not repeats and len(set(places)) != len(places):
        raise UsageError(f"{text!r} names a seed or a latent twice")
    return tuple(places)


def format_seeds(seeds: Iterable[int]) -> str:
    """The shortest text that `parse_seeds` turns back into the same tuple."""
    runs: list[list[int]] = []
    for seed in seeds:
        if runs and runs[-1][1] + 1 == seed:
            runs[-1][1] = seed
        else:
            runs.append([seed, seed])
    return ",".join(str(low) if low == high else f"{low}-{high}" for low, high in runs)
