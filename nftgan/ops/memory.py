"""Keep freed memory in the process: half of a generator's time on a CPU can be page faults.

glibc gives every large block back to the kernel as soon as it is freed and takes page faults to
fetch it again, layer after layer. With thresholds of 1 GiB the same pages are used again.
"""

from __future__ import annotations

import ctypes
import functools
import os
import platform

THRESHOLD_BYTES = 1 << 30
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # <malloc.h>
CHOSEN_BY_THE_USER = ("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "GLIBC_TUNABLES")


@functools.cache
def keep_freed_memory() -> bool:
    """Raise malloc's thresholds once for this process; says whether that was done.

    Leaves alone another C library than glibc, and thresholds that the environment sets.
    """
    if platform.libc_ver()[0] != "glibc" or any(name in os.environ for name in CHOSEN_BY_THE_USER):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    done = [mallopt(option, THRESHOLD_BYTES) for option in (M_MMAP_THRESHOLD, M_TRIM_THRESHOLD)]
    return all(done)
