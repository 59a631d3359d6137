"""Freed memory stays in the process, unless someone chose otherwise."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

from nftgan.ops.memory import CHOSEN_BY_THE_USER

PROGRAM = """
import resource
from nftgan.ops.memory import keep_freed_memory
import torch
print(keep_freed_memory())
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
# Each a little smaller than the one before: malloc asks for a few bytes more than an aligned block
# takes, so that one of equal size may not fit where the last one was.
sizes = [(64 << 20) - (k << 18) for k in range(7)]  # about 256 MiB
for size in sizes[:3]:
    torch.ones(size)
before = faults()
for size in sizes[3:]:
    torch.ones(size)
print(faults() - before)
"""


def run(**environment: str) -> list[str]:
    own = {k: v for k, v in os.environ.items() if k not in CHOSEN_BY_THE_USER}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**own, **environment, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split()


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="malloc here is not glibc's")
def test_a_block_that_is_used_again_takes_no_page_faults() -> None:
    done, faults = run()
    pages = (256 << 20) // os.sysconf("SC_PAGE_SIZE")
    assert done == "True"
    assert int(faults) < 4 * pages / 2  # an untuned process takes them all, each time


def test_thresholds_from_the_environment_are_left_alone() -> None:
    assert run(MALLOC_TRIM_THRESHOLD_="131072")[0] == "False"
