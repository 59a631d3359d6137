"""How much memory a program may take now, where the system says it."""

from __future__ import annotations

from pathlib import Path

from nftgan.errors import UsageError


def free_memory() -> int | None:
    """Bytes of main memory that are free, or freed when asked for; None when nobody knows."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        return next(int(one.split()[1]) * 1024 for one in lines if one.startswith("MemAvailable"))
    except (OSError, StopIteration, ValueError):
        return None


def check_memory(needed: int, what: str, *, hint: str) -> None:
    """UsageError when `what` needs more bytes than are free, before any work is done."""
    free = free_memory()
    if free is not None and needed > free:
        raise UsageError(
            f"{what} need {needed / 1e9:.1f} GB of memory, and {free / 1e9:.1f} GB are free",
            hint=hint,
        )
