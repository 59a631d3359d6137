"""How much memory a program may take now, and what it does with what it has freed."""

from __future__ import annotations

import ctypes
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


_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of mallopt, in malloc.h


def keep_freed_memory(most: int) -> bool:
    """Have this process keep up to so many freed bytes for later; False where that can't be set.

    glibc gives large blocks back at once, and the kernel then has to clear every page again for the
    next one: a third of the time of a process that decodes one image after the other.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, TypeError, AttributeError):  # another system, or another C library
        return False
    return bool(mallopt(_MMAP_THRESHOLD, most)) and bool(mallopt(_TRIM_THRESHOLD, most))
