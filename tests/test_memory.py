import subprocess
import sys

import pytest

from nftgan import memory
from nftgan.errors import UsageError
from nftgan.memory import check_memory, free_memory, keep_freed_memory


def test_free_memory_is_told_in_bytes_where_the_system_says_it():
    free = free_memory()
    assert free is None or 10**6 < free < 10**15


def test_what_needs_more_than_is_free_is_refused_with_a_way_out(monkeypatch):
    monkeypatch.setattr(memory, "free_memory", lambda: 10**9)
    check_memory(10**9, "9 frames", hint="fewer")
    with pytest.raises(UsageError, match=r"9 frames need 2\.0 GB of memory, and 1\.0 GB") as caught:
        check_memory(2 * 10**9, "9 frames", hint="fewer")
    assert caught.value.hint == "fewer"
    monkeypatch.setattr(memory, "free_memory", lambda: None)
    check_memory(10**15, "9 frames", hint="fewer")


FAULTS = """
import resource, sys
from nftgan.memory import keep_freed_memory
if sys.argv[1] == "keep" and not keep_freed_memory(256 << 20):
    sys.exit(3)
for _ in range(6):
    blocks = [bytearray(20 << 20) for _ in range(4)]
    del blocks
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's allocator")
def test_freed_memory_is_kept_for_the_next_block():
    """Else the kernel clears each page of each block again."""

    def faults(how: str) -> int:
        done = subprocess.run([sys.executable, "-c", FAULTS, how], capture_output=True, check=False)
        if done.returncode == 3:
            pytest.skip("another C library")
        return int(done.stdout)

    pages = 4 * (20 << 20) // 4096
    assert faults("keep") < 2 * pages
    assert faults("not") > 4 * pages


def test_a_system_without_that_setting_goes_on(monkeypatch):
    monkeypatch.setattr(memory.ctypes, "CDLL", lambda _name: object())
    assert keep_freed_memory(1 << 20) is False
